from __future__ import annotations

import pytest

from kalends.providers.registry import KINDS, build, check_settings
from kalends.providers.settings import GoogleSettings, MicrosoftSettings, ProviderSettings

CREDENTIALS = {"url": "https://dav.example/", "username": "ada", "password": "s3cret"}


class Stored:
    def read(self):
        return CREDENTIALS

    def replace(self, old, new):
        return False


@pytest.mark.parametrize("kind", ["google", "caldav", "office365", "outlook"])
def test_build_gives_the_provider_of_a_kind(kind):
    assert build(kind, Stored(), ProviderSettings()).kind == kind == KINDS[kind].kind


def test_build_of_an_unknown_kind_is_a_key_error():
    with pytest.raises(KeyError):
        build("fax", Stored(), ProviderSettings())


def test_check_settings_says_what_is_missing():
    assert check_settings("caldav", ProviderSettings()) == []
    assert check_settings("google", ProviderSettings()) == [
        "KALENDS_GOOGLE_CLIENT_ID is not set.",
        "KALENDS_GOOGLE_CLIENT_SECRET is not set.",
    ]


def test_check_settings_wants_https_or_a_named_host():
    google = GoogleSettings("id", "secret", api_url="http://127.0.0.1:9000")
    assert check_settings("google", ProviderSettings(google)) == [
        "KALENDS_GOOGLE_API_URL must begin with https://, or its host must be in KALENDS_ALLOW_PRIVATE_HOSTS."
    ]
    assert check_settings("google", ProviderSettings(google, ("127.0.0.1:9000",))) == []


@pytest.mark.parametrize("kind", ["office365", "outlook"])
def test_check_settings_of_microsoft_serves_both_kinds_of_account(kind):
    assert check_settings(kind, ProviderSettings()) == [
        "KALENDS_MICROSOFT_CLIENT_ID is not set.",
        "KALENDS_MICROSOFT_CLIENT_SECRET is not set.",
    ]
    microsoft = MicrosoftSettings("id", "secret", graph_url="http://127.0.0.1:9000")
    assert check_settings(kind, ProviderSettings(microsoft=microsoft)) == [
        "KALENDS_MICROSOFT_GRAPH_URL must begin with https://, or its host must be in KALENDS_ALLOW_PRIVATE_HOSTS."
    ]


def test_settings_show_no_secret():
    assert "s3cret" not in repr(ProviderSettings(microsoft=MicrosoftSettings("id", "s3cret")))
    assert "s3cret" not in repr(ProviderSettings(GoogleSettings("id", "s3cret")))
