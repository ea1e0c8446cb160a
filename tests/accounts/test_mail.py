"""Mails about an account leave by KALENDS_EMAIL_URL."""

from __future__ import annotations

import dataclasses
import email
import email.policy
from pathlib import Path

import pytest

from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_backend(settings):
    # pytest-django replaces the back end by one in memory; here it is what is tested.
    settings.EMAIL_BACKEND = "kalends.messages.backend.EmailBackend"


def test_password_reset_mail_leaves_by_our_address(client, settings, tmp_path: Path):
    settings.KALENDS = dataclasses.replace(settings.KALENDS, email_url=f"file://{tmp_path}")
    make_user("owner@example.org")
    response = client.post("/password", {"email": "Owner@Example.org"})
    assert response.status_code == 302
    (file,) = tmp_path.glob("*.eml")
    mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert (mail["To"], mail["From"]) == ("owner@example.org", "Kalends <kalends@localhost>")
    assert "http://testserver/account/password/reset/key/" in mail.get_body(("plain",)).get_content()


def test_mail_server_that_is_down_is_told_and_breaks_no_page(client, settings):
    settings.KALENDS = dataclasses.replace(settings.KALENDS, email_url="smtp://127.0.0.1:9/?tls=none")
    make_user("owner@example.org")
    response = client.post("/password", {"email": "owner@example.org"}, follow=True)
    assert response.status_code == 200
    assert "The mail could not be sent just now." in response.content.decode()
