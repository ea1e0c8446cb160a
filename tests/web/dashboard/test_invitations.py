from __future__ import annotations

import pytest
from django.urls import reverse

from kalends.calendars.models import Invitation
from kalends.companies import services
from kalends.core.clock import utc_now
from kalends.messages.models import OutgoingMessage
from kalends.web.dashboard.forms.sync import InvitationForm
from tests.web.people import House


def url_of(house: House) -> str:
    return reverse("dashboard:invite", args=[house.staff.pk])


def fields(**given: str) -> dict[str, str]:
    return {
        "email": "emma@lakeside.example", "subject": "Sync your appointments with your calendar",
        "html": "<p>Dear {staff}</p><p>{link}</p>", "do": "send", **given,
    }  # fmt: skip


def test_staff_page_carries_the_seeds_link_and_dialog(house: House):
    text = house.owner.get(reverse("dashboard:staff", args=[house.staff.pk])).content.decode()
    words = "Invite this staff member to use Google Calendar or Windows Live Calendar to synchronize their appointments"
    assert f'<a href="{url_of(house)}" data-dialog="invite-dialog">{words}</a>' in text
    assert '<dialog class="dialog dialog--wide" id="invite-dialog"' in text
    assert ("CALENDAR SYNC" in text, "External iCalendar URL:" in text) == (True, True)


def test_dialog_is_filled_with_the_proposed_words(house: House):
    initial = house.owner.get(url_of(house)).context["form"].initial
    assert initial == {
        "email": "emma@lakeside.example",
        "subject": "Sync your appointments with your calendar",
        "html": (
            "<p>I am managing our booking for {company} online. Please click on the link below to connect your Online "
            "Scheduling appointments with your Google Calendar, Outlook, Microsoft 365 or other calendar.</p>"
            "<p>{link}</p>"
        ),
    }


def test_send_promises_one_mail_with_the_managers_words(house: House):
    answer = house.owner.post(url_of(house), fields())
    assert answer.status_code == 302
    assert (Invitation.objects.get().email, Invitation.objects.get().staff) == ("emma@lakeside.example", house.staff)
    mail = OutgoingMessage.objects.get(kind="calendar_invitation")
    assert mail.recipient == "emma@lakeside.example"


def test_preview_is_cleaned_filled_in_and_sends_nothing(house: House):
    bad = '<p style="color: red" onclick="x()">Hi {staff} of {company}<script>x()</script></p>{link}'
    answer = house.owner.post(url_of(house), fields(do="preview", subject="{staff}, {company}", html=bad))
    assert answer.status_code == 200
    assert answer.context["subject"] == "Emma Morris, Lakeside"
    assert answer.context["preview"].startswith('<p data-style="color:red">Hi Emma Morris of Lakeside</p><a href="#"')
    assert (Invitation.objects.count(), OutgoingMessage.objects.count()) == (0, 0)


def test_company_name_cannot_bring_markup_into_the_preview(house: House):
    services.change_company(company=house.company, name="<img src=x onerror=a()>", actor="t", now=utc_now())
    answer = house.owner.post(url_of(house), fields(do="preview", html="<p>{company}</p>"))
    assert answer.context["preview"].startswith("<p>&lt;img src=x onerror=a()&gt;</p>")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"email": ""}, "email"),
        ({"email": "emma@lakeside.example, ben@x.example"}, "email"),
        ({"email": "emma@x.example\nBcc: all@x.example"}, "email"),
        ({"subject": ""}, "subject"),
        ({"subject": "s" * 161}, "subject"),
        ({"html": ""}, "html"),
        ({"html": "x" * 60_001}, "html"),
    ],
)
def test_bad_invitation_is_not_sent(house: House, given: dict[str, str], field: str):
    answer = house.owner.post(url_of(house), fields(**given))
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert (Invitation.objects.count(), OutgoingMessage.objects.count()) == (0, 0)


def test_subject_is_one_line():
    form = InvitationForm(fields(subject="Hello\r\nBcc: everybody@x.example"))
    assert form.is_valid()
    assert form.cleaned_data["subject"] == "Hello Bcc: everybody@x.example"


def test_open_invitation_is_shown_and_taken_back(house: House):
    house.owner.post(url_of(house), fields())
    invitation = Invitation.objects.get()
    page = reverse("dashboard:staff", args=[house.staff.pk])
    assert "Invited, not yet connected" in house.owner.get(page).content.decode()
    answer = house.owner.post(reverse("dashboard:revoke_invitation", args=[house.staff.pk, invitation.pk]))
    assert (answer.status_code, answer["Location"]) == (302, f"{page}#calendar-sync")
    invitation.refresh_from_db()
    assert invitation.revoked_at is not None
    assert "Invited, not yet connected" not in house.owner.get(page).content.decode()
