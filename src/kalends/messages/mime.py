"""A mail as bytes: text, HTML and, for an invitation, the calendar part in the form that Gmail and Outlook act upon.

RFC 6047 (iMIP) asks for `text/calendar` with a `method` parameter equal to the METHOD inside. Gmail and Outlook act on
that part inside multipart/alternative; programs that do not get the same text as invite.ics beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from functools import lru_cache

from django.utils.translation import gettext as _

from kalends.core.errors import InvalidInput
from kalends.messages.render import Rendered


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sends to whom. `sender` is an address alone; `sender_name` is what people see."""

    sender: str
    sender_name: str
    recipient: str
    reply_to: str = ""


@dataclass(frozen=True, slots=True)
class Invitation:
    """iCalendar text and its METHOD (REQUEST, CANCEL)."""

    text: str
    method: str


class _Policy(EmailPolicy):
    """Without the empty first line that the standard library gives a header which would just fit on the next one.

    Such a line is allowed, but programs show the blank before the subject, and spam filters count it.
    """

    def fold_binary(self, name: str, value: str) -> bytes:
        empty = f"{name}:{self.linesep} ".encode()
        folded = super().fold_binary(name, value)
        return f"{name}: ".encode() + folded.removeprefix(empty) if folded.startswith(empty) else folded


_POLICY = _Policy(linesep="\r\n")


@lru_cache(maxsize=1024)
def address(text: str) -> str:
    """The address of "Name <address>" or of an address alone, its domain in ASCII. Raises InvalidInput."""
    local, at, domain = parseaddr(text)[1].rpartition("@")
    if not at or not local or not domain:
        raise InvalidInput(_("This is not an e-mail address"), field="email")
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError as error:
        raise InvalidInput(_("This is not an e-mail address"), field="email") from error


def build_mail(
    rendered: Rendered, envelope: Envelope, *, message_id: str, at: datetime, invitation: Invitation | None = None
) -> bytes:
    """The mail with CRLF line ends. The same arguments give the same bytes but for the MIME boundaries."""
    mail = EmailMessage(policy=_POLICY)
    mail["Subject"] = rendered.subject
    mail["From"] = _person(envelope.sender, envelope.sender_name)
    mail["To"] = _person(envelope.recipient, "")
    if envelope.reply_to:
        mail["Reply-To"] = _person(address(envelope.reply_to), "")
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = message_id
    # Keeps out-of-office answers away (RFC 3834).
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(rendered.text, cte="quoted-printable")
    mail.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    if invitation:
        _add_invitation(mail, invitation)
    return mail.as_bytes()


def _add_invitation(mail: EmailMessage, invitation: Invitation) -> None:
    mail.add_alternative(
        invitation.text, subtype="calendar", cte="base64", params={"method": invitation.method, "name": "invite.ics"}
    )
    mail.add_attachment(
        invitation.text.encode(),
        maintype="application",
        subtype="ics",
        filename="invite.ics",
        params={"name": "invite.ics"},
    )


def _person(where: str, name: str) -> Address:
    shown = " ".join("".join(letter for letter in name if letter.isprintable() or letter.isspace()).split())
    return Address(display_name=shown, addr_spec=where)
