"""Sign-up: a person and their company in one step."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from django import forms
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from kalends.accounts.models import User
from kalends.companies import services
from kalends.core.errors import InvalidInput
from kalends.web.dashboard.forms.base import BaseForm, ZoneField, posted
from kalends.web.limits import within_limit

_BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


class SignupForm(BaseForm):
    name = forms.CharField(label=_("Your name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    email = forms.EmailField(
        label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=256,
        strip=False,
        help_text=_("At least 8 characters, and not one that everybody uses."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    company = forms.CharField(
        label=_("Company name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "organization"})
    )
    slug = forms.SlugField(
        label=_("Address of the booking page"),
        max_length=60,
        required=False,
        help_text=_("What comes after the / in the link you give out. Left empty, it is made from the company name."),
    )
    timezone = ZoneField(help_text=_("The clock of your working hours."))

    def clean_email(self) -> str:
        email = get_adapter().clean_email(self.cleaned_data["email"])
        if User.objects.filter(email__iexact=email).exists():
            raise ValidationError(_("There is an account with this address. Sign in, or set a new password."))
        return email

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("password"):
            try:
                validate_password(data["password"], User(email=data.get("email", ""), name=data.get("name", "")))
            except ValidationError as error:
                self.add_error("password", error)
        return data


@never_cache
@sensitive_post_parameters("password")
def signup(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("dashboard:home")
    if not settings.KALENDS.signup_open:
        return render(request, "account/signup_closed.html", status=403)
    form = SignupForm(posted(request), initial={"timezone": "UTC"})
    if request.method == "GET":
        form.fields["timezone"].widget.attrs["data-detect"] = "yes"
    if request.method == "POST":
        if not within_limit(request, scope="signup", limit=20, seconds=3600):
            return render(request, "429.html", status=429)
        user = _create(form) if form.is_valid() else None
        if user is not None:
            login(request, user, backend=_BACKEND)
            return redirect("dashboard:home")
    return render(request, "account/signup_company.html", {"form": form}, status=422 if form.errors else 200)


def _create(form: SignupForm) -> User | None:
    """Both or neither; what the services refuse is shown at its field."""
    data = form.cleaned_data
    locale = (get_language() or "en")[:2]
    try:
        with transaction.atomic():
            user = User.objects.create_user(data["email"], data["password"], name=data["name"], locale=locale)
            services.create_company(
                name=data["company"],
                slug=data["slug"] or services.propose_slug(data["company"]),
                timezone=data["timezone"],
                owner=user,
                locale=locale,
            )
    except InvalidInput as error:
        form.refuse(error, name="company")
        return None
    except IntegrityError:  # somebody was faster with the same address of a person or a page
        form.add_error(None, _("Somebody has just taken this e-mail address or this page address. Try again."))
        return None
    return user
