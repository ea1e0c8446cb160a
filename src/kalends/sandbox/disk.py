"""Tables held in memory and, where a directory is given, written through to one SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar

Record = TypeVar("Record")


class Disk:
    """One row for each record. A process that is killed loses at most the request it was serving."""

    def __init__(self, path: Path | None) -> None:
        self._db = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute("CREATE TABLE IF NOT EXISTS item (kind TEXT, key TEXT, body TEXT, PRIMARY KEY (kind, key))")
        self.keeps = path is not None

    def begin(self) -> None:
        if self.keeps:
            self._db.execute("BEGIN")

    def commit(self) -> None:
        if self.keeps:
            self._db.execute("COMMIT")

    def load(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for key, body in self._db.execute("SELECT key, body FROM item WHERE kind = ?", (kind,)).fetchall():
            yield key, json.loads(body)

    def save(self, kind: str, key: str, record: dict[str, Any]) -> None:
        if self.keeps:
            self._db.execute("REPLACE INTO item VALUES (?, ?, ?)", (kind, key, json.dumps(record)))

    def delete(self, kind: str, key: str) -> None:
        if self.keeps:
            self._db.execute("DELETE FROM item WHERE kind = ? AND key = ?", (kind, key))

    def close(self) -> None:
        self._db.close()


class Table(Generic[Record]):
    """Dataclass records by key. A changed record counts as stored only after `put`."""

    def __init__(self, disk: Disk, kind: str, cls: type[Record]) -> None:
        self._disk = disk
        self._kind = kind
        self._rows: dict[str, Record] = {key: cls(**body) for key, body in disk.load(kind)}

    def get(self, key: str) -> Record | None:
        return self._rows.get(key)

    def __getitem__(self, key: str) -> Record:
        return self._rows[key]

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def values(self) -> list[Record]:
        return list(self._rows.values())

    def put(self, key: str, record: Record) -> None:
        self._rows[key] = record
        self._disk.save(self._kind, key, asdict(record))  # type: ignore[call-overload]

    def remove(self, key: str) -> None:
        if self._rows.pop(key, None) is not None:
            self._disk.delete(self._kind, key)
