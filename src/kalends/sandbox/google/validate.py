"""Is a request or a reply valid by a discovery document? The document is the caller's: none is kept here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

Schema = Mapping[str, Any]
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


class Discovery:
    """The methods and schemas of one discovery document, by method id such as "calendar.events.list"."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._schemas: Mapping[str, Schema] = document.get("schemas", {})
        self._common: Mapping[str, Schema] = document.get("parameters", {})
        self._methods = {method["id"]: method for method in _methods(document)}

    def knows(self, method_id: str) -> bool:
        return method_id in self._methods

    def scopes(self, method_id: str) -> list[str]:
        return list(self._methods[method_id].get("scopes", ()))

    def request_problems(self, method_id: str, query: Mapping[str, list[str]], body: Any) -> list[str]:
        """What is wrong with a request: unknown or badly formed parameters, and a body off its schema."""
        method = self._methods[method_id]
        known = {**self._common, **method.get("parameters", {})}
        problems = []
        for name, values in query.items():
            if name not in known:
                problems.append(f"query: unknown parameter {name}")
                continue
            for value in values:
                problems += _parameter_problems(name, value, known[name])
        required = [name for name, schema in known.items() if schema.get("required") and schema["location"] == "query"]
        problems += [f"query: {name} is missing" for name in required if name not in query]
        return problems + self._body_problems(method, body)

    def _body_problems(self, method: Schema, body: Any) -> list[str]:
        if "request" not in method:
            return [] if body is None else ["body: none is expected"]
        reference = method["request"]["$ref"]
        required = [
            f"body.{name}: missing"
            for name, schema in self._schemas[reference].get("properties", {}).items()
            if method["id"] in schema.get("annotations", {}).get("required", ()) and not (body or {}).get(name)
        ]
        return required + list(self._check({"$ref": reference}, body or {}, "body"))

    def reply_problems(self, method_id: str, body: Any) -> list[str]:
        """What is wrong with a successful reply; None is an empty body."""
        method = self._methods[method_id]
        if "response" not in method:
            return [] if body is None else ["reply: a body where none is expected"]
        return list(self._check(method["response"], body, "reply"))

    def _check(self, schema: Schema, value: Any, where: str) -> Iterator[str]:
        schema = self._schemas[schema["$ref"]] if "$ref" in schema else schema
        if value is None and where.startswith("body"):
            return  # null removes a property in a patch
        kind = schema.get("type", "any")
        wrong = kind in _TYPES and not isinstance(value, _TYPES[kind])
        if wrong or (isinstance(value, bool) and kind not in ("boolean", "any")):
            yield f"{where}: {value!r} is no {kind}"
        elif isinstance(value, dict):
            yield from self._check_object(schema, value, where)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from self._check(schema["items"], item, f"{where}[{index}]")
        else:
            problem = _format_problem(schema, value)
            if problem:
                yield f"{where}: {problem}"

    def _check_object(self, schema: Schema, value: Mapping[str, Any], where: str) -> Iterator[str]:
        properties, other = schema.get("properties", {}), schema.get("additionalProperties")
        for name, item in value.items():
            if name in properties or other is not None:
                yield from self._check(properties.get(name, other), item, f"{where}.{name}")
            else:
                yield f"{where}.{name}: no such property"


def _methods(node: Mapping[str, Any]) -> Iterator[Schema]:
    yield from node.get("methods", {}).values()
    for child in node.get("resources", {}).values():
        yield from _methods(child)


def _parameter_problems(name: str, value: str, schema: Schema) -> list[str]:
    kind = schema["type"]
    if kind == "boolean" and value not in ("true", "false"):
        return [f"query.{name}: {value!r} is no boolean"]
    if kind == "integer" and not re.fullmatch(r"-?\d+", value):
        return [f"query.{name}: {value!r} is no integer"]
    problem = _format_problem(schema, int(value) if kind == "integer" else value)
    return [f"query.{name}: {problem}"] if problem else []


def _format_problem(schema: Schema, value: Any) -> str:
    """Why a plain value does not fit its schema's enum, format or bounds, or ""."""
    if "enum" in schema and value not in schema["enum"]:
        return f"{value!r} is none of {schema['enum']}"
    if "minimum" in schema and int(value) < int(schema["minimum"]):
        return f"{value!r} is under {schema['minimum']}"
    if "maximum" in schema and int(value) > int(schema["maximum"]):
        return f"{value!r} is over {schema['maximum']}"
    try:
        _read_format(schema.get("format", ""), value)
    except (ValueError, TypeError):
        return f"{value!r} is no {schema['format']}"
    return ""


def _read_format(name: str, value: Any) -> None:
    if name == "date":
        date.fromisoformat(value)
    elif name == "date-time":
        datetime.fromisoformat(value)
    elif name == "int64":
        int(value)
    elif name == "int32" and not -(2**31) <= int(value) < 2**31:
        raise ValueError(value)
