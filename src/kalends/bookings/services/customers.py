"""Customers: checked input, and the company's row of a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from kalends.bookings.models import Customer
from kalends.bookings.values import CustomerInput
from kalends.companies.models import Company
from kalends.core.errors import Conflict, InvalidInput
from kalends.core.zones import zone
from kalends.jobs.prepared import Prepared, insert
from kalends.messages.mime import address


@dataclass(frozen=True, slots=True)
class CheckedCustomer:
    name: str
    email: str
    phone: str
    locale: str
    timezone: str


def checked_customer(customer: CustomerInput, *, company: Company, timezone: str) -> CheckedCustomer:
    """Raises InvalidInput that names the field. The address is kept in small letters."""
    name = " ".join(customer.name.split())
    if not name or len(name) > 120 or not name.isprintable():
        raise InvalidInput(_("Please give a name of 120 characters at the most."), field="name")
    phone = " ".join(customer.phone.split())
    if len(phone) > 40:
        raise InvalidInput(_("A phone number may have 40 characters at the most."), field="phone")
    locale = customer.locale or company.locale
    if len(locale) > 16 or not locale.replace("-", "").replace("_", "").isalnum():
        raise InvalidInput(_("This is not a language tag."), field="locale")
    where = customer.timezone or timezone
    zone(where)
    return CheckedCustomer(name, _email(customer.email), phone, locale, where)


def _email(text: str) -> str:
    email = text.strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise InvalidInput(_("This is not an e-mail address."), field="email") from error
    if len(email) > 254:
        raise InvalidInput(_("This e-mail address is too long."), field="email")
    return address(email)


_KNOWN = Prepared(
    lambda company, email: Customer.objects.filter(company_id=company, email=email).order_by(), company=UUID, email=str
)


def customer_row(person: CheckedCustomer, *, company: Company, now: datetime) -> Customer:
    """The company's row of this address. What a known customer is called is the company's to change, not a visitor's."""
    customer: Customer | None = _KNOWN.first(company=company.pk, email=person.email)
    if customer is None:
        made = Customer(
            company=company, email=person.email, name=person.name, phone=person.phone, locale=person.locale,
            timezone=person.timezone, created_at=now,
        )  # fmt: skip
        try:
            with transaction.atomic():
                insert(made)
            return made
        except IntegrityError:
            # Known since a moment ago, by another booking of theirs.
            customer = Customer.objects.get(company=company, email=person.email)
    if person.phone and not customer.phone:
        customer.phone = person.phone
        customer.save(update_fields=["phone"])
    return customer


def create_customer(*, company: Company, customer: CustomerInput, now: datetime) -> Customer:
    """Raises InvalidInput, also where the company knows the address already."""
    person = checked_customer(customer, company=company, timezone=company.timezone)
    if Customer.objects.filter(company=company, email=person.email).exists():
        raise InvalidInput(_("There is a customer with this address already."), field="email")
    return customer_row(person, company=company, now=now)


def change_customer(*, customer: Customer, details: CustomerInput) -> Customer:
    """From now on; appointments keep what was given with them. Raises InvalidInput."""
    person = checked_customer(details, company=customer.company, timezone=customer.timezone)
    others = Customer.objects.filter(company=customer.company, email=person.email).exclude(pk=customer.pk)
    if others.exists():
        raise InvalidInput(_("Another customer has this address."), field="email")
    for name in ("name", "email", "phone", "locale", "timezone"):
        setattr(customer, name, getattr(person, name))
    customer.save()
    return customer


def delete_customer(*, customer: Customer) -> None:
    """Raises Conflict while appointments of theirs are kept: those name the customer."""
    if customer.attendances.exists():
        raise Conflict(_("This customer has appointments, which are kept."), code="has_appointments")
    customer.delete()
