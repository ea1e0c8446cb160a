"""Texts of appointments kept from one rendering of a feed to the next, so that a change costs what changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from datetime import datetime
from threading import Lock

# Of one feed: by appointment, the version and the time of its last change, and its text.
Texts = dict[int, tuple[int, datetime, bytes]]


class KeptTexts:
    """The texts of each feed's last rendering, least recently used feed out first, bounded in texts.

    They hold for the names that they were written with: once a service, a place or a member has another name, none does.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._feeds: OrderedDict[Hashable, tuple[object, Texts]] = OrderedDict()
        self._lock = Lock()

    def get(self, feed: Hashable, names: object) -> Texts:
        """To be read only."""
        with self._lock:
            if feed not in self._feeds:
                return {}
            self._feeds.move_to_end(feed)
            kept_names, texts = self._feeds[feed]
            return texts if kept_names == names else {}

    def put(self, feed: Hashable, names: object, texts: Texts) -> None:
        with self._lock:
            self._drop(feed)
            if len(texts) > self._most:
                return
            self._feeds[feed] = (names, texts)
            self._held += len(texts)
            while self._held > self._most:
                self._drop(next(iter(self._feeds)))

    def _drop(self, feed: Hashable) -> None:
        if feed in self._feeds:
            self._held -= len(self._feeds.pop(feed)[1])
