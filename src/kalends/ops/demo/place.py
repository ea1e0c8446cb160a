"""Where the demo keeps things and listens, decided once and remembered, so that a restart finds its calendars again."""

from __future__ import annotations

import json
import os
import secrets
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

CLIENT_ID = "kalends-demo.apps.sandbox.example"
MICROSOFT_CLIENT_ID = "0b8f4c0e-6f0e-4d57-9d1c-6b616c656e64"


@dataclass(frozen=True, slots=True)
class Place:
    """Ports on loopback and the secrets that the stand-ins and the product share."""

    var: Path
    web_port: int
    sandbox_port: int
    caldav_port: int
    google_secret: str
    microsoft_secret: str
    caldav_password: str

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def caldav_url(self) -> str:
        return f"http://127.0.0.1:{self.caldav_port}/john/"

    @property
    def feed_url(self) -> str:
        """A calendar to subscribe to, as anybody's is offered."""
        return f"{self.sandbox_url}/feeds/taylor@sandbox.example.ics"

    @property
    def mail(self) -> Path:
        return self.var / "mail"

    def environment(self) -> dict[str, str]:
        """The configuration under which all parts of the demo run; what the person set wins, except for the wiring."""
        wiring = {
            "KALENDS_VAR": str(self.var),
            "KALENDS_BASE_URL": self.base_url,
            "KALENDS_BIND": f"127.0.0.1:{self.web_port}",
            "KALENDS_EMAIL_URL": f"file://{self.mail}",
            "KALENDS_GOOGLE_CLIENT_ID": CLIENT_ID,
            "KALENDS_GOOGLE_CLIENT_SECRET": self.google_secret,
            "KALENDS_GOOGLE_ACCOUNTS_URL": self.sandbox_url,
            "KALENDS_GOOGLE_OAUTH_URL": self.sandbox_url,
            "KALENDS_GOOGLE_API_URL": self.sandbox_url,
            "KALENDS_MICROSOFT_CLIENT_ID": MICROSOFT_CLIENT_ID,
            "KALENDS_MICROSOFT_CLIENT_SECRET": self.microsoft_secret,
            "KALENDS_MICROSOFT_LOGIN_URL": self.sandbox_url,
            "KALENDS_MICROSOFT_GRAPH_URL": self.sandbox_url,
            "KALENDS_ALLOW_PRIVATE_HOSTS": f"127.0.0.1:{self.sandbox_port},127.0.0.1:{self.caldav_port}",
            "KALENDS_PUSH": "on",
        }
        quick = {"KALENDS_POLL_SECONDS": "5", "KALENDS_GRACE_SECONDS": "5", "KALENDS_SWEEP_SECONDS": "2"}
        return {**quick, **os.environ, **wiring}


def find_place(var: Path, *, web_port: int) -> Place:
    """The remembered place, or a new one on free ports. Raises OSError where a remembered port is taken meanwhile."""
    file = var / "demo.json"
    if file.exists():
        kept = json.loads(file.read_text(encoding="utf-8"))
        # A place that was chosen before the sandbox Microsoft was there has one secret only.
        kept.setdefault("microsoft_secret", kept["google_secret"])
        return Place(**{**kept, "var": var, "web_port": web_port})
    sandbox_port = _free_from(8001)
    place = Place(
        var=var,
        web_port=web_port,
        sandbox_port=sandbox_port,
        caldav_port=_free_from(5232),
        google_secret=secrets.token_urlsafe(24),
        microsoft_secret=secrets.token_urlsafe(24),
        caldav_password=secrets.token_urlsafe(9),
    )
    var.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in asdict(place).items() if name not in ("var", "web_port")}
    file.write_text(json.dumps(kept, indent=1), encoding="utf-8")
    file.chmod(0o600)
    return place


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _free_from(first: int) -> int:
    return next(port for port in range(first, first + 200) if is_free(port))
