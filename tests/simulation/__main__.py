"""`make simulate`: many histories over several processes, each with a database of its own in memory."""

from __future__ import annotations

import argparse
import gc
import logging
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable, Iterator

import tests.conftest  # noqa: F401 - settings for tests, before Django is used


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
        if done % 100 == 0:
            print(
                f"{done} histories, {len(failed)} failed, {done / (time.monotonic() - began):.2f} a second", flush=True
            )
    took = time.monotonic() - began
    print(f"{done} histories in {took:.0f} s, {done / took:.2f} a second; failed: {sorted(failed) or 'none'}")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make simulate")
    parser.add_argument("--seeds", type=int, default=200, help="how many histories")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


def _outcomes(seeds: Iterable[int], processes: int) -> Iterator[tuple[int, str]]:
    if processes == 1:
        _begin()
        yield from map(_play, seeds)
        return
    with multiprocessing.get_context("fork").Pool(processes, _begin) as pool:
        yield from pool.imap_unordered(_play, seeds, chunksize=5)


def _begin() -> None:
    """One migrated database for a process; each history is rolled back."""
    from django.db import connection, transaction

    logging.disable(logging.CRITICAL)
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    transaction.atomic().__enter__()
    gc.freeze()


def _play(seed: int) -> tuple[int, str]:
    from tests.simulation.simulate import simulate

    failure = simulate(seed)
    return seed, str(failure) if failure else ""


if __name__ == "__main__":
    sys.exit(main())
