"""What an appointment looks like in a staff member's calendar: a pure function of the appointment (F15)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kalends.core.span import Span
from kalends.sync.port import Content

_LABELS = {
    "en": {"customer": "Customer", "phone": "Phone", "email": "E-mail", "notes": "Notes", "open": "Change or cancel"},
    "fr": {
        "customer": "Client",
        "phone": "Téléphone",
        "email": "E-mail",
        "notes": "Notes",
        "open": "Modifier ou annuler",
    },
}


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    email: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the event is made of. `people` are those who still come; `url` leads to the dashboard."""

    span: Span
    timezone: str
    service: str
    capacity: int
    people: Sequence[Person]
    location: str
    notes: str
    url: str
    locale: str


def event_title(facts: Facts) -> str:
    """As in "Haircut – Ada Lovelace"; a shared appointment counts its places instead of naming anybody."""
    if facts.capacity > 1:
        return f"{facts.service} ({len(facts.people)}/{facts.capacity})"
    return " – ".join(part for part in (facts.service, *(person.name for person in facts.people)) if part)


def event_content(facts: Facts) -> Content:
    return Content(
        span=facts.span,
        timezone=facts.timezone,
        title=event_title(facts),
        location=facts.location,
        notes="\n".join(_note_lines(facts)),
    )


def _note_lines(facts: Facts) -> list[str]:
    labels = _LABELS.get(facts.locale.replace("_", "-").split("-")[0].lower(), _LABELS["en"])
    lines = []
    for person in facts.people:
        rows = (("customer", person.name), ("phone", person.phone), ("email", person.email))
        lines += [f"{labels[key]}: {value}" for key, value in rows if value]
    if facts.notes:
        lines.append(f"{labels['notes']}: {facts.notes}")
    return [*lines, f"{labels['open']}: {facts.url}"]
