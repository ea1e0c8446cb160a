"""A company with keys, a stranger with theirs, and a client that speaks JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
import time_machine
from django.test import Client

from kalends.companies.models import Company
from kalends.companies.services import create_api_key
from tests.factories import NOW, make_company


@pytest.fixture(autouse=True)
def _frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@dataclass
class Caller:
    company: Company
    token: str

    def call(self, method: str, path: str, body: Any = None, **headers: str):
        return Client(raise_request_exception=True).generic(
            method,
            f"/api/v1{path}",
            json.dumps(body) if body is not None else "",
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.token}", **{k.replace("_", "-"): v for k, v in headers.items()}},
        )

    def get(self, path: str, **headers: str):
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str):
        return self.call("POST", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str):
        return self.call("PATCH", path, body, **headers)

    def put(self, path: str, body: Any):
        return self.call("PUT", path, body)

    def delete(self, path: str):
        return self.call("DELETE", path)


def caller_for(company: Company, *, may_write: bool = True) -> Caller:
    _row, token = create_api_key(company=company, name="tests", may_write=may_write, actor="t", now=NOW)
    return Caller(company, token)


@pytest.fixture
def owner(db) -> Caller:
    return caller_for(make_company())


@pytest.fixture
def reader(owner: Caller) -> Caller:
    return caller_for(owner.company, may_write=False)


@pytest.fixture
def stranger(db) -> Caller:
    return caller_for(make_company("stranger"))
