"""Who may sign in for the company: members, open invitations, and the link by which an invited person joins."""

from __future__ import annotations

from uuid import UUID

from allauth.account.models import EmailAddress
from django import forms
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.password_validation import validate_password
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from kalends.accounts.models import User
from kalends.companies import services
from kalends.companies.models import MemberInvitation, Role
from kalends.companies.selectors import (
    member_invitation_by_token,
    member_invitation_of,
    member_of,
    members_of,
    open_member_invitations,
)
from kalends.core.clock import utc_now
from kalends.core.errors import Conflict, InvalidInput, KalendsError, NotAllowed, NotFound
from kalends.web.dashboard.access import SESSION_COMPANY, MemberRequest, any_member, member
from kalends.web.dashboard.forms.base import BaseForm, posted
from kalends.web.limits import within_limit

_BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


class MemberForm(BaseForm):
    email = forms.EmailField(label=gettext_lazy("E-mail"), max_length=254)
    role = forms.ChoiceField(
        label=gettext_lazy("Role"), choices=Role.choices, initial=Role.MANAGER, widget=forms.RadioSelect
    )


class JoinForm(BaseForm):
    name = forms.CharField(
        label=gettext_lazy("Your name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        max_length=256,
        strip=False,
        help_text=gettext_lazy("At least 8 characters, and not one that everybody uses."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_password(self) -> str:
        password = self.cleaned_data["password"]
        validate_password(password, User(name=self.cleaned_data.get("name", "")))
        return str(password)


@member
def people(request: MemberRequest) -> HttpResponse:
    """GET lists, POST invites."""
    form = MemberForm(posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            services.invite_member(by=request.membership, now=utc_now(), **form.changes)
        except (InvalidInput, NotAllowed) as error:
            form.refuse(error)
        else:
            messages.success(
                request, _("The invitation was sent to %(email)s.") % {"email": form.cleaned_data["email"]}
            )
            return redirect("dashboard:people")
    context = {
        "form": form,
        "members": members_of(request.company),
        "invitations": open_member_invitations(request.company, utc_now()).order_by("-created_at"),
        "roles": Role.choices,
        "is_owner": request.membership.role == Role.OWNER,
    }
    return render(request, "dashboard/settings/people.html", context, status=422 if form.errors else 200)


@member
@require_POST
def change_role(request: MemberRequest, membership_id: UUID) -> HttpResponse:
    membership = member_of(request.company, membership_id)
    try:
        role = request.POST.get("role", "")
        services.change_member_role(membership=membership, role=role, by=request.membership, now=utc_now())
    except (Conflict, InvalidInput) as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("Saved."))
    return redirect("dashboard:people")


@any_member
@require_POST
def remove_member(request: MemberRequest, membership_id: UUID) -> HttpResponse:
    """An owner removes anybody; everybody may leave."""
    membership = member_of(request.company, membership_id)
    try:
        services.remove_member(membership=membership, by=request.membership, now=utc_now())
    except Conflict as error:
        messages.error(request, error.message)
        return redirect("dashboard:people")
    if membership.pk == request.membership.pk:
        messages.success(request, _("You left %(company)s.") % {"company": request.company.name})
        return redirect("dashboard:home")
    messages.success(request, _("%(name)s was removed and cannot look in any more.") % {"name": membership.user})
    return redirect("dashboard:people")


@member
@require_POST
def revoke_member_invitation(request: MemberRequest, invitation_id: UUID) -> HttpResponse:
    invitation = member_invitation_of(request.company, invitation_id)
    services.revoke_member_invitation(invitation=invitation, by=request.membership, now=utc_now())
    messages.success(
        request,
        _("The invitation to %(email)s was taken back. Its link does not work any more.") % {"email": invitation.email},
    )
    return redirect("dashboard:people")


# -- joining --------------------------------------------------------------------------------------------------------


@never_cache
@sensitive_post_parameters("password")
def join(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows who invites to what; POST joins, with the account that is there or with a new one."""
    invitation = member_invitation_by_token(token, utc_now())
    if invitation is None:
        return render(request, "dashboard/join/gone.html", status=404)
    if not within_limit(request, scope="join", limit=60, seconds=3600):
        return render(request, "429.html", status=429)
    known = User.objects.filter(email__iexact=invitation.email).exists()
    form = JoinForm(posted(request))
    if request.method == "POST" and request.user.is_authenticated:
        return _join_as(request, request.user, token)
    if request.method == "POST" and not known and form.is_valid():
        user = _new_person(form, invitation)
        if user is not None:
            login(request, user, backend=_BACKEND)
            return _join_as(request, user, token)
    context = {"invitation": invitation, "form": form, "known": known, "path": request.path}
    mine = request.user.is_authenticated and request.user.email.lower() == invitation.email
    return render(request, "dashboard/join/page.html", {**context, "mine": mine}, status=422 if form.errors else 200)


def _join_as(request: HttpRequest, user: User, token: str) -> HttpResponse:
    try:
        membership = services.accept_member_invitation(token=token, user=user, now=utc_now())
    except NotFound:
        return render(request, "dashboard/join/gone.html", status=404)
    except KalendsError as error:
        messages.error(request, error.message)
        return redirect(request.path)
    request.session[SESSION_COMPANY] = str(membership.company_id)
    messages.success(request, _("Welcome to %(company)s.") % {"company": membership.company.name})
    return redirect("dashboard:home")


def _new_person(form: JoinForm, invitation: MemberInvitation) -> User | None:
    """Whoever has the link reads that mailbox: the address is confirmed."""
    data = form.cleaned_data
    locale = (get_language() or "en")[:2]
    try:
        with transaction.atomic():
            user = User.objects.create_user(invitation.email, data["password"], name=data["name"], locale=locale)
            EmailAddress.objects.create(user=user, email=invitation.email, verified=True, primary=True)
    except IntegrityError:  # made in another window a moment ago
        form.add_error(None, _("There is an account with this address. Sign in, or set a new password."))
        return None
    return user
