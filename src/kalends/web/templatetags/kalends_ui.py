"""Icons, avatars and colour marks. No inline style anywhere: the content security policy forbids it."""

from __future__ import annotations

import re

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()
HEX = re.compile(r"#[0-9a-fA-F]{6}")
FALLBACK = "#5f6b66"


@register.simple_tag
def icon(name: str, modifier: str = "") -> SafeString:
    """One of the sprite's drawings, hidden from screen readers: the text beside it speaks."""
    css = f"icon icon--{modifier}" if modifier else "icon"
    return format_html(
        '<svg class="{}" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        css, static("kalends/icons.svg"), name,
    )  # fmt: skip


@register.simple_tag
def avatar(name: str, color: str, size: str = "") -> SafeString:
    """A person's initials on their colour. `size`: "s", "l" or nothing."""
    fill = _color(color)
    return format_html(
        '<svg class="avatar{}" viewBox="0 0 40 40" aria-hidden="true" focusable="false">'
        '<rect width="40" height="40" fill="{}"/>'
        '<text x="20" y="20.5" fill="{}" text-anchor="middle" dominant-baseline="central">{}</text></svg>',
        f" avatar--{size}" if size else "", fill, ink_on(fill), initials(name),
    )  # fmt: skip


@register.simple_tag
def swatch(color: str) -> SafeString:
    return format_html(
        '<svg class="swatch" viewBox="0 0 12 12" aria-hidden="true" focusable="false">'
        '<rect width="12" height="12" fill="{}"/></svg>',
        _color(color),
    )


def initials(name: str) -> str:
    """First letters of the first and the last word: "Ada King Lovelace" is AL."""
    words = [word for word in name.split() if word[0].isalnum()]
    chosen = words[:1] + words[1:][-1:]
    return "".join(word[0] for word in chosen).upper() or "?"


def ink_on(color: str) -> str:
    """Black or white, whichever reads better on `color` (WCAG relative luminance)."""
    red, green, blue = (_linear(int(color[at : at + 2], 16) / 255) for at in (1, 3, 5))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#ffffff" if 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 else "#000000"


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _color(color: str) -> str:
    return color if HEX.fullmatch(color or "") else FALLBACK
