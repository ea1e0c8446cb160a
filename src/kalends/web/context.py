"""What every page's frame needs."""

from __future__ import annotations

from django.http import HttpRequest

THEMES = ("light", "dark")


def page(request: HttpRequest) -> dict[str, object]:
    """`theme`: the reader's choice, or nothing, and then the system's holds. `embedded`: inside another site's page."""
    theme = request.COOKIES.get("kalends_theme", "")
    return {"theme": theme if theme in THEMES else "", "embedded": request.GET.get("embed") == "1"}
