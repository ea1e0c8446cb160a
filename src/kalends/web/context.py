"""What every page's frame needs."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

THEMES = ("light", "dark")


def page(request: HttpRequest) -> dict[str, object]:
    """`theme`: the reader's choice, or nothing, and then the system's holds. `embedded`: inside another site's page.

    `signup_open`: whether anybody may make an account and a company.
    """
    theme = request.COOKIES.get("kalends_theme", "")
    return {
        "theme": theme if theme in THEMES else "",
        "embedded": request.GET.get("embed") == "1",
        "signup_open": settings.KALENDS.signup_open,
    }
