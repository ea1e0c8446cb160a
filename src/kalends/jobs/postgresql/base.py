"""Named by ENGINE in the settings; Django looks for `DatabaseWrapper` here. What django-stubs leaves out is not typed."""

from __future__ import annotations

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def is_usable(self) -> bool:
        """Asked before the first query of each request. A server that has ended the connection, or is about to, has said
        so: as long as nothing has come there is nothing to ask. A question that fails would be lost; a server that went
        without a word is found by TCP's keepalive, with or without it.
        """
        if self.connection is None or self.connection.closed:
            return False
        if not _has_come(self.connection.fileno()):
            return True
        usable: bool = super().is_usable()
        return usable


def _has_come(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
