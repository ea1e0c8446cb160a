"""Filters of the mail layouts."""

from __future__ import annotations

from django import template
from django.utils.html import linebreaks
from django.utils.safestring import mark_safe

register = template.Library()


@register.filter(is_safe=True)
def paragraphs(value: str) -> str:
    """Rendered lines as HTML paragraphs; nothing at all for a block that is empty."""
    text = str(value).strip()
    # What arrives is a rendered block: its variables were escaped already.
    return linebreaks(mark_safe(text), autoescape=False) if text else mark_safe("")  # noqa: S308


@register.filter(is_safe=True)
def full_lines(value: str) -> str:
    """Without the empty lines that rows without a value leave."""
    return mark_safe("\n".join(line for line in str(value).splitlines() if line.strip()))  # noqa: S308
