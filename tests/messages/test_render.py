from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from kalends.core.errors import InvalidInput
from kalends.messages.kinds import KINDS, checked_kind
from kalends.messages.render import render
from tests.messages.support import CONTEXT

VOID = {"meta", "br", "hr", "img", "link", "input", "col"}


class Balance(HTMLParser):
    """Every element that opens is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("locale", ["en", "fr", "de"])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_has_both_halves_in_each_language(kind, locale):
    context = {key: CONTEXT[key] for key in checked_kind(kind, CONTEXT).needs}
    rendered = render(kind, locale=locale, company_name="Lake & Side", context=context)
    assert rendered.subject == " ".join(rendered.subject.split()) != ""
    for half in (rendered.subject, rendered.text):
        assert not any(leftover in half for leftover in ("{{", "{%", "&amp;", "&lt;", "None"))
    assert "Lake & Side" in rendered.text
    assert "Lake &amp; Side" in rendered.html
    balance = Balance()
    balance.feed(rendered.html)
    assert balance.open == []
    links = [value for key, value in context.items() if key in ("link", "manage_url", "mend_url", "answer_url")]
    assert all(link in rendered.text and link in rendered.html for link in links)


def test_languages_differ_in_every_kind():
    for kind in KINDS:
        english, french = (
            render(kind, locale=locale, company_name="X", context=CONTEXT).text for locale in ("en", "fr")
        )
        assert english != french, kind


def test_confirmation_reads_as_a_person_would_write_it():
    rendered = render("appointment_confirmed", locale="en", company_name="Lakeside", context=CONTEXT)
    assert rendered.subject == "Confirmed: Cut & colour, 3 March 2026, 10:00 (Europe/Paris)"
    assert rendered.text == (
        "Your appointment is confirmed\n"
        "\n"
        "Hello Ada <Lovelace>,\n"
        "\n"
        "Your appointment with Lakeside is booked. The invitation in this mail puts it into your calendar.\n"
        "\n"
        "What: Cut & colour\n"
        "When: Tuesday 3 March 2026, 10:00 – 10:30 (Europe/Paris, UTC+1)\n"
        "With: Emma Morris\n"
        "Where: 1 Quai du Lac\n"
        "\n"
        "See, move or cancel it: https://kalends.example/a/secret\n"
        "\n"
        "Anyone who has this link can change your appointment. Please keep it to yourself.\n"
        "\n"
        "--\n"
        "Lakeside\n"
        "You get this mail because an appointment was booked with your address.\n"
    )


def test_what_customers_write_cannot_become_markup():
    context = {**CONTEXT, "customer_name": "<script>alert(1)</script>", "location": '"><img src=x onerror=y>'}
    html = render("appointment_confirmed", locale="en", company_name="X", context=context).html
    assert "<script>" not in html
    assert "<img" not in html


def test_html_needs_nothing_from_elsewhere_and_follows_dark_mode():
    html = render("appointment_moved", locale="en", company_name="X", context=CONTEXT).html
    assert "<link" not in html
    assert "url(" not in html
    assert "prefers-color-scheme: dark" in html
    assert 'class="button" href="https://kalends.example/a/secret" style="' in html


def test_F15_rendering_is_a_pure_function_of_its_context():
    first, second = (render("appointment_moved", locale="fr", company_name="X", context=CONTEXT) for _ in range(2))
    assert first == second


def test_mail_that_could_not_be_written_is_refused_when_promised():
    with pytest.raises(InvalidInput):
        checked_kind("appointment_praised", CONTEXT)
    with pytest.raises(InvalidInput) as refused:
        checked_kind("appointment_moved", {key: CONTEXT[key] for key in CONTEXT if key != "old_start"})
    assert refused.value.message == "The mail appointment_moved lacks old_start"


@pytest.mark.parametrize("locale", ["en", "fr"])
def test_question_has_a_link_for_each_answer_and_an_older_one_its_single_link(locale):
    both = {"keep_url": "https://kalends.example/q/1/keep", "cancel_url": "https://kalends.example/q/1/cancel"}
    now = render("staff_question", locale=locale, company_name="X", context={**CONTEXT, **both})
    older = render("staff_question", locale=locale, company_name="X", context=CONTEXT)
    for half in ("text", "html"):
        assert all(url in getattr(now, half) for url in both.values())
        assert [url in getattr(older, half) for url in (*both.values(), CONTEXT["answer_url"])] == [False, False, True]


@pytest.mark.parametrize(
    ("locale", "subject", "words"),
    [
        ("en", "Changed: Cut & colour with Emma Morris, 3 March 2026, 10:00 (Europe/Paris)", "the time is the same"),
        ("fr", "Modifié : Cut & colour avec Emma Morris, 3 mars 2026, 10:00 (Europe/Paris)", "reste le même"),
    ],
)
def test_change_of_who_comes_is_not_called_a_new_time(locale, subject, words):
    unmoved = {**CONTEXT, "old_start": CONTEXT["start"], "old_end": CONTEXT["end"]}
    mail = render("appointment_moved", locale=locale, company_name="X", context=unmoved)
    assert mail.subject == subject
    assert words in mail.text
    assert "New time" not in mail.text
    assert "ouvel horaire" not in mail.text


def test_invitations_subject_names_company_and_member():
    context = {**CONTEXT, "subject": "{company}: your calendar, {staff}"}
    mail = render("calendar_invitation", locale="en", company_name="Lakeside <Clinic>", context=context)
    assert mail.subject == "Lakeside <Clinic>: your calendar, Emma Morris"
    assert "Lakeside &lt;Clinic&gt;: your calendar, Emma Morris</h1>" in mail.html


def test_mails_wear_the_pages_colours_by_day_and_by_night():
    root = Path(__file__).resolve().parents[2] / "src/kalends"
    tokens = (root / "web/static/kalends/kalends.css").read_text(encoding="utf-8")
    pairs = re.findall(r"--[a-z-]+: light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", tokens)
    day, night = ({pair[which] for pair in pairs} for which in (0, 1))
    layout = (root / "messages/templates/messages/layout.html").read_text(encoding="utf-8")
    by_day, _, by_night = layout.partition("@media (prefers-color-scheme: dark)")
    by_night, _, rich = by_night.partition(".rich")
    assert set(re.findall("#[0-9a-f]{6}", by_day)) - day == set()
    assert set(re.findall("#[0-9a-f]{6}", by_night)) - night == set()
    assert set(re.findall("#[0-9a-f]{6}", rich)) - day == set()
    invitation = (root / "messages/richtext.py").read_text(encoding="utf-8")
    assert set(re.findall("#[0-9a-f]{6}", invitation)) - day == set()


@pytest.mark.parametrize("what", ["deletions", "feed"])
def test_notice_that_the_company_reads_greets_nobody_and_says_whose_calendar_it_is(what):
    mail = render("connection_needs_attention", locale="en", company_name="X", context={**CONTEXT, "what": what})
    assert mail.subject == "A calendar needs attention: Emma Morris, Google Calendar"
    assert "Hello,\n" in mail.text
    assert "of Emma Morris" in mail.text
