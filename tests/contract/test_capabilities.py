"""What each calendar system can do, and what CalDAV servers answer, as docs/sync.md tells it."""

from __future__ import annotations

import base64
import http.client
import re
import uuid
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from kalends.core.span import Span

pytestmark = pytest.mark.contract

DOCUMENT = Path(__file__).parent.parent.parent / "docs/sync.md"
# A column is headed by the name that people know and the world's name in code: "Radicale `caldav`".
HEADING = re.compile(r"`(\w+)`")
START = datetime(2026, 12, 1, 9, tzinfo=UTC)
SPAN = Span(START, START + timedelta(hours=1))
UNKNOWN_TOKEN = "data:,kalends-was-never-here"
SYNC = '<d:sync-collection xmlns:d="DAV:"><d:sync-token>{}</d:sync-token><d:sync-level>1</d:sync-level><d:prop/></d:sync-collection>'
MULTIGET = (
    '<c:calendar-multiget xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:prop><d:getetag/></d:prop>'
    "<d:href>{}</d:href></c:calendar-multiget>"
)


def table(title):
    """The last table under a heading: {column in code: {row: cell}}."""
    text = DOCUMENT.read_text(encoding="utf-8").partition(f"### {title}\n")[2].partition("\n#")[0]
    last = [part for part in text.split("\n\n") if part.startswith("|")][-1]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in last.splitlines()]
    return {
        HEADING.search(heading)[1]: {line[0].strip("`"): line[column] for line in lines[2:]}
        for column, heading in enumerate(lines[0])
        if column
    }


@pytest.fixture
def name(request):
    """The world's name in code."""
    return request.node.callspec.params["world"]


def test_capabilities_are_those_of_the_document(world, name):
    found = asdict(world.provider.calendar(world.calendar_id).capabilities)
    assert {row: "yes" if can else "no" for row, can in found.items()} == table("Capabilities")[name]


# -- CalDAV servers side by side --------------------------------------------------------------------------------------


class Asking:
    """Bare requests as the account that the provider uses, through the same proxy."""

    def __init__(self, world):
        self.world = world
        self._sign = "Basic " + base64.b64encode(b"ada:secret").decode()

    def __call__(self, method, path, body="", **headers):
        connection = http.client.HTTPConnection(self.world.proxy.host)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body.encode(), {"Authorization": self._sign, **given})
        response = connection.getresponse()
        answer = response.read().decode()
        connection.close()
        return response.status, response.headers, answer

    def report(self, body):
        return self("REPORT", self.world.path, body, Content_Type="application/xml", Depth="1")

    def put(self, path, text, **guards):
        return self("PUT", path, text, Content_Type="text/calendar; charset=utf-8", **guards)


def texts(answer, name):
    return [element.text for element in ET.fromstring(answer).iter(f"{{DAV:}}{name}") if element.text]


def findings(world):
    """Each row of the document, asked of the server."""
    ask, made = Asking(world), world.add(SPAN)
    _, tags, text = ask("GET", made)
    written = ask.put(made, text, If_Match=tags["ETag"])
    missing, elsewhere = f"{world.path}{uuid.uuid4()}.ics", f"{world.path}{uuid.uuid4()}.ics"
    (listed,) = texts(ask.report(MULTIGET.format(made))[2], "getetag")
    other = text.replace(re.search(r"^UID:(.*?)\r?$", text, re.MULTILINE)[1], uuid.uuid4().hex)
    now = ask("GET", made)[1]["ETag"]
    (token,) = texts(ask.report(SYNC.format(""))[2], "sync-token")
    return {
        "a sync token that is no good": str(ask.report(SYNC.format(UNKNOWN_TOKEN))[0]),
        "a sync token is a URI": "yes" if ":" in token else "no",
        "create over what stands": str(ask.put(made, other, If_None_Match="*")[0]),
        "change with a stale tag": str(ask.put(made, text, If_Match='"stale"')[0]),
        "delete with a stale tag": str(ask("DELETE", made, If_Match='"stale"')[0]),
        "the same UID under another name": str(ask.put(elsewhere, text, If_None_Match="*")[0]),
        "what is no calendar text": str(ask.put(missing, "nonsense")[0]),
        "multiget of what is missing": "404" if " 404 " in ask.report(MULTIGET.format(missing))[2] else "left out",
        "tag of a change": "that of a read" if written[1]["ETag"] == now else "another or none",
        "tags": "strong" if re.fullmatch(r'"[^"]+"', now) and listed == now else "odd",
    }


@pytest.mark.parametrize("world", ["caldav", "xandikos"], indirect=True)
def test_caldav_servers_answer_as_the_document_says(world, name):

    assert findings(world) == table("CalDAV servers")[name]
