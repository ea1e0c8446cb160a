"""Reading pages as a visitor without script does: links, forms, text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from django.test import Client

DETAILS = {"name": "Ada Lovelace", "email": "ada@example.org", "phone": "", "notes": "", "website": ""}


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    radios: dict[str, list[str]] = field(default_factory=dict)


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[tuple[str, str, dict[str, str]]] = []
        self.forms: list[Form] = []
        self.text = ""
        self._open: list[int] = []
        self._silent = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.append((found.get("href", ""), "", found))
            self._open.append(len(self.links) - 1)
        elif tag == "form":
            self.forms.append(Form(found.get("action", ""), found.get("method", "get")))
        elif tag == "input" and self.forms:
            if found.get("type") == "radio":
                self.forms[-1].radios.setdefault(found["name"], []).append(found["value"])
            elif found.get("name"):
                self.forms[-1].fields[found["name"]] = found.get("value", "")
        elif tag == "textarea" and self.forms:
            self.forms[-1].fields[found["name"]] = ""
        elif tag == "br":
            self.text += " "
        elif tag in ("style", "script"):
            self._silent += 1

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._open:
            self._open.pop()
        elif tag == "br":
            self.text += " "
        elif tag in ("style", "script"):
            self._silent -= 1

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        self.text += data
        for at in self._open:
            href, text, attrs = self.links[at]
            self.links[at] = (href, text + data, attrs)

    def link(self, text: str) -> str:
        return next(href for href, said, _attrs in self.links if " ".join(said.split()) == text)

    def by_label(self, label: str) -> str:
        return next(href for href, _said, attrs in self.links if attrs.get("aria-label") == label)

    @property
    def slots(self) -> list[tuple[str, str]]:
        return [(" ".join(said.split()), href) for href, said, attrs in self.links if attrs.get("class") == "slot"]

    @property
    def words(self) -> str:
        return " ".join(self.text.split())

    def form(self, name: str) -> Form:
        """The form that has a field of this name."""
        return next(form for form in self.forms if name in form.fields or name in form.radios)


def get(client: Client, address: str, status: int = 200, **more) -> Page:
    response = client.get(address, **more)
    assert response.status_code == status, response.content.decode()
    return Page(response.content.decode())


def manage_token(location: str) -> str:
    return re.fullmatch(r"/[a-z-]+/book/done/([\w-]{43})", location).group(1)
