"""Is a request or a reply valid by an OpenAPI document? The document is the caller's: none is kept here.

A property that the schema does not name is a problem, although OpenAPI would allow it; OData's annotations (names with
an @) are not properties. Graph does some things otherwise than the derived document says, as its documentation tells:
PATCH of an event answers 200 with the event, `$expand` takes options in parentheses, instances take a window.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from kalends.sandbox.web import Request, Response

Schema = Mapping[str, Any]
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
_OPAQUE = ("$skiptoken", "$deltatoken")
_WINDOW = ("startDateTime", "endDateTime")


class OpenApi:
    """The operations of one document, named as "get /me/events/{id_1}"."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._operations: dict[str, tuple[Schema, Schema]] = {
            f"{method} {path}": (item, item[method])
            for path, item in document["paths"].items()
            for method in ("get", "post", "patch", "delete")
            if method in item
        }

    def knows(self, name: str) -> bool:
        return name in self._operations

    def problems(self, name: str, request: Request, response: Response) -> list[str]:
        """What is wrong with a request that was served, or with the reply to any."""
        item, operation = self._operations[name]
        body = json.loads(response.body) if response.body else None
        if response.status >= 400:
            error = self._document["components"]["schemas"]["error"]
            # The document writes innererror, Graph sends innerError.
            return [problem for problem in self._check(error, body, "reply") if "innerError" not in problem]
        parameters = [*item.get("parameters", ()), *operation.get("parameters", ())]
        found = self._query_problems(parameters, request.query, windowed=name.endswith("/instances"))
        found += self._body_problems(operation, request)
        return found + self._reply_problems(name, operation, response.status, body)

    def _query_problems(self, parameters: list[Schema], query: Mapping[str, list[str]], *, windowed: bool) -> list[str]:
        resolved = [self._resolve(one) for one in parameters]
        known = {one["name"]: one for one in resolved if one["in"] == "query"}
        if any(name in query for name in _OPAQUE):
            return [f"query: {name} beside a token" for name in query if name not in (*_OPAQUE, *_WINDOW)]
        found = [
            f"query: {name} is missing" for name, one in known.items() if one.get("required") and name not in query
        ]
        for name, values in query.items():
            if name not in known and name not in (_WINDOW if windowed else ()):
                found.append(f"query: unknown parameter {name}")
            elif name in known:
                found += [f"query.{name}: {text}" for text in self._value_problems(known[name], values[0])]
        return found

    def _value_problems(self, parameter: Schema, value: str) -> Iterator[str]:
        schema = parameter["schema"]
        kind = schema.get("type")
        if kind == "array":
            for part in re.sub(r"\([^()]*(?:\([^()]*\)[^()]*)*\)", "", value).split(","):
                if part not in schema["items"].get("enum", (part,)):
                    yield f"{part!r} is not allowed"
        elif kind == "integer" and not value.isdigit():
            yield f"{value!r} is no integer"
        elif kind == "boolean" and value not in ("true", "false"):
            yield f"{value!r} is no boolean"

    def _body_problems(self, operation: Schema, request: Request) -> list[str]:
        schema = _json_schema(self._resolve(operation.get("requestBody", {})))
        if schema is None:
            return ["body: none is expected"] if request.body else []
        return list(self._check(schema, json.loads(request.body or b"null"), "body"))

    def _reply_problems(self, name: str, operation: Schema, status: int, body: Any) -> list[str]:
        responses = operation["responses"]
        if str(status) not in responses and name.startswith("patch ") and status == 200:
            responses = self._operations[name.replace("patch ", "get ", 1)][1]["responses"]
        declared = responses.get(str(status)) or responses.get("2XX")
        if declared is None:
            return [f"reply: status {status} is not declared"]
        schema = _json_schema(self._resolve(declared))
        if schema is None:
            return [] if body is None else ["reply: a body where none is expected"]
        return list(self._check(schema, body, "reply"))

    # -- schemas -----------------------------------------------------------------------------------------------

    def _resolve(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            held: Any = self._document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                held = held[part]
            schema = held
        return schema

    def _check(self, schema: Schema, value: Any, where: str) -> Iterator[str]:
        schema = self._resolve(schema)
        if "anyOf" in schema:
            tried = [list(self._check(one, value, where)) for one in schema["anyOf"]]
            if all(tried):
                yield from max(tried, key=len)
            return
        problem = _plain_problem(schema, value)
        if problem:
            yield f"{where}: {problem}"
        elif isinstance(value, dict):
            yield from self._check_object(schema, value, where)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from self._check(schema.get("items", {}), item, f"{where}[{index}]")

    def _check_object(self, schema: Schema, value: Mapping[str, Any], where: str) -> Iterator[str]:
        properties = schema.get("properties")
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{where}.{name}: missing"
        for name, item in value.items():
            if "@" in name or properties is None:
                continue
            if name in properties:
                yield from self._check(properties[name], item, f"{where}.{name}")
            else:
                yield f"{where}.{name}: no such property"


def _json_schema(holder: Schema) -> Schema | None:
    found: Schema | None = holder.get("content", {}).get("application/json", {}).get("schema")
    return found


def _plain_problem(schema: Schema, value: Any) -> str:
    """Why a value does not fit its schema's type, enum or format, or ""."""
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    fits = any(isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool)) for kind in kinds)
    if kinds and not fits:
        return f"{value!r} is no {' or '.join(kinds)}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{value!r} is none of {schema['enum']}"
    try:
        if schema.get("format") == "date-time" and value is not None:
            datetime.fromisoformat(value)
        elif schema.get("format") == "date" and value is not None:
            date.fromisoformat(value)
    except ValueError:
        return f"{value!r} is no {schema['format']}"
    return ""
