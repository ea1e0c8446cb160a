"""`python -m kalends.sandbox`: the stand-ins alone, on loopback."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kalends.sandbox.app import Options, Running, start
from kalends.sandbox.caldav import CalDavCalendar
from kalends.sandbox.google.store import PRESET
from kalends.sandbox.microsoft.oauth import CLIENT as MICROSOFT
from kalends.sandbox.microsoft.store import PRESET as MICROSOFT_PRESET
from kalends.sandbox.oauth import Client

_EXAMPLE = "example: python -m kalends.sandbox --port 8010 --data var/sandbox --mail var/mail"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "kalends sandbox",
        description="Local stand-ins of Google Calendar, Microsoft 365 and Outlook.com.",
        epilog=_EXAMPLE,
    )
    standard = Client()
    parser.add_argument("--port", type=int, default=8010, help="where to listen (0: any free port)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; keep it on loopback")
    parser.add_argument("--data", type=Path, help="directory that keeps the state; without it nothing is kept")
    parser.add_argument("--mail", type=Path, help="directory with .eml files to show")
    parser.add_argument("--client-id", default=standard.id)
    parser.add_argument("--client-secret", default=standard.secret)
    parser.add_argument("--redirect-uri", action="append", default=[], help="exact redirect address; may be repeated")
    parser.add_argument("--microsoft-client-id", default=MICROSOFT.id)
    parser.add_argument("--microsoft-client-secret", default=MICROSOFT.secret)
    parser.add_argument("--microsoft-redirect-uri", action="append", default=[], help="the same for Microsoft")
    parser.add_argument("--timezone", help="zone of the accounts that are made at first start")
    parser.add_argument("--empty", action="store_true", help="begin without demo events")
    parser.add_argument("--caldav", help="address of a CalDAV calendar or home to show too")
    parser.add_argument("--caldav-user", default="")
    parser.add_argument("--caldav-password", default="")
    parser.add_argument("--caldav-name", default="", help="the person's name shown on the page")
    parser.add_argument("--caldav-timezone", default="Europe/Paris")
    return parser


def options_from(argv: Sequence[str]) -> Options:
    """Options of the command line. Exits 2 on bad usage."""
    given = _parser().parse_args(argv)
    caldav: tuple[CalDavCalendar, ...] = ()
    if given.caldav:
        name = given.caldav_name or given.caldav_user
        caldav = (CalDavCalendar(given.caldav, given.caldav_user, given.caldav_password, given.caldav_timezone, name),)
    client = Client(given.client_id, given.client_secret, redirect_uris=tuple(given.redirect_uri))
    microsoft = Client(
        given.microsoft_client_id, given.microsoft_client_secret, redirect_uris=tuple(given.microsoft_redirect_uri)
    )
    shown = {calendar.name for calendar in caldav}
    accounts = [
        replace(account, timezone=given.timezone or account.timezone) for account in PRESET if account.name not in shown
    ]
    return Options(
        port=given.port,
        host=given.host,
        client=client,
        microsoft_client=microsoft,
        microsoft_accounts=[replace(row, timezone=given.timezone or row.timezone) for row in MICROSOFT_PRESET],
        data=given.data,
        mail=given.mail,
        caldav=caldav,
        accounts=accounts,
        demo_events=not given.empty,
    )


def serve(options: Options) -> None:
    """Serve until TERM or Ctrl-C, then stop in order."""
    try:
        running = start(options)
    except OSError as error:
        sys.exit(f"cannot listen on {options.host}:{options.port}: {error}")
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: _interrupt())
    sys.stdout.write(f"{_banner(running)}\n")
    sys.stdout.flush()
    try:
        running.wait()
    except KeyboardInterrupt:
        running.stop()


def _interrupt() -> None:
    raise KeyboardInterrupt


def _banner(running: Running) -> str:
    return (
        f"Sandbox calendars: {running.base_url}/\n"
        f"  client id {running.client.id}, secret {running.client.secret}\n"
        f"  KALENDS_GOOGLE_ACCOUNTS_URL, _OAUTH_URL and _API_URL = {running.base_url}\n"
        f"  Microsoft: client id {running.microsoft.client.id}, secret {running.microsoft.client.secret}\n"
        f"  KALENDS_MICROSOFT_LOGIN_URL and _GRAPH_URL = {running.base_url}"
    )


def main(argv: Sequence[str] | None = None) -> None:
    serve(options_from(sys.argv[1:] if argv is None else argv))


if __name__ == "__main__":
    main()
