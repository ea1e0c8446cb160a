"""Booking pages inside other sites' pages.

Only pages that show may be framed, and only where the address says `embed=1`. Nothing is sent from inside a frame: a
chosen time opens in a window of its own. So no cookie of ours is needed there, and no other site can make a visitor press
a button of ours unseen.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from csp.decorators import csp_replace
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.clickjacking import xframe_options_exempt

PARAM = {"embed": "1"}


def is_embedded(request: HttpRequest) -> bool:
    return request.GET.get("embed") == PARAM["embed"]


def embeddable(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    framed = csp_replace({"frame-ancestors": ["*"]})(xframe_options_exempt(view))

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return (framed if is_embedded(request) else view)(request, *args, **kwargs)

    return wrapper
