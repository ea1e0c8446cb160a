"""The check by Graph's metadata finds what is wrong; a check that finds nothing would prove nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kalends.sandbox.microsoft.validate import OpenApi
from kalends.sandbox.web import Request, Response
from tests.sandbox.microsoft.conftest import OPENAPI

CHECK = OpenApi(OPENAPI)
EVENT = {"id": "AA", "subject": "x", "isAllDay": False, "start": {"dateTime": "2026-11-24T10:00:00", "timeZone": "UTC"}}


def problems(name: str, *, query: str = "", body: Any = None, status: int = 200, reply: Any = EVENT) -> list[str]:
    pairs = dict(part.split("=", 1) for part in query.split("&") if part)
    sent = b"" if body is None else json.dumps(body).encode()
    request = Request("", "", {key: [value] for key, value in pairs.items()}, {}, sent)
    return CHECK.problems(name, request, Response(status, b"" if reply is None else json.dumps(reply).encode()))


def test_what_is_sound_has_no_problems() -> None:
    assert problems("get /me/events/{id_1}", query="$select=id,subject&$expand=calendar($select=id)") == []
    assert problems("post /me/events", body={"subject": "x"}, status=201) == []
    assert problems("patch /me/events/{id_1}", body={"showAs": "free", "location": None}) == []
    assert problems("delete /me/events/{id_1}", status=204, reply=None) == []
    assert problems("get /me/events", reply={"@odata.nextLink": "x", "value": [EVENT]}) == []
    error = {"error": {"code": "x", "message": "y", "innerError": {}}}
    assert problems("get /me/events", status=404, reply=error) == []


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("get /me/events", {"query": "$colour=red", "reply": {"value": []}}),
        ("get /me/events", {"query": "$top=many", "reply": {"value": []}}),
        ("get /me/events", {"query": "$select=colour", "reply": {"value": []}}),
        ("get /me/calendarView", {"query": "startDateTime=x", "reply": {"value": []}}),
        ("get /me/calendarView/delta", {"query": "$deltatoken=x&$select=id", "reply": {"value": []}}),
        ("get /me/events", {"reply": {"value": [{**EVENT, "colour": "red"}]}}),
        ("get /me/events", {"reply": {"value": [{**EVENT, "showAs": "asleep"}]}}),
        ("get /me/events/{id_1}", {"reply": {**EVENT, "isAllDay": "no"}}),
        ("get /me/events/{id_1}", {"reply": {**EVENT, "createdDateTime": "soon"}}),
        ("get /me/events/{id_1}", {"reply": {**EVENT, "start": {"dateTime": 5}}}),
        ("get /me/events/{id_1}", {"reply": {**EVENT, "reminderMinutesBeforeStart": True}}),
        ("get /me/events/{id_1}", {"status": 404, "reply": {"error": {"code": "x"}}}),
        ("get /me/events/{id_1}", {"status": 202}),
        ("post /me/events", {"body": {"Subject": "x"}, "status": 201}),
        ("post /me/events", {"body": {"subject": 5}, "status": 201}),
        ("get /me/events/{id_1}", {"body": {"subject": "x"}}),
        ("delete /me/events/{id_1}", {"status": 204, "reply": {"id": "x"}}),
    ],
)
def test_what_is_wrong_is_found(name: str, more: dict[str, Any]) -> None:
    assert len(problems(name, **more)) == 1


def test_only_what_the_document_has_is_checked() -> None:
    assert CHECK.knows("post /subscriptions/{id}/reauthorize")
    assert not CHECK.knows("get /me/mailboxSettings")
