"""The sandbox as one server: Google's and Microsoft's addresses, the page, and the admin addresses."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from kalends.core.clock import utc_now
from kalends.core.errors import KalendsError
from kalends.sandbox import demo
from kalends.sandbox.admin import Admin
from kalends.sandbox.caldav import CalDavCalendar
from kalends.sandbox.deliver import RETRIES
from kalends.sandbox.google.api import Api
from kalends.sandbox.google.call import read_body
from kalends.sandbox.google.errors import ApiError
from kalends.sandbox.google.faults import Faults, Journal
from kalends.sandbox.google.oauth import OAuth
from kalends.sandbox.google.store import PRESET, Account, Store
from kalends.sandbox.google.validate import Discovery
from kalends.sandbox.google.watch import Sender
from kalends.sandbox.ledger import Clock
from kalends.sandbox.microsoft import oauth as microsoft_oauth
from kalends.sandbox.microsoft import store as microsoft_store
from kalends.sandbox.microsoft.errors import GraphError
from kalends.sandbox.microsoft.site import Microsoft
from kalends.sandbox.oauth import Client
from kalends.sandbox.page.routes import Page
from kalends.sandbox.web import Request, Response, Route, Server, find_route, json_response

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """How a sandbox is set up. `port` 0 takes a free one; `data` and `mail` are directories.

    `discovery` are Google's documents and `openapi` is Microsoft's, by which every request and reply is checked; what is
    wrong is collected, not refused.
    """

    port: int = 0
    host: str = "127.0.0.1"
    client: Client = field(default_factory=Client)
    data: Path | None = None
    mail: Path | None = None
    caldav: Sequence[CalDavCalendar] = ()
    accounts: Sequence[Account] = PRESET
    demo_events: bool = False
    clock: Clock = utc_now
    discovery: Sequence[Mapping[str, Any]] = ()
    microsoft_client: Client = microsoft_oauth.CLIENT
    microsoft_accounts: Sequence[microsoft_store.Account] = microsoft_store.PRESET
    openapi: Mapping[str, Any] | None = None
    push_retries: tuple[float, ...] = RETRIES


class App:
    """Dispatches requests: faults first, then the route, then the journal and the check by the documents."""

    def __init__(self, options: Options) -> None:
        path = None
        if options.data is not None:
            options.data.mkdir(parents=True, exist_ok=True)
            path = options.data / "sandbox.db"
        self.store = Store(options.clock, path)
        self.journal = Journal()
        self.problems: list[str] = []
        self.sender = Sender(self.store, self.journal.add, options.push_retries)
        self.faults = Faults(self.store, self.sender)
        self.oauth = OAuth(self.store, options.client, self.faults)
        self.api = Api(self.store, self.oauth, self.faults, self.sender)
        beside = path.with_name("microsoft.db") if path else None
        self.microsoft = Microsoft(
            options.clock, beside, options.microsoft_client, self.journal, options.openapi, options.push_retries
        )
        self._discovery = [Discovery(document) for document in options.discovery]
        page = Page(self.store, self.microsoft, self.journal, options.client.name, options.mail, options.caldav)
        admin = Admin(self.store, self.faults, self.journal, self.microsoft)
        self._google = [*self.api.routes(), *self.oauth.routes()]
        self._own: list[Route] = [*page.routes(), *admin.routes()]
        self._create_accounts(options)

    def _create_accounts(self, options: Options) -> None:
        with self.store.writing():
            for account in options.accounts:
                if account.email not in self.store.accounts:
                    self.store.add_account(Account(account.email, account.name, account.timezone, account.sub))
                    if options.demo_events:
                        demo.add_events(self.store, account.email)
            if options.demo_events:
                demo.add_holidays(self.store)
        for person in self.microsoft.add_accounts(options.microsoft_accounts):
            if options.demo_events:
                with self.microsoft.store.writing():
                    demo.add_microsoft_events(self.microsoft.store, person)

    def __call__(self, request: Request) -> Response:
        found = find_route(self._own, request.method, request.path)
        if found:
            return _guarded(request, found)
        if self.microsoft.serves(request.path):
            return self.microsoft.serve(request, self.faults)
        return self._serve_google(request)

    def _serve_google(self, request: Request) -> Response:
        found = find_route(self._google, request.method, request.path)
        name = found[0].name if found else ""
        entry: dict[str, Any] = {"method": request.method, "path": request.path, "name": name, "status": "dropped"}
        entry["came"] = time.time()
        try:
            response = self.faults.serve(request, lambda: _google_answer(request, found))
            entry["status"] = str(response.status)
            self._check(name, request, response)
        finally:
            self.journal.add("request", entry)
        return response

    def _check(self, name: str, request: Request, response: Response) -> None:
        """Collect what is not valid by the documents, in requests that were served and in their replies."""
        document = next((item for item in self._discovery if item.knows(name)), None)
        if document is None or not 200 <= response.status < 300:
            return
        body = read_body(request) if request.body else None
        found = document.request_problems(name, request.query, body)
        if "fields" not in request.query:
            payload = read_body(Request("", "", {}, {}, response.body)) if response.body else None
            found += document.reply_problems(name, payload)
        self.problems += [f"{name}: {problem}" for problem in found]


def _google_answer(request: Request, found: tuple[Route, dict[str, str]] | None) -> Response:
    try:
        if found is None:
            raise ApiError(404, "notFound", "Not Found: the sandbox has no such method.")
        return found[0].handler(request, **found[1])
    except ApiError as error:
        return json_response(error.payload(), error.status, error.headers)


def _guarded(request: Request, found: tuple[Route, dict[str, str]]) -> Response:
    """The page and the admin addresses change state only for JSON: a form on a foreign page cannot send that."""
    if request.method != "GET" and not request.headers.get("content-type", "").startswith("application/json"):
        return json_response({"code": "invalid", "message": "send application/json"}, 415)
    try:
        return found[0].handler(request, **found[1])
    except ApiError as error:
        return json_response({"code": error.reason, "message": error.message}, error.status)
    except GraphError as error:
        return json_response({"code": error.code, "message": error.message}, error.status)
    except KalendsError as error:
        return json_response({"code": error.code, "message": error.message}, 400)


class Running:
    """A sandbox that serves. `store`, `faults`, `journal` are there for tests; `problems` is what was not valid.

    `microsoft` is the sandbox Microsoft, with a store, acts, settings and problems of its own; faults are shared.
    """

    def __init__(self, options: Options) -> None:
        self.app = App(options)
        self.store, self.faults, self.journal = self.app.store, self.app.faults, self.app.journal
        self.sender, self.problems, self.client = self.app.sender, self.app.problems, options.client
        self.microsoft = self.app.microsoft
        self._server = Server((options.host, options.port), self.app)
        self.base_url = f"http://{options.host}:{self._server.server_address[1]}"
        self.app.api.base_url = self.app.oauth.base_url = self.base_url
        self.microsoft.set_base_url(self.base_url)
        self.failures = self._server.failures
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def start(self) -> Self:
        self.sender.start()
        self.microsoft.start()
        self._thread.start()
        return self

    def wait(self) -> None:
        """Block until the server stops."""
        self._thread.join()

    def stop(self) -> None:
        """Stop serving and close the state; a second call does nothing."""
        if self._thread.is_alive():
            self._server.stop()
            self._thread.join()
            self.sender.stop()
            with self.store.writing():
                pass  # let a request that is being served end
            self.store.disk.close()
            self.microsoft.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()


def start(options: Options | None = None) -> Running:
    """A sandbox that serves in threads of this process, until `stop()`."""
    return Running(options or Options()).start()
