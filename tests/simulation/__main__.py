"""`make simulate`: many histories over several processes, each with a database of its own in memory."""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import logging
import multiprocessing
import os
import resource
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from types import SimpleNamespace

import tests.conftest  # noqa: F401 - settings for tests, before Django is used

# More than a history has different ones, so that none is parsed twice.
_STATEMENTS = 1024
# Collecting looks at all that a process has kept, whatever a history left.
_TIDIED_EACH = 16


def main() -> int:
    arguments = _arguments()
    first, last = arguments.first, arguments.first + arguments.seeds - 1
    seeds = [arguments.seed] if arguments.seed is not None else range(first, last + 1)
    began, done, failed = time.monotonic(), 0, []
    for seed, words in _outcomes(seeds, 1 if arguments.seed is not None else arguments.processes):
        done += 1
        if words:
            failed.append(seed)
            print(f"\n{words}\nreplay: make simulate SEED={seed}", flush=True)
        if done % 500 == 0:
            print(
                f"{done} histories, {len(failed)} failed, {done / (time.monotonic() - began):.2f} a second", flush=True
            )
    took = time.monotonic() - began
    print(f"{done} histories in {took:.0f} s, {done / took:.2f} a second; failed: {sorted(failed) or 'none'}")
    print(_cost(done))
    return 1 if failed else 0


def _cost(histories: int) -> str:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    seconds = sum(one.ru_utime + one.ru_stime for one in used) / max(1, histories)
    return f"{seconds:.3f} s of a core a history; the largest process had {max(u.ru_maxrss for u in used) // 1024} MB"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make simulate")
    parser.add_argument("--seeds", type=int, default=200, help="how many histories")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


def _outcomes(seeds: Iterable[int], processes: int) -> Iterator[tuple[int, str]]:
    _begin()
    if processes == 1:
        yield from map(_play, seeds)
        return
    # Each has the database as it was when they parted: memory that is copied when written to, without a file or a lock.
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        yield from pool.imap_unordered(_play, seeds, chunksize=5)


def _begin() -> None:
    """One migrated database; each history is a transaction of its own that is rolled back.

    The savepoints of a history are cheap in a transaction, but dear in a savepoint: SQLite walks through all that was
    changed since when it releases one.
    """
    from django.db import connection, connections

    logging.disable(logging.CRITICAL)
    connection.settings_dict["OPTIONS"]["cached_statements"] = _STATEMENTS
    with contextlib.redirect_stdout(io.StringIO()):
        connection.creation.create_test_db(verbosity=0, autoclobber=True)
    # Nothing here runs beside: each statement need not ask which thread and which loop it is in.
    connections._connections = SimpleNamespace(default=connections["default"])
    gc.collect()
    gc.freeze()
    gc.disable()


def _play(seed: int) -> tuple[int, str]:
    """A failure is words, whatever it is, so that the others are played all the same."""
    from tests.simulation.simulate import simulate

    try:
        failure = simulate(seed)
    except Exception:
        return seed, f"seed {seed}: {traceback.format_exc()}"
    finally:
        if seed % _TIDIED_EACH == 0:
            gc.collect()
    return seed, str(failure) if failure else ""


if __name__ == "__main__":
    sys.exit(main())
