"""From a kind, a language and a context to subject, plain text and HTML.

One template per kind and language fills the blocks of three layouts (subject, text, HTML), so that the halves of a
mail cannot say different things.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import css_inline
from django.template import Context, Engine
from django.utils import translation
from django.utils.safestring import mark_safe

from kalends.core.span import Span
from kalends.messages.dates import format_start, format_when, known_language
from kalends.messages.richtext import fill_in, fill_in_line, to_text

TEMPLATES = Path(__file__).resolve().parent / "templates"
LANGUAGES = ("en", "fr")
_BUTTON = {"en": "Connect my calendar", "fr": "Connecter mon agenda"}


@dataclass(frozen=True, slots=True)
class Rendered:
    subject: str
    text: str
    html: str


def template_language(locale: str) -> str:
    """The language of ours that serves `locale`: its own, or English."""
    base = locale.replace("_", "-").split("-")[0].lower()
    return base if base in LANGUAGES else "en"


def render(kind: str, *, locale: str, company_name: str, context: Mapping[str, Any]) -> Rendered:
    """Pure: the same arguments give the same bytes."""
    language = template_language(locale)
    values = {**context, **_times(context, locale), "company_name": company_name, "language": language}
    rich = ""
    if "html" in context:
        rich = _rich_text(context, company_name, language)
        values["subject"] = fill_in_line(context["subject"], company=company_name, staff=context["staff_name"])
    name = f"messages/{language}/{kind}.mail"
    with translation.override(known_language(language)):
        subject = _fill(name, "subject", values, autoescape=False)
        text = _fill(name, "txt", {**values, "rich": to_text(rich)}, autoescape=False)
        html = _fill(name, "html", {**values, "rich": mark_safe(rich)}, autoescape=True)  # noqa: S308 - cleaned
    return Rendered(" ".join(subject.split()), _tidy(text), _inliner().inline(html))


@lru_cache(maxsize=1)
def _engine() -> Engine:
    return Engine(dirs=[str(TEMPLATES)], builtins=["kalends.messages.filters"])


@lru_cache(maxsize=1)
def _inliner() -> css_inline.CSSInliner:
    # The dark-mode rules stay as a style element; everything else becomes attributes, which all mail programs read.
    return css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


def _fill(name: str, half: str, values: Mapping[str, Any], *, autoescape: bool) -> str:
    layout = {part: f"messages/{part}.{half}" for part in ("layout", "row", "button")}
    return _engine().get_template(name).render(Context({**values, **layout}, autoescape=autoescape))


def _tidy(text: str) -> str:
    """No trailing blanks, at most one empty line in a row: what the blocks of a template leave behind."""
    lines = [line.strip() for line in text.splitlines()]
    kept = [line for number, line in enumerate(lines) if line or (number and lines[number - 1])]
    return "\n".join(kept).strip() + "\n"


def _times(context: Mapping[str, Any], locale: str) -> dict[str, str]:
    zone = context.get("timezone") or "UTC"
    times = {
        f"{key.removesuffix('start')}when": format_when(
            Span(_instant(value), _instant(context[f"{key.removesuffix('start')}end"])), zone, locale
        )
        for key, value in context.items()
        if key.endswith("start") and value
    }
    if context.get("start"):
        times["when_short"] = format_start(_instant(context["start"]), zone, locale)
    for key in ("deadline", "expires"):
        if context.get(key):
            times[f"{key}_when"] = format_start(_instant(context[key]), zone, locale)
    return times


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _rich_text(context: Mapping[str, Any], company_name: str, language: str) -> str:
    return fill_in(
        context["html"],
        company=company_name,
        staff=context["staff_name"],
        link=context["link"],
        link_label=_BUTTON[language],
    )
