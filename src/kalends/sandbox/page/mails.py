"""The mails that the product wrote to a folder, one .eml file each: listed and taken apart for reading."""

from __future__ import annotations

import email
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from kalends.core.errors import NotFound

_SHOWN = 200


def list_mails(folder: Path | None) -> list[dict[str, Any]]:
    """The newest first, with sender, recipient, subject and date."""
    if folder is None or not folder.is_dir():
        return []
    paths = sorted(folder.glob("*.eml"), key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)
    return [_summary(path) for path in paths[:_SHOWN]]


def _read(path: Path) -> EmailMessage:
    return email.message_from_bytes(path.read_bytes(), policy=policy.default)


def _summary(path: Path) -> dict[str, Any]:
    message = _read(path)
    kinds = sorted({part.get_content_type() for part in message.walk() if not part.is_multipart()})
    fields = {name: str(message.get(name, "")) for name in ("from", "to", "subject", "date")}
    return {"name": path.name, **fields, "invitation": "text/calendar" in kinds}


def _find(folder: Path | None, name: str) -> Path:
    path = folder / name if folder and name.endswith(".eml") and Path(name).name == name else None
    if path is None or not path.is_file():
        raise NotFound("there is no such mail")
    return path


def read_mail(folder: Path | None, name: str) -> dict[str, Any]:
    """One mail: its fields, the text part, the calendar part with its method, and whether it has HTML."""
    path = _find(folder, name)
    message = _read(path)
    calendar = next((part for part in message.walk() if part.get_content_type() == "text/calendar"), None)
    return {
        **_summary(path),
        "reply_to": str(message.get("reply-to", "")),
        "message_id": str(message.get("message-id", "")),
        "text": _content(message.get_body(("plain",))),
        "html": message.get_body(("html",)) is not None,
        "calendar": _content(calendar),
        "method": str(calendar.get_param("method", "")) if calendar else "",
        "attachments": [part.get_filename() for part in message.iter_attachments() if part.get_filename()],
    }


def read_html(folder: Path | None, name: str) -> str:
    """The HTML part, its links opening in a new tab. It is to be shown in a sandboxed frame only."""
    return '<base target="_blank">' + _content(_read(_find(folder, name)).get_body(("html",)))


def _content(part: Any) -> str:
    if part is None:
        return ""
    content = part.get_content()
    return content if isinstance(content, str) else content.decode("utf-8", "replace")
