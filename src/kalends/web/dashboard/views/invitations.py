"""The invitation dialog of a staff member."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from kalends.calendars import services
from kalends.calendars.models import Invitation
from kalends.companies.models import Staff
from kalends.companies.selectors import staff_member
from kalends.core.clock import utc_now
from kalends.core.errors import KalendsError, NotFound
from kalends.messages.richtext import fill_in, fill_in_line
from kalends.web.connect.words import error_words
from kalends.web.dashboard.access import MemberRequest, actor_of, member
from kalends.web.dashboard.forms.sync import InvitationForm
from kalends.web.limits import within_limit


def _block(staff: Staff) -> HttpResponse:
    return redirect(f"{reverse('dashboard:staff', args=[staff.pk])}#calendar-sync")


@member
def invite(request: MemberRequest, staff_id: UUID) -> HttpResponse:
    """The dialog's page: GET shows the form, POST previews or sends."""
    staff = staff_member(request.company, staff_id)
    if request.method != "POST":
        context = {"staff": staff, "form": InvitationForm.of(staff, request.company)}
        return render(request, "dashboard/sync/invite.html", context)
    form = InvitationForm(request.POST)
    if form.is_valid() and request.POST.get("do") == "preview":
        preview = _preview(staff, form.cleaned_data["html"])
        subject = fill_in_line(form.cleaned_data["subject"], company=staff.company.name, staff=staff.name)
        shown = {"staff": staff, "form": form, "preview": preview, "subject": subject}
        return render(request, "dashboard/sync/invite.html", shown)
    if form.is_valid() and _send(request, staff, form):
        messages.success(request, _("The invitation was sent to %(email)s.") % {"email": form.cleaned_data["email"]})
        return _block(staff)
    return render(request, "dashboard/sync/invite.html", {"staff": staff, "form": form}, status=422)


def _send(request: MemberRequest, staff: Staff, form: InvitationForm) -> bool:
    if not within_limit(request, scope="invite", limit=60, seconds=3600):
        form.add_error(None, _("Too many invitations in one hour. Please come back later."))
        return False
    data = form.cleaned_data
    try:
        services.create_invitation(
            staff=staff,
            email=data["email"],
            subject=data["subject"],
            html=data["html"],
            by=actor_of(request),
            now=utc_now(),
        )
    except KalendsError as error:
        form.refuse(error, message=error_words(error))
        return False
    return True


def _preview(staff: Staff, html: str) -> str:
    """As the mail will have it, cleaned; styles wait in `data-style`, since the page's policy lets only script set them."""
    filled = fill_in(html, company=staff.company.name, staff=staff.name, link="#", link_label=_("Connect my calendar"))
    return mark_safe(filled.replace(' style="', ' data-style="'))  # noqa: S308 - cleaned by nh3 in fill_in


@member
@require_POST
def revoke_invitation(request: MemberRequest, staff_id: UUID, invitation_id: UUID) -> HttpResponse:
    """Its link ends. One that is used or expired already is no error: it does not work any more either."""
    staff = staff_member(request.company, staff_id)
    invitation = Invitation.objects.filter(pk=invitation_id, staff=staff).first()
    if invitation is None:
        raise NotFound("There is no such invitation.")
    services.revoke_invitation(invitation=invitation, now=utc_now())
    messages.success(
        request,
        _("The invitation to %(email)s was taken back. Its link does not work any more.") % {"email": invitation.email},
    )
    return _block(staff)
