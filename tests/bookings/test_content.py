from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalends.bookings.content import Facts, Person, event_content, event_title
from kalends.core.span import Span
from tests.bookings.support import at

FACTS = Facts(
    span=Span(at(3, 10), at(3, 11)),
    timezone="Europe/Paris",
    service="Haircut",
    capacity=1,
    people=[Person("Ada Lovelace", "ada@example.org", "+33 1")],
    location="1 Quai du Lac",
    notes="First visit",
    url="https://kalends.example/dashboard/appointments/1",
    locale="fr",
)


def test_event_says_who_comes_and_how_to_reach_them():
    content = event_content(FACTS)
    assert (content.title, content.location, content.timezone) == (
        "Haircut – Ada Lovelace",
        "1 Quai du Lac",
        "Europe/Paris",
    )
    assert content.span == FACTS.span
    assert content.notes == (
        "Client: Ada Lovelace\n"
        "Téléphone: +33 1\n"
        "E-mail: ada@example.org\n"
        "Notes: First visit\n"
        "Modifier ou annuler: https://kalends.example/dashboard/appointments/1"
    )


@given(st.text(max_size=30), st.text(max_size=30), st.integers(1, 5), st.integers(0, 5))
def test_F15_content_is_a_pure_function_of_the_appointment(service, name, capacity, people):
    facts = replace(FACTS, service=service, capacity=capacity, people=[Person(name)] * people)
    assert event_content(facts) == event_content(replace(facts))


@pytest.mark.parametrize(
    ("people", "capacity", "title"),
    [
        ([], 1, "Haircut"),
        ([Person("Ada"), Person("Bob")], 3, "Haircut (2/3)"),
        ([Person("Ada")], 1, "Haircut – Ada"),
    ],
)
def test_title_counts_shared_places_and_names_nobody_there(people, capacity, title):
    assert event_title(replace(FACTS, people=people, capacity=capacity)) == title
