from __future__ import annotations

import dataclasses

import pytest
from django.conf import settings

from kalends.companies import selectors
from kalends.companies.models import Feed
from kalends.core.sealing import CannotUnseal, Keyring, new_encryption_key
from kalends.jobs import secrets
from kalends.ops.doctor import examine
from tests.factories import make_company


def test_sealed_text_opens_only_in_its_own_place():
    sealed = secrets.seal("token", row="r1", field="f")
    assert secrets.unseal(sealed, row="r1", field="f") == "token"
    with pytest.raises(CannotUnseal):
        secrets.unseal(sealed, row="r2", field="f")
    with pytest.raises(CannotUnseal):
        secrets.unseal(sealed, row="r1", field="g")


def test_sealed_text_does_not_open_without_its_key():
    sealed = Keyring([new_encryption_key()]).seal("token", place="p")
    with pytest.raises(CannotUnseal):
        Keyring([new_encryption_key()]).unseal(sealed, place="p")


@pytest.mark.django_db
def test_rotation_reseals_every_row_and_the_old_key_may_go(settings_keys):
    feed = make_company().feeds.get()
    url = selectors.feed_url(feed)
    new_key = new_encryption_key()
    settings_keys((new_key, *settings.KALENDS.encryption_keys))
    assert secrets.rotate(lambda column, done: None) >= 1
    settings_keys((new_key,))
    feed = Feed.objects.get(pk=feed.pk)
    assert selectors.feed_url(feed) == url
    assert secrets.rotate(lambda column, done: None) == 0


@pytest.mark.django_db
def test_doctor_counts_what_no_key_opens(settings_keys):
    make_company()
    kept = settings.KALENDS.encryption_keys
    assert [finding.level for finding in examine() if finding.subject == "keys"] == ["ok"]
    settings_keys((new_encryption_key(),))
    assert secrets.of_missing_keys() == 1
    [found] = [finding for finding in examine() if finding.subject == "keys"]
    assert (found.level, found.text[:20]) == ("wrong", "1 stored values were")
    settings_keys((new_encryption_key(), *kept))
    assert secrets.of_missing_keys() == 0


@pytest.fixture
def settings_keys(settings):
    def use(keys: tuple[str, ...]) -> None:
        settings.KALENDS = dataclasses.replace(settings.KALENDS, encryption_keys=keys)

    return use
