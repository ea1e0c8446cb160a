"""Sign-in addresses, short as the product promises them; the rest of allauth under /account/.

A name that stands twice is reversed to the later address, so the short ones stand last.
"""

from __future__ import annotations

from allauth.account import views
from allauth.mfa.base import views as mfa
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    # One sign-up only: with a company.
    path("account/signup/", RedirectView.as_view(url="/signup", query_string=True)),
    path("account/", include("allauth.urls")),
    path("login", views.login, name="account_login"),
    path("login/2fa", mfa.authenticate, name="mfa_authenticate"),
    path("logout", views.logout, name="account_logout"),
    path("password", views.password_reset, name="account_reset_password"),
]
