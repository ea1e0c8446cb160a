"""Short transactions of several threads that reach the disk together.

SQLite writes one transaction after the other, and each waits for the disk before the next may begin. While one thread
waits for its turn to write, others that come with work of their own put it in that thread's hands: their work is done in
the same transaction, each behind a savepoint, and one wait for the disk serves all. A failure undoes its own work only.
Nobody is answered before the commit; should that fail, each is done again in a transaction of its own, so that nobody
fails for what another did (a foreign key that points nowhere is found by the commit alone). On PostgreSQL, which does
this by itself, each has a transaction of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextvars import copy_context
from threading import Event, Lock
from typing import Any, TypeVar, cast

from django.db import OperationalError, connection, transaction
from django.utils.translation import get_language, override

Result = TypeVar("Result")

_MOST = 16


def in_transaction(work: Callable[[], Result]) -> Result:
    """What `work` returns, once it is on the disk; what it raises, with nothing of it done.

    `work` may run in another thread, in this one's context (language, log): it must not rely on thread-local state. It
    may run again after a run that was undone: it must keep nothing of that.
    """
    if connection.in_atomic_block or getattr(connection, "turn", None) is None:
        with transaction.atomic():
            return work()
    return cast(Result, _group.run(_Job(work)))


class _Job:
    """`ready`: it was done, or its thread is to lead, or to do it `alone`."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._context = copy_context()
        self._language = get_language()
        self._result: Any = None
        self.error: BaseException | None = None
        self.leads = False
        self.alone = False
        self.ready = Event()

    def attempt(self) -> None:
        """Inside a transaction of several."""
        try:
            with transaction.atomic():
                self.do()
        except Exception as error:
            self.error = error

    def do(self) -> None:
        self._result = self._context.run(self._in_language)

    def _in_language(self) -> Any:
        # Django keeps it by thread, whatever the context.
        with override(self._language):
            return self._work()

    def answer(self) -> Any:
        if self.error is not None:
            raise self.error
        return self._result


class _Group:
    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: deque[_Job] = deque()
        self._led = False

    def run(self, job: _Job) -> Any:
        with self._lock:
            self._waiting.append(job)
            job.leads = not self._led
            self._led = True
        if not job.leads:
            job.ready.wait()
        if job.leads:
            self._lead()
        if job.alone:
            with transaction.atomic():
                job.do()
        return job.answer()

    def _lead(self) -> None:
        """Does the work of all who wait once the transaction has begun, and passes the lead on."""
        batch: list[_Job] = []
        written = Event()
        try:
            with transaction.atomic():
                batch = self._next_batch()
                transaction.on_commit(written.set)
                self._do(batch)
        except BaseException as error:
            if len(batch) < 2:
                (batch or self._next_batch(most=1))[0].error = error
            elif not written.is_set():
                for job in batch:
                    job.alone, job.error = True, None
            if len(batch) > 1 and (written.is_set() or not isinstance(error, Exception)):
                raise
        finally:
            self._pass_on()
            for job in batch:
                job.leads = False
                job.ready.set()

    def _do(self, batch: Sequence[_Job]) -> None:
        if len(batch) == 1:
            batch[0].do()
            return
        for job in batch:
            job.attempt()
        if connection.needs_rollback:
            # SQLite undid all of it, not only up to a savepoint (a full disk): Django would end it without a word.
            raise OperationalError("the transaction of several was undone")

    def _next_batch(self, most: int = _MOST) -> list[_Job]:
        with self._lock:
            return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def _pass_on(self) -> None:
        with self._lock:
            self._led = bool(self._waiting)
            if self._led:
                self._waiting[0].leads = True
                self._waiting[0].ready.set()


_group = _Group()
