"""A person without a browser: keeps cookies, reads forms, sends them; and the API client of a company."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Self
from urllib.parse import urljoin

import httpx2

_opened: list[httpx2.Client] = []


def new_client(**options: Any) -> httpx2.Client:
    """A client that stays open until `close_clients`."""
    client = httpx2.Client(timeout=60, **options)
    _opened.append(client)
    return client


def close_clients() -> None:
    while _opened:
        _opened.pop().close()


@dataclass
class Form:
    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    radios: dict[str, list[str]] = field(default_factory=dict)


class _Forms(HTMLParser):
    """The forms of a page with what a browser would send if nothing were touched."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.refresh = ""
        self._open: Form | None = None
        self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "meta" and given.get("http-equiv", "").lower() == "refresh":
            self.refresh = given.get("content", "").partition("url=")[2]
        if tag == "form":
            self._open = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._open)
        elif self._open is not None and given.get("name"):
            self._control(self._open, tag, given)

    def _control(self, form: Form, tag: str, given: dict[str, str]) -> None:
        name, value, kind = given["name"], given.get("value", ""), given.get("type", "text")
        if tag == "button":
            form.buttons.append((name, value))
        elif tag == "textarea":
            self._area = name
            form.fields.append((name, ""))
        elif tag == "input" and kind in ("radio", "checkbox"):
            form.radios.setdefault(name, []).append(value)
            if "checked" in given:
                form.fields.append((name, value or "on"))
        elif tag == "input" and kind not in ("submit", "button", "image"):
            form.fields.append((name, value))

    def handle_data(self, data: str) -> None:
        if self._area and self._open is not None:
            name, text = self._open.fields.pop()
            self._open.fields.append((name, text + data))

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = ""
        if tag == "form":
            self._open = None


@dataclass(frozen=True)
class Shown:
    """An answer as a page."""

    status: int
    url: str
    text: str

    @property
    def words(self) -> str:
        """Its text without markup, spaces made one."""
        return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", self.text)).strip()

    def _read(self) -> _Forms:
        parser = _Forms()
        parser.feed(self.text)
        return parser

    def form(self, *, action: str = "", field: str = "") -> Form:
        """The POST form whose action contains `action` and that has a control named `field`."""
        for form in self._read().forms:
            names = {name for name, _ in [*form.fields, *form.buttons]} | set(form.radios)
            if form.method == "post" and action in form.action and (not field or field in names):
                return form
        raise AssertionError(f"no form for {action or field} on {self.url} ({self.status}): {self.words[:400]}")

    @property
    def refresh(self) -> str:
        return self._read().refresh


class Visitor:
    def __init__(self, base_url: str = "") -> None:
        self.client = httpx2.Client(
            base_url=base_url, follow_redirects=True, timeout=60, headers={"Accept-Language": "en"}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.client.close()

    def get(self, url: str) -> Shown:
        return self._shown(self.client.get(url))

    def send(self, page: Shown, form: Form, **changes: str | list[str] | None) -> Shown:
        """The form with `changes` in place of what it holds: None leaves a control out, a list sends it repeatedly."""
        data: dict[str, list[str]] = {}
        for name, value in form.fields:
            data.setdefault(name, []).append(value)
        for name, change in changes.items():
            data.pop(name, None)
            if change is not None:
                data[name] = change if isinstance(change, list) else [change]
        return self._shown(self.client.post(urljoin(page.url, form.action or page.url), data=data))

    @staticmethod
    def _shown(response: httpx2.Response) -> Shown:
        return Shown(response.status_code, str(response.url), response.text)


class Api:
    """REST with a company's key. Methods return the JSON; anything but the expected status fails with the body."""

    def __init__(self, base_url: str, key: str) -> None:
        self.client = new_client(base_url=f"{base_url}/api/v1", headers={"Authorization": f"Bearer {key}"})

    def ask(self, method: str, path: str, *, want: int, body: Any = None, **headers: str) -> Any:
        response = self.client.request(method, path, json=body, headers=headers)
        assert response.status_code == want, f"{method} {path}: {response.status_code} {response.text[:600]}"
        return response.json() if response.content else None

    def get(self, path: str, want: int = 200) -> Any:
        return self.ask("GET", path, want=want)

    def post(self, path: str, body: Any = None, want: int = 201, **headers: str) -> Any:
        return self.ask("POST", path, want=want, body=body, **headers)

    def patch(self, path: str, body: Any, want: int = 200) -> Any:
        return self.ask("PATCH", path, want=want, body=body)

    def put(self, path: str, body: Any, want: int = 200) -> Any:
        return self.ask("PUT", path, want=want, body=body)
