from __future__ import annotations

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from kalends.core.errors import InvalidInput
from kalends.messages.transport import FolderTransport, SmtpTransport, TransportError, transport_for
from tests.e2e.processes import PATIENCE, free_ports

MAIL = b"Subject: x\r\n\r\nHello\r\n.leading dot\r\n"


class Sink:
    """Takes mail, unless the recipient's name asks for a refusal."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], bytes]] = []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("unknown@"):
            return "550 no such mailbox"
        if address.startswith("full@"):
            return "452 mailbox full"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if "spam" in envelope.rcpt_tos[0]:
            return "554 refused"
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content))
        return "250 OK"


def authenticator(server, session, envelope, mechanism, auth_data):
    right = auth_data.login == b"user" and auth_data.password == b"pa:ss"
    return AuthResult(success=right, handled=right)


class PlainController(Controller):
    def factory(self):
        return SMTP(self.handler, authenticator=authenticator, auth_require_tls=False, hostname="sink.example")


@pytest.fixture
def sink():
    handler = Sink()
    [port] = free_ports(1)
    controller = PlainController(handler, hostname="127.0.0.1", port=port, ready_timeout=PATIENCE)
    controller.start()
    handler.url = f"smtp://127.0.0.1:{controller.port}/?tls=none"
    handler.port = controller.port
    yield handler
    controller.stop()


def send(url: str, recipient: str = "ada@example.org") -> None:
    transport_for(url).send(name="1", sender="kalends@example.org", recipient=recipient, mail=MAIL)


def test_smtp_hands_over_the_very_bytes(sink):
    send(sink.url)
    assert sink.mails == [("kalends@example.org", ["ada@example.org"], MAIL)]


def test_smtp_signs_in_with_what_the_url_says(sink):
    send(f"smtp://user:pa%3Ass@127.0.0.1:{sink.port}/?tls=none")
    assert len(sink.mails) == 1
    with pytest.raises(TransportError) as refused:
        send(f"smtp://user:wrong@127.0.0.1:{sink.port}/?tls=none")
    assert (refused.value.permanent, refused.value.reason) == (
        False,
        "The mail server refuses the user name or password",
    )


@pytest.mark.parametrize(("name", "permanent"), [("unknown", True), ("full", False), ("spam", True)])
def test_smtp_refusal_says_whether_trying_again_helps(sink, name, permanent):
    with pytest.raises(TransportError) as refused:
        send(sink.url, f"{name}@example.org")
    assert refused.value.permanent is permanent
    assert name not in refused.value.reason


def test_smtp_without_the_tls_it_was_asked_for_sends_nothing(sink):
    with pytest.raises(TransportError) as refused:
        send(f"smtp://127.0.0.1:{sink.port}/?tls=starttls")
    assert refused.value.permanent is False
    assert sink.mails == []


def test_server_that_is_not_there_is_a_passing_failure():
    [port] = free_ports(1)
    with pytest.raises(TransportError) as refused:
        send(f"smtp://127.0.0.1:{port}/?tls=none")
    assert refused.value.permanent is False


def test_check_says_where_mail_goes(sink, tmp_path):
    assert transport_for(sink.url).check() == f"127.0.0.1:{sink.port} takes mail (TLS: none)"
    assert transport_for(f"file://{tmp_path}/new/mail").check() == f"mails are put into the folder {tmp_path}/new/mail"


def test_folder_holds_one_whole_file_a_mail(tmp_path):
    folder = FolderTransport(tmp_path / "mail")
    for _ in range(2):
        folder.send(name="1", sender="a@example.org", recipient="b@example.org", mail=MAIL)
    assert [path.name for path in (tmp_path / "mail").iterdir()] == ["1.eml"]
    assert (tmp_path / "mail" / "1.eml").read_bytes() == MAIL


def test_folder_that_cannot_be_written_is_a_passing_failure(tmp_path):
    (tmp_path / "mail").write_text("a file where the folder should be")
    with pytest.raises(TransportError) as refused:
        FolderTransport(tmp_path / "mail").send(name="1", sender="a", recipient="b", mail=MAIL)
    assert refused.value.permanent is False


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://h", SmtpTransport("h", 587, "starttls")),
        ("smtp://h/?tls=ssl", SmtpTransport("h", 465, "ssl")),
        ("smtp://u%40x:hidden@h:2525/?tls=none", SmtpTransport("h", 2525, "none", "u@x", "hidden")),
    ],
)
def test_address_of_a_mail_server_is_read(url, expected):
    assert transport_for(url) == expected
    assert "hidden" not in repr(transport_for(url))


@pytest.mark.parametrize("url", ["", "smtp://", "http://h", "smtp://h/?tls=maybe"])
def test_address_that_is_none_is_refused(url):
    with pytest.raises(InvalidInput):
        transport_for(url)
