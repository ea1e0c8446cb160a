"""Every file of tests/corpus/ics, served over HTTP, is read as its sidecar says. Written by us: nobody's data."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from kalends.calendars.external import GivenAddress
from kalends.core.span import Span
from kalends.providers.icsfeed.cursor import read
from kalends.providers.icsfeed.provider import CALENDAR_ID, IcsFeedProvider
from kalends.providers.settings import ProviderSettings
from kalends.sync.busy import Reading, spans_of
from kalends.sync.port import ProviderError, RemoteEvent

CORPUS = Path(__file__).parents[2] / "corpus" / "ics"
FILES = sorted(path.stem for path in CORPUS.glob("*.ics"))
SUMMER = Span(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC))
ZONE = "Europe/Paris"  # the reader's


def provider(server: HTTPServer) -> IcsFeedProvider:
    settings = ProviderSettings(allow_hosts=(f"{server.host}:{server.port}",))
    return IcsFeedProvider(GivenAddress(server.url_for("/feed.ics"), ZONE), settings, lambda: SUMMER.start)


def serve(server: HTTPServer, name: str, told: dict) -> IcsFeedProvider:
    content_type = told.get("content_type", "text/calendar; charset=utf-8")
    server.expect_request("/feed.ics").respond_with_data(
        (CORPUS / f"{name}.ics").read_bytes(), content_type=content_type
    )
    return provider(server)


def told_of(name: str) -> dict:
    return tomllib.loads((CORPUS / f"{name}.toml").read_text(encoding="utf-8"))


def span(text: str) -> Span:
    start, end = (datetime.fromisoformat(f"{part}:00+00:00") for part in text.split("/"))
    return Span(start, end)


def test_corpus_has_at_least_60_files_each_with_its_quirk_and_source():
    assert len(FILES) >= 60
    assert [name for name in FILES if not (told_of(name)["quirk"] and told_of(name)["source"])] == []
    assert sorted(path.stem for path in CORPUS.glob("*.toml")) == FILES


@pytest.mark.parametrize("name", FILES)
def test_file_is_read_as_stated_F08_F21_F44_F53_F54_F55_F56_F57_F59(httpserver: HTTPServer, name: str):
    told = told_of(name)
    feed = serve(httpserver, name, told)
    if "error" in told:
        with pytest.raises(ProviderError) as error:
            feed.pull(CALENDAR_ID, "", SUMMER)
        assert error.value.detail == told["error"]
        return
    pages = list(feed.pull(CALENDAR_ID, "", SUMMER))
    events = [item for page in pages for item in page.items if isinstance(item, RemoteEvent)]
    stated = pages[-1].info.timezone
    assert spans_of(events, SUMMER, Reading(stated or ZONE)) == sorted(span(text) for text in told["busy"])
    assert sorted(read(pages[-1].next_cursor).bad.values()) == told.get("set_aside", [])


@pytest.mark.parametrize("name", [name for name in FILES if "error" not in told_of(name)])
def test_file_that_did_not_change_is_read_in_one_empty_page(httpserver: HTTPServer, name: str):
    feed = serve(httpserver, name, told_of(name))
    (*_, first) = feed.pull(CALENDAR_ID, "", SUMMER)
    (again,) = feed.pull(CALENDAR_ID, first.next_cursor, SUMMER)
    assert (again.items, again.last, again.complete) == ((), True, False)
