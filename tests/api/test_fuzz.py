"""Whatever is sent to the API, it answers with a status that its own document declares, and never with a server error.

The requests are made from the OpenAPI document: each operation gets values of the declared shape, values just beside
it, and values that have broken programs before.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from kalends.api.urls import api
from kalends.bookings.services import book_appointment
from kalends.bookings.values import CustomerInput
from kalends.companies.services import change_calendar_sync, create_group
from tests.api.conftest import Caller
from tests.factories import NOW, make_service, make_staff

DOCUMENT = api.get_openapi_schema(path_prefix="/api/v1/")
SCHEMAS = DOCUMENT["components"]["schemas"]
EXAMPLES = int(os.environ.get("KALENDS_TEST_FUZZ", "40"))
OPERATIONS = [(path, method) for path, item in sorted(DOCUMENT["paths"].items()) for method in sorted(item)]

_TEXTS = [
    "", " ", "\x00", "a\x00b", "\ud800", "\u202e", "é" * 4000, "x" * 5000, "<script>", "' OR 1=1 --", "a\r\nBcc: b@c.d",
    "../../etc/passwd", "%00", "{link}", "NaN", "null", "9" * 400,
]  # fmt: skip
_MOMENTS = [
    "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z",
    "2026-03-29T02:30:00+01:00", "2026-10-25T02:30:00+02:00", "2026-06-04T10:00:00", "2026-06-04T10:00:00Z",
    "2026-02-30T10:00:00Z", "1969-12-31T23:59:59Z", 0, 1e15, -1e15, "P1D",
]  # fmt: skip
_DATES = [
    "0001-01-01",
    "0001-01-02",
    "9999-12-31",
    "9999-12-30",
    "2026-02-30",
    "2026-06-04",
    "2026-06-05",
    "1970-01-01",
]
_NUMBERS = [0, 1, -1, 2**31, 2**63, 2**64, 10**30, 1.5, 500, 1440]
_ZONES = ["Europe/Paris", "UTC", "Pacific/Apia", "../UTC", "posix/UTC", "europe/paris", ""]
_ADDRESSES = [
    "a@b.example",
    "x@",
    "@",
    "a@b.example\nBcc: c@d.example",
    "ü@ü.example",
    "Name <a@b.example>",
    "a@" + "b" * 300,
]
# Nothing leaves the machine: these are refused before a connection is tried.
_URLS = [
    "",
    "http://127.0.0.1/",
    "https://[::1]/",
    "https://10.0.0.1/a.ics",
    "ftp://x",
    "https://u:p@x/",
    "https://:99999",
    "\x00",
]
_HEADERS = [{"If-Match": '"1"'}, {"If-Match": "9" * 5000}, {"If-Match": "x"}, {"Idempotency-Key": "k" * 300}]
_ANYTHING: list[Any] = [None, True, [], {}, [[]], {"a": {}}, *_TEXTS, *_NUMBERS]


def _guess(name: str, schema: dict[str, Any], ids: list[str]) -> st.SearchStrategy[Any]:
    """Values for a field of this name and shape, right and wrong."""
    if "$ref" in schema:
        return _value(SCHEMAS[schema["$ref"].rsplit("/", 1)[1]], ids)
    if "anyOf" in schema:
        return st.one_of(*[_guess(name, part, ids) for part in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from([*schema["enum"], *schema["enum"], "other"])
    kind, form = schema.get("type"), schema.get("format")
    if form == "uuid" or name.endswith("_id") or name == "eid":
        return st.sampled_from([*ids, "not-an-id", "\x00", "00000000-0000-0000-0000-000000000000"])
    if form == "date-time":
        return st.sampled_from(_MOMENTS)
    if form == "date":
        return st.sampled_from(_DATES)
    if kind == "integer":
        return st.one_of(st.integers(1, 60), st.sampled_from(_NUMBERS))
    if kind == "boolean":
        return st.booleans()
    if kind == "null":
        return st.none()
    if kind == "array":
        return st.lists(_guess(name, schema.get("items", {}), ids), max_size=3)
    return {"timezone": st.sampled_from(_ZONES), "tz": st.sampled_from(_ZONES), "url": st.sampled_from(_URLS)}.get(
        name,
        st.sampled_from(_ADDRESSES)
        if name == "email"
        else st.sampled_from(["09:00", "17:00", "24:00", "24:01", "99:99", "٠٩:٠٠", "00:00"])
        if "pattern" in schema
        else st.one_of(st.text(max_size=20), st.sampled_from(_TEXTS)),
    )


def _value(schema: dict[str, Any], ids: list[str]) -> st.SearchStrategy[Any]:
    if schema.get("type") != "object" or "properties" not in schema:
        return _guess("", schema, ids)
    needed = set(schema.get("required", []))
    fields = {name: _guess(name, part, ids) for name, part in schema["properties"].items()}
    return st.fixed_dictionaries(
        {name: value for name, value in fields.items() if name in needed},
        optional={name: value for name, value in fields.items() if name not in needed},
    )


@st.composite
def requests(draw: st.DrawFn, path: str, method: str, ids: list[str]) -> tuple[str, bytes, dict[str, str]]:
    """Address, body and headers of one request of an operation."""
    operation = DOCUMENT["paths"][path][method]
    query: dict[str, bytes] = {}
    address = path
    for parameter in operation.get("parameters", []):
        name, value = parameter["name"], draw(_guess(parameter["name"], parameter.get("schema", {}), ids))
        text = str(value).encode("utf-8", "replace")
        if parameter["in"] == "path":
            address = address.replace(f"{{{name}}}", quote(text, safe="") or "x")
        elif parameter.get("required") or draw(st.booleans()):
            query[name] = text
    headers = draw(st.sampled_from([{}, {}, {}, *_HEADERS]))
    return f"{address}?{urlencode(query)}", _body(draw, operation, ids), headers


def _body(draw: st.DrawFn, operation: dict[str, Any], ids: list[str]) -> bytes:
    if "requestBody" not in operation:
        return b""
    good = _guess("", operation["requestBody"]["content"]["application/json"]["schema"], ids)
    value = draw(st.one_of(good, good, good, st.sampled_from(_ANYTHING)))
    return draw(st.sampled_from([json.dumps(value).encode()] * 9 + [b"{", b"\xff", b"[" * 5000]))


@pytest.fixture
def ids(owner: Caller) -> list[str]:
    """Ids of things that are there, so that requests come past the first look."""
    company = owner.company
    change_calendar_sync(company=company, actor="t", now=NOW, caldav_enabled=True)
    staff = make_staff(company)
    service = make_service(company, staff=[staff])
    group = create_group(company=company, name="G", staff=[staff], actor="t", now=NOW)
    booked = book_appointment(
        company=company, service=service, start=NOW + timedelta(hours=2), customer=CustomerInput("A", "a@b.example"),
        timezone="Europe/Paris", source="demo", now=NOW,
    )  # fmt: skip
    customer = booked.attendee.customer_id
    return [str(ident) for ident in (staff.pk, service.pk, group.pk, booked.appointment.pk, customer)]


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_answer_to_anything_is_one_that_the_document_declares(owner: Caller, ids: list[str], path: str, method: str):
    declared = {int(status) for status in DOCUMENT["paths"][path][method]["responses"]}
    client = Client(raise_request_exception=True)

    @seed(20261122)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(requests(path, method, ids))
    def check(request: tuple[str, bytes, dict[str, str]]) -> None:
        address, body, headers = request
        bearer = {"Authorization": f"Bearer {owner.token}"}
        with transaction.atomic():
            answer = client.generic(
                method.upper(), address, body, content_type="application/json", headers={**bearer, **headers}
            )
            transaction.set_rollback(True)
        assert answer.status_code in declared, (answer.status_code, answer.content[:300])
        if answer.status_code >= 400:
            assert {"code", "message"} <= answer.json().keys()

    check()
