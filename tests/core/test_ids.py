from __future__ import annotations

import threading

import time_machine

from kalends.core.ids import new_id


def test_ids_are_version_7_and_sort_by_creation_even_while_the_clock_stands():
    with time_machine.travel("2031-03-02T08:00:00Z", tick=False):
        made = [new_id() for _ in range(10_000)]
    assert made == sorted(made)
    assert {(made_id.version, made_id.variant) for made_id in made} == {(7, "specified in RFC 4122")}


def test_ids_of_several_threads_are_all_different():
    made: list = []
    threads = [threading.Thread(target=lambda: made.extend(new_id() for _ in range(2_000))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 16_000
