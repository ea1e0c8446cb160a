"""The WSGI application that web processes serve."""

from __future__ import annotations

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kalends.config.settings")

application = get_wsgi_application()
# The first visitor should not wait a second or two for the program to be loaded; reading this loads all views.
get_resolver().reverse_dict  # noqa: B018
# What is loaded stays until the process ends. Left among the rest, it would be searched for garbage every few hundred
# requests, each time for over 100 ms in which no thread of this process goes on.
gc.collect()
gc.freeze()
