"""Words of calendar sync for templates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import template
from django.utils.dateparse import parse_datetime

from kalends.calendars.models import Journal
from kalends.web.dashboard import story, words

register = template.Library()


@register.filter
def rule_words(rule: str) -> Any:
    return words.rule_words(rule)


@register.filter
def evidence_words(evidence: str) -> Any:
    return words.evidence_words(evidence)


@register.filter
def action_words(action: str) -> Any:
    return words.action_words(action)


@register.filter
def journal_text(row: Journal) -> str:
    return story.journal_text(row)


@register.filter
def mail_words(kind: str) -> Any:
    return words.mail_words(kind)


@register.filter
def signal_words(signal: str) -> Any:
    return words.signal_words(signal)


@register.filter
def at_key(values: Mapping[Any, Any] | None, key: Any) -> Any:
    return (values or {}).get(key)


@register.filter
def stored_start(value: Any, name: str = "start") -> datetime | None:
    """The start in a stored value of the journal or a history, an aware instant; None where there is none."""
    text = value.get(name) if isinstance(value, dict) else None
    try:
        moment = parse_datetime(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
