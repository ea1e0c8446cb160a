from __future__ import annotations

import pytest
from django.utils import translation

from kalends.calendars.services.oauth import CalendarsElsewhere
from kalends.core.errors import Conflict, InvalidInput
from kalends.web.connect.words import error_words

CODES = (
    "other_server",
    "address_refused",
    "private_address",
    "not_https",
    "no_basic_authentication",
    "invitation_used",
)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_error_words_has_the_readers_own_words(code, language):
    with translation.override("en"):
        english = str(error_words(InvalidInput("raw", code=code)))
    with translation.override(language):
        words = str(error_words(InvalidInput("raw", code=code)))
    assert words != "raw"
    assert (words == english) is (language == "en")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_error_words_names_the_other_server(language):
    with translation.override(language):
        assert "https://dav.example.org/home/" in str(error_words(CalendarsElsewhere("https://dav.example.org/home/")))


def test_error_words_of_an_unknown_code_is_the_message():
    assert error_words(Conflict("A slot is taken: 100 %.", code="other")) == "A slot is taken: 100 %."
