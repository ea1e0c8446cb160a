"""Where a `sqlite:` address points."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit


def sqlite_path(url: str) -> Path:
    """`sqlite:///var/kalends.db` is relative to the working folder, `sqlite:////srv/kalends.db` absolute."""
    return Path(unquote(urlsplit(url).path).removeprefix("/") or "/").absolute()
