"""Partial responses: the `fields` parameter of Google's JSON APIs, such as `items(id,start/dateTime),nextSyncToken`."""

from __future__ import annotations

import re
from typing import Any

from kalends.sandbox.google import bodies, errors

Mask = dict[str, Any]
_TOKEN = re.compile(r"[A-Za-z0-9_*-]+|[(),/]")


def select(payload: Any, fields: str) -> Any:
    """What `fields` asks for, of `payload`. Raises ApiError 400 for a selector that cannot be read."""
    tokens = _TOKEN.findall(fields)
    try:
        mask = _list(tokens)
    except IndexError:
        tokens.append("unfinished")
        mask = {}
    if tokens:
        raise errors.bad_request(f"Invalid field selection {fields}", reason="invalidParameter", location="fields")
    return _apply(payload, mask)


def _list(tokens: list[str]) -> Mask:
    """Read selectors up to a closing bracket; what is read is taken off `tokens`."""
    mask: Mask = {}
    while tokens and tokens[0] != ")":
        mask = bodies.merge(mask, _item(tokens))
        if tokens and tokens[0] == ",":
            tokens.pop(0)
    return mask


def _item(tokens: list[str]) -> Mask:
    name = tokens.pop(0)
    if tokens and tokens[0] == "/":
        tokens.pop(0)
        return {name: _item(tokens)}
    if tokens and tokens[0] == "(":
        tokens.pop(0)
        inner = _list(tokens)
        tokens.pop(0)
        return {name: inner}
    return {name: {}}


def _apply(payload: Any, mask: Mask) -> Any:
    if not mask:
        return payload
    if isinstance(payload, list):
        return [_apply(item, mask) for item in payload]
    if not isinstance(payload, dict):
        return payload
    names = payload if "*" in mask else mask
    return {name: _apply(payload[name], mask.get(name) or mask.get("*") or {}) for name in names if name in payload}
