"""The backup file: gzip around lines of JSON.

    {"kalends_backup": 1, "version": ..., "made_at": ..., "database": ..., "migrations": [[app, name], ...]}
    {"table": "companies.Company", "columns": ["id", ...]}
    [value, ...]                                          one line a row, until the next table
    {"end": {"rows": {table: count}, "key_ids": [...], "sha256": digest of all lines before}}

A file without its last line, or with another digest, is broken. Keys are named, never held.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from kalends.core.errors import InvalidInput

FORMAT = 1
Migration = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the first and the last line say."""

    version: str
    made_at: datetime
    database: str
    migrations: frozenset[Migration]
    rows: dict[str, int]
    key_ids: frozenset[str]


class Writer:
    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._digest = sha256()

    def line(self, value: Any) -> None:
        encoded = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        self._digest.update(encoded)
        self._stream.write(encoded)

    def end(self, *, rows: dict[str, int], key_ids: set[str]) -> None:
        self.line({"end": {"rows": rows, "key_ids": sorted(key_ids), "sha256": self._digest.hexdigest()}})


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """The file appears under its name when it is whole and on the disk, readable by its owner only.

    Raises InvalidInput for a name that is taken: no backup is written over another.
    """
    if path.exists():
        raise InvalidInput(f"{path} is there already; no backup is written over another.")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as raw:
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=6) as packed:
                yield Writer(packed)  # type: ignore[arg-type]  # GzipFile is a binary stream, though not an IO by name
            raw.flush()
            os.fsync(raw.fileno())
        # A link, not a rename: it fails if somebody has taken the name meanwhile.
        os.link(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def lines(path: Path) -> Iterator[Any]:
    """The decoded lines. Raises InvalidInput where the file breaks off or is no backup; OSError if it cannot be opened."""
    for line in _raw_lines(path):
        yield _decoded(path, line)


def _decoded(path: Path, line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise _broken(path) from error


def _raw_lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path, "rb") as packed:
            yield from packed
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _broken(path) from error


def _broken(path: Path) -> InvalidInput:
    return InvalidInput(f"{path} is broken or no backup of Kalends; nothing was restored.")


def examine(path: Path) -> Manifest:
    """Reads the whole file and checks its digest. Raises InvalidInput; nothing of a broken file is ever used."""
    digest = sha256()
    first: Any = None
    last = b""
    for line in _raw_lines(path):
        if first is None:
            first = _decoded(path, line)
        digest.update(last)
        last = line
    end = _decoded(path, last or b"{}")
    if not isinstance(first, dict) or not isinstance(end, dict) or "kalends_backup" not in first:
        raise _broken(path)
    if first["kalends_backup"] != FORMAT:
        raise InvalidInput(f"{path} was made by another version of Kalends ({first.get('version')}): unknown format.")
    if end.get("end", {}).get("sha256") != digest.hexdigest():
        raise _broken(path)
    return Manifest(
        version=first["version"],
        made_at=datetime.fromisoformat(first["made_at"]),
        database=first["database"],
        migrations=frozenset((app, name) for app, name in first["migrations"]),
        rows=end["end"]["rows"],
        key_ids=frozenset(end["end"]["key_ids"]),
    )
