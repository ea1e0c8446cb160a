"""The demo's stand-ins start whatever secrets chance has drawn."""

from __future__ import annotations

from pathlib import Path

from kalends.ops.demo.place import Place
from kalends.ops.demo.sandbox import prepare_sandbox
from kalends.sandbox.__main__ import options_from


def test_secrets_that_begin_with_a_hyphen_are_read_as_values(tmp_path: Path):
    place = Place(
        var=tmp_path,
        web_port=8000,
        sandbox_port=8001,
        caldav_port=5232,
        google_secret="-google",
        microsoft_secret="--microsoft",
        caldav_password="-caldav",
    )
    _python, _dash_m, _sandbox, *arguments = prepare_sandbox(place, "--empty", timezone="Europe/Paris").command
    options = options_from(arguments)
    [calendar] = options.caldav
    assert (options.client.secret, options.microsoft_client.secret, calendar.password) == (
        "-google",
        "--microsoft",
        "-caldav",
    )
    assert options.demo_events is False
