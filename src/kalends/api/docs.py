"""/api/docs: the OpenAPI document as a page, without a script from anywhere."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from kalends.api.urls import api

_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Operation:
    anchor: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[dict[str, Any]]
    body: str
    answer: str


@lru_cache(maxsize=1)
def operations() -> list[tuple[str, list[Operation]]]:
    """By tag, in the document's order."""
    document = api.get_openapi_schema(path_prefix="/api/v1/")
    schemas = document["components"]["schemas"]
    groups: defaultdict[str, list[Operation]] = defaultdict(list)
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                groups[item[method]["tags"][0]].append(_operation(method, path, item[method], schemas))
    return list(groups.items())


def _operation(method: str, path: str, entry: dict[str, Any], schemas: dict[str, Any]) -> Operation:
    answers = entry.get("responses", {})
    success: dict[str, Any] = next(
        (answers[code] for code in sorted(answers, key=str) if str(code).startswith("2")), {}
    )
    return Operation(
        anchor=f"{method}-{path.strip('/').replace('/', '-').replace('{', '').replace('}', '')}",
        method=method.upper(),
        path=path,
        summary=entry.get("summary", ""),
        description=entry.get("description", ""),
        parameters=[_parameter(parameter) for parameter in entry.get("parameters", [])],
        body=_example(entry.get("requestBody", {}), schemas),
        answer=_example(success, schemas),
    )


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    schema = parameter.get("schema", {})
    return {
        "name": parameter["name"],
        "place": parameter["in"],
        "required": parameter.get("required", False),
        "text": schema.get("description", ""),
        "type": _type_name(schema),
    }


def _type_name(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type_name(part) for part in schema["anyOf"] if part.get("type") != "null")
    return str(schema.get("format") or schema.get("type") or "text")


def _example(holder: dict[str, Any], schemas: dict[str, Any]) -> str:
    schema = holder.get("content", {}).get("application/json", {}).get("schema")
    return json.dumps(_sample(schema, schemas, depth=0), indent=2, ensure_ascii=False) if schema else ""


def _sample(schema: dict[str, Any], schemas: dict[str, Any], *, depth: int) -> Any:
    """A value of this shape: names of types in place of values, enumerations spelt out."""
    if depth > 8:
        return "..."
    if "$ref" in schema:
        return _sample(schemas[schema["$ref"].rsplit("/", 1)[1]], schemas, depth=depth + 1)
    if "anyOf" in schema:
        first: dict[str, Any] = next((part for part in schema["anyOf"] if part.get("type") != "null"), {})
        return _sample(first, schemas, depth=depth + 1)
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    if schema.get("type") == "object" and "properties" in schema:
        return {name: _sample(part, schemas, depth=depth + 1) for name, part in schema["properties"].items()}
    if schema.get("type") == "array":
        return [_sample(schema.get("items", {}), schemas, depth=depth + 1)]
    return schema.get("format") or schema.get("type") or {}


def page(request: HttpRequest) -> HttpResponse:
    return render(request, "api/docs.html", {"groups": operations()})
