"""Why is this time not free? One staff member, one service, one start."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from kalends.core.clock import utc_now
from kalends.core.errors import KalendsError
from kalends.web.dashboard.access import MemberRequest, member
from kalends.web.dashboard.blocking import answer_for
from kalends.web.dashboard.forms.appointments import WhyForm, instant


@member
def why(request: MemberRequest) -> HttpResponse:
    soon = timezone.localtime(utc_now() + timedelta(hours=1)).replace(minute=0)
    first = {"date": soon.date(), "time": soon.time(), "staff": request.GET.get("staff")}
    form = WhyForm(request.GET if "service" in request.GET else None, company=request.company, initial=first)
    answer = None
    if form.is_bound and form.is_valid():
        data = form.cleaned_data
        answer = _answer(request, form, data)
    return render(request, "dashboard/attention/why.html", {"form": form, "answer": answer})


def _answer(request: MemberRequest, form: WhyForm, data: dict[str, Any]) -> Any:
    at = instant(data["date"], data["time"], request.company.timezone)
    try:
        return answer_for(company=request.company, service=data["service"], staff=data["staff"], at=at, now=utc_now())
    except KalendsError as error:
        form.refuse(error)
        return None
