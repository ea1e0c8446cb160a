from __future__ import annotations

import threading

from kalends.jobs.precedence import Precedence

LONG = 60.0


def test_who_gives_way_waits_until_the_first_says_so():
    order: list[str] = []
    precedence = Precedence()

    def give_way() -> None:
        precedence.give_way(LONG)
        order.append("other")

    with precedence.first() as under_way:
        other = threading.Thread(target=give_way)
        other.start()
        order.append("first")
        under_way()
        other.join()
        order.append("end")
    assert order == ["first", "other", "end"]


def test_who_gives_way_waits_until_all_that_go_first_have_ended_even_badly():
    precedence = Precedence()
    other = threading.Thread(target=lambda: precedence.give_way(LONG))
    with precedence.first():
        other.start()
        try:
            with precedence.first():
                raise ValueError
        except ValueError:
            pass
        assert other.is_alive()
    other.join()


def test_nobody_gives_way_for_ever_or_to_nobody():
    precedence = Precedence()
    precedence.give_way(LONG)
    with precedence.first():
        precedence.give_way(0.001)
