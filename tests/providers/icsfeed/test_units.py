"""Texts that are made to burn time: what backtracks over them does not end while anybody waits."""

from __future__ import annotations

import pytest

from kalends.providers.icsfeed.units import cut

EVENT = "BEGIN:VEVENT\nUID:a\nDTSTART:20261201T100000Z\nEND:VEVENT\n"


@pytest.mark.parametrize(
    "junk",
    [f"END:VCALENDAR{' ' * 2_000_000}x\n", "BEGIN:VTIMEZONE\n" * 100_000, "END:VTIMEZONE\n" * 100_000],
    ids=["spaces", "zones that do not end", "zones that did not begin"],
)
def test_text_that_is_made_to_burn_time_is_cut_all_the_same_F44(junk):
    whole = cut(f"BEGIN:VCALENDAR\n{junk}{EVENT}END:VCALENDAR\n", floating="UTC")
    (unit,) = whole.units
    assert whole.only([unit]).count(f"UID:{unit}") == 1


def test_zone_that_is_told_decides_what_an_event_is():
    def units(offset):
        zone = f"BEGIN:VTIMEZONE\nTZID:X\nBEGIN:STANDARD\nTZOFFSETTO:{offset}\nEND:STANDARD\nEND:VTIMEZONE\n"
        return set(cut(f"BEGIN:VCALENDAR\n{zone}{EVENT}END:VCALENDAR\n", floating="UTC").units)

    assert units("+0100") == units("+0100")
    assert units("+0100") != units("+0200")
