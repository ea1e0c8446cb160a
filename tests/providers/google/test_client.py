"""A token endpoint that rotates refresh tokens and takes each only once, which Google's does not do today."""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from urllib.parse import parse_qs

from kalends.core.clock import utc_now
from kalends.providers.registry import build
from kalends.providers.settings import GoogleSettings, ProviderSettings
from tests.net.servers import answer, serve

DUE = "2020-01-01T00:00:00+00:00"


class Rotating:
    """Access token "a<n>" goes with refresh token "r<n>", of which only the newest is good."""

    def __init__(self):
        self.number = 0
        self.refused = 0
        self.lock = threading.Lock()

    def __call__(self, connection, request):
        with self.lock:
            connection.sendall(self.token(request) if request.startswith(b"POST /token") else self.api(request))

    def token(self, request):
        form = parse_qs(request.partition(b"\r\n\r\n")[2].decode())
        if form["refresh_token"] != [f"r{self.number}"]:
            self.refused += 1
            return answer("400 Bad Request", b'{"error": "invalid_grant"}')
        self.number += 1
        grant = {"access_token": f"a{self.number}", "refresh_token": f"r{self.number}", "expires_in": 3599}
        return answer(body=json.dumps(grant).encode())

    def api(self, request):
        token = re.search(rb"Authorization: Bearer a(\d+)\r\n", request)
        good = token is not None and 0 < int(token[1]) <= self.number
        return answer(body=b'{"id": "c", "accessRole": "owner"}') if good else answer("401 Unauthorized", b"{}")


class Stored:
    def __init__(self):
        self.secret = {"access_token": "a0", "refresh_token": "r0", "expires_at": DUE}
        self.lock = threading.Lock()

    def read(self):
        with self.lock:
            return dict(self.secret)

    def replace(self, old, new):
        with self.lock:
            if self.secret != dict(old):
                return False
            self.secret = dict(new)
            return True


@contextmanager
def rotating():
    server = Rotating()
    with serve(server) as running:
        google = GoogleSettings("id", "secret", oauth_url=running.url, api_url=running.url)
        yield server, ProviderSettings(google, (running.host,))


def test_F37_many_workers_and_a_rotating_grant_end_with_a_living_one():
    stored, failed = Stored(), []

    def work():
        provider = build("google", stored, settings)
        for _ in range(25):
            try:
                provider.calendar("c")
            except Exception as error:
                failed.append(error)
            with stored.lock:
                stored.secret["expires_at"] = DUE

    with rotating() as (server, settings):
        workers = [threading.Thread(target=work) for _ in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert failed == []
        assert stored.read()["refresh_token"] == f"r{server.number}"


def test_F37_a_worker_of_another_process_that_was_faster_is_followed():
    class Overtaken(Stored):
        """The other process rotates the grant between our first look and our refresh."""

        reads = 0

        def read(self):
            self.reads += 1
            if self.reads == 3:
                server.number = 1
                self.secret = {
                    "access_token": "a1",
                    "refresh_token": "r1",
                    "expires_at": utc_now().replace(year=2099).isoformat(),
                }
            return super().read()

    stored = Overtaken()
    with rotating() as (server, settings):
        server.number = 1
        assert build("google", stored, settings).calendar("c").id == "c"
        assert (server.refused, stored.reads) == (1, 3)
