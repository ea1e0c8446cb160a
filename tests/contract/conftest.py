from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from kalends.sandbox.app import Options, start
from tests.contract.google_world import GoogleWorld
from tests.contract.microsoft_world import MicrosoftWorld
from tests.contract.proxy import proxy_to
from tests.contract.worlds import CalDavWorld, MemoryWorld, XandikosWorld
from tests.e2e.processes import free_ports
from tests.support import skip

DOCUMENTS = Path(__file__).parent.parent / "sandbox"
GRAPH = json.loads((DOCUMENTS / "microsoft" / "msgraph-calendar-v1.openapi.json").read_text())
# The metadata leave out what the documentation demands: the window of a series' instances.
GAPS = {
    f"get /me/events/{{id_1}}/instances: query: unknown parameter {name}" for name in ("startDateTime", "endDateTime")
}
CALENDAR = json.loads((DOCUMENTS / "google-calendar-v3.discovery.json").read_text())
RIGHTS = """
[person]
user: person
collection: .*
permissions: RWrw

[root]
user: .+
collection:
permissions: R

[principal]
user: .+
collection: {user}
permissions: RW

[readonly]
user: .+
collection: {user}/ro-[^/]+
permissions: r

[calendars]
user: .+
collection: {user}/[^/]+
permissions: rw
"""


@pytest.fixture(scope="session")
def radicale(tmp_path_factory):
    """The port of a Radicale of our own, with the user "ada" and a "person" who may do everything; passwords "secret"."""
    folder = tmp_path_factory.mktemp("radicale")
    [port] = free_ports(1)
    (folder / "users").write_text("ada:secret\nperson:secret\n")
    (folder / "rights").write_text(RIGHTS)
    (folder / "config").write_text(
        f"[server]\nhosts = 127.0.0.1:{port}\n"
        f"[auth]\ntype = htpasswd\nhtpasswd_filename = {folder}/users\nhtpasswd_encryption = plain\ndelay = 0\n"
        f"[rights]\ntype = from_file\nfile = {folder}/rights\n"
        f"[storage]\nfilesystem_folder = {folder}/data\n"
        "[logging]\nlevel = warning\n"
    )
    with _serving("radicale", "--config", str(folder / "config"), port=port, log=folder / "log"):
        yield port


@pytest.fixture(scope="session")
def xandikos(tmp_path_factory):
    """The port of a Xandikos of our own, which believes an X-Remote-User header from this machine."""
    if find_spec("xandikos") is None:
        skip("the second CalDAV server: xandikos is not installed")
    folder = tmp_path_factory.mktemp("xandikos")
    [port] = free_ports(1)
    options = ["-d", f"{folder}/data", "--state-dir", f"{folder}/state", "-l", "127.0.0.1", "-p", str(port)]
    options += ["--defaults", "--current-user-principal", "/ada/", "--trust-x-remote-user-from", "127.0.0.1"]
    with _serving("xandikos", "serve", "--no-detect-systemd", *options, port=port, log=folder / "log"):
        yield port


@contextmanager
def _serving(module, *options, port, log):
    """The module run as a program until the end, once it listens."""
    with log.open("w") as output:
        process = subprocess.Popen([sys.executable, "-m", module, *options], stdout=output, stderr=subprocess.STDOUT)
        try:
            _wait_for(port, process, log)
            yield
        finally:
            process.terminate()
            process.wait()


def _wait_for(port, process, log):
    for _ in range(2400):
        assert process.poll() is None, log.read_text()
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text())


@pytest.fixture
def caldav_world(radicale):
    with proxy_to(radicale) as proxy:
        yield CalDavWorld(proxy, radicale)


@pytest.fixture
def xandikos_world(xandikos):
    with proxy_to(xandikos, users={"ada": "secret"}) as proxy:
        yield XandikosWorld(proxy, xandikos)


@pytest.fixture
def google_world():
    """Every request that the provider sends is checked by Google's own document."""
    with start(Options(discovery=(CALENDAR,))) as sandbox, proxy_to(int(sandbox.base_url.rpartition(":")[2])) as proxy:
        yield GoogleWorld(proxy, sandbox)
        assert sandbox.problems == []
        assert sandbox.failures == []


def _microsoft_world(kind):
    """Every request that the provider sends is checked by Graph's own metadata."""
    with start(Options(openapi=GRAPH)) as sandbox, proxy_to(int(sandbox.base_url.rpartition(":")[2])) as proxy:
        yield MicrosoftWorld(proxy, sandbox, kind)
        assert [problem for problem in sandbox.microsoft.problems if problem not in GAPS] == []
        assert sandbox.failures == []


@pytest.fixture
def office365_world():
    yield from _microsoft_world("office365")


@pytest.fixture
def outlook_world():
    yield from _microsoft_world("outlook")


@pytest.fixture
def memory_world():
    return MemoryWorld()


@pytest.fixture(params=["memory", "google", "caldav", "xandikos", "office365", "outlook"])
def world(request):
    """Every test of the contract runs against every provider."""
    return request.getfixturevalue(f"{request.param}_world")
