"""Radicale's own storage, but for one thing: it knows which UIDs a calendar has.

As it is, each new event makes Radicale read every other one of its calendar, to see whether the UID is taken. With 5,000
events that is most of what a first sync waits for, whoever writes them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from radicale.storage import multifilesystem


class Collection(multifilesystem.Collection):  # type: ignore[misc]  # has no types
    uids: ClassVar[dict[str, set[str]]] = {}

    def has_uid(self, uid: str) -> bool:
        if self.path not in self.uids:
            self.uids[self.path] = {item.uid for item in self.get_all()}
        return uid in self.uids[self.path]

    def upload(self, href: str, item: Any) -> Any:
        stored = super().upload(href, item)
        if self.path in self.uids:
            self.uids[self.path].add(item.uid)
        return stored

    def delete(self, href: str | None = None) -> None:
        super().delete(href)
        self.uids.pop(self.path, None)


class Storage(multifilesystem.Storage):  # type: ignore[misc]
    _collection_class = Collection
