"""The stand-ins of Google and Microsoft, which show the CalDAV calendar too."""

from __future__ import annotations

import sys

from kalends.ops.demo.caldav import USER
from kalends.ops.demo.place import CLIENT_ID, MICROSOFT_CLIENT_ID, Place
from kalends.ops.processes import Part


def prepare_sandbox(place: Place, *more: str, timezone: str) -> Part:
    """The sandbox as a part to run, wired to `place`; `more` are further options of `kalends sandbox`."""
    options = {
        "--port": str(place.sandbox_port),
        "--mail": str(place.mail),
        "--client-id": CLIENT_ID,
        "--client-secret": place.google_secret,
        "--redirect-uri": f"{place.base_url}/oauth/google/callback",
        "--microsoft-client-id": MICROSOFT_CLIENT_ID,
        "--microsoft-client-secret": place.microsoft_secret,
        "--microsoft-redirect-uri": f"{place.base_url}/oauth/microsoft/callback",
        "--caldav": place.caldav_url,
        "--caldav-user": USER,
        "--caldav-password": place.caldav_password,
        "--caldav-name": "John Smith",
        "--caldav-timezone": timezone,
    }
    # Joined by "=": a secret may begin with a hyphen, and would be read as an option of its own.
    given = [f"{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "kalends.sandbox", *given, *more]
    return Part("sandbox calendars", command, log=place.var / "sandbox.log")
