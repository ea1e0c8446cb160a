"""The two ways out: a folder of .eml files, and SMTP.

TransportError says whether trying again can help: `permanent` is a refusal of this very mail.
"""

from __future__ import annotations

import os
import smtplib
import ssl
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from kalends.core.errors import InvalidInput

_TIMEOUT = 20.0
_PORTS = {"starttls": 587, "ssl": 465, "none": 25}


class TransportError(Exception):
    """`reason` is for people and holds no address."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent


class Transport(Protocol):
    def send(self, *, name: str, sender: str, recipient: str, mail: bytes) -> None:
        """Hands the mail over. `name` is the same for every try of one mail. Raises TransportError."""

    def check(self) -> str:
        """Raises TransportError unless mail can be handed over now; says where it would go."""


@dataclass(frozen=True, slots=True)
class FolderTransport:
    """One file a mail, put in place whole; a repeated mail replaces its own file."""

    folder: Path

    def send(self, *, name: str, sender: str, recipient: str, mail: bytes) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.folder, prefix=".", suffix=".part", delete=False) as file:
                file.write(mail)
                file.flush()
                os.fsync(file.fileno())
            Path(file.name).replace(self.folder / f"{name}.eml")
        except OSError as error:
            raise TransportError(f"The mail folder cannot be written: {error.strerror}", permanent=False) from error

    def check(self) -> str:
        nearest = next(parent for parent in (self.folder, *self.folder.absolute().parents) if parent.exists())
        if not os.access(nearest, os.W_OK):
            raise TransportError(f"The mail folder {self.folder} cannot be written", permanent=False)
        return f"mails are put into the folder {self.folder}"


@dataclass(frozen=True, slots=True)
class SmtpTransport:
    host: str
    port: int
    tls: str
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"SmtpTransport({self.host}:{self.port}, tls={self.tls})"

    def send(self, *, name: str, sender: str, recipient: str, mail: bytes) -> None:
        _guarded(lambda: self._session(lambda smtp: smtp.sendmail(sender, [recipient], mail)))

    def check(self) -> str:
        _guarded(lambda: self._session(lambda smtp: smtp.noop()))
        return f"{self.host}:{self.port} takes mail (TLS: {self.tls})"

    def _session(self, act: Callable[[smtplib.SMTP], object]) -> None:
        context = ssl.create_default_context()
        if self.tls == "ssl":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=_TIMEOUT, context=context)
        else:
            smtp = smtplib.SMTP(self.host, self.port, timeout=_TIMEOUT)
        try:
            if self.tls == "starttls":
                smtp.starttls(context=context)
            if self.user:
                smtp.login(self.user, self.password)
            act(smtp)
        except BaseException:
            smtp.close()
            raise
        _leave(smtp)


def _leave(smtp: smtplib.SMTP) -> None:
    """The server has taken the mail by now: a failing goodbye must not look like a failing mail."""
    try:
        smtp.quit()
    except (smtplib.SMTPException, OSError):
        smtp.close()


def _guarded(call: Callable[[], None]) -> None:
    try:
        call()
    except smtplib.SMTPRecipientsRefused as error:
        code = next((answer[0] for answer in error.recipients.values()), 0)
        raise TransportError(f"The mail server refuses this recipient ({code})", permanent=code >= 500) from error
    except (smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as error:
        raise TransportError(
            f"The mail server refuses the mail ({error.smtp_code})", permanent=error.smtp_code >= 500
        ) from error
    except smtplib.SMTPAuthenticationError as error:
        raise TransportError("The mail server refuses the user name or password", permanent=False) from error
    except smtplib.SMTPException as error:
        raise TransportError(
            f"The mail server does not answer as it should: {type(error).__name__}", permanent=False
        ) from error
    except OSError as error:
        raise TransportError(
            f"The mail server cannot be reached: {error.strerror or type(error).__name__}", permanent=False
        ) from error


def transport_for(url: str) -> Transport:
    """From KALENDS_EMAIL_URL. Raises InvalidInput that says what is wrong with it."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return FolderTransport(Path(unquote(parts.netloc + parts.path)))
    if parts.scheme != "smtp" or not parts.hostname:
        raise InvalidInput("KALENDS_EMAIL_URL must be file://FOLDER or smtp://[USER:PASSWORD@]HOST[:PORT]/?tls=...")
    tls = parse_qs(parts.query).get("tls", ["starttls"])[-1]
    if tls not in _PORTS:
        raise InvalidInput(f"KALENDS_EMAIL_URL: tls must be starttls, ssl or none; it is {tls!r}")
    return SmtpTransport(
        host=parts.hostname,
        port=parts.port or _PORTS[tls],
        tls=tls,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )
