"""Customers: checked input, and the company's row of a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from kalends.bookings.models import Customer
from kalends.bookings.values import CustomerInput
from kalends.companies.models import Company
from kalends.core.errors import Conflict, InvalidInput
from kalends.core.text import has_control, one_line
from kalends.core.zones import zone
from kalends.jobs.prepared import Insertion, Prepared, carry_out
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
    name, phone = one_line(customer.name), one_line(customer.phone)
    for field, text in (("name", name), ("phone", phone)):
        if has_control(text):
            raise InvalidInput(_("This holds a character that cannot be shown."), field=field)
    if not name or len(name) > 120:
        raise InvalidInput(_("Please give a name of 120 characters at the most."), field="name")
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


def known_customer(email: str, company: Company) -> Customer | None:
    found: Customer | None = _KNOWN.first(company=company.pk, email=email)
    return found


def new_customer(person: CheckedCustomer, *, company: Company, now: datetime) -> Customer:
    """Not stored yet."""
    return Customer(
        company=company, email=person.email, name=person.name, phone=person.phone, locale=person.locale,
        timezone=person.timezone, created_at=now,
    )  # fmt: skip


def customer_made_meanwhile(new: Customer) -> Customer:
    """The company's row of this address, which is known since a moment ago, by another booking of theirs."""
    return fill_in_phone(Customer.objects.get(company=new.company_id, email=new.email), new.phone)


def store_customer(new: Customer) -> Customer:
    """The company's row of this address."""
    return new if carry_out([Insertion(new, unless_there=True)])[0] else customer_made_meanwhile(new)


def fill_in_phone(customer: Customer, phone: str) -> Customer:
    """What a known customer is called is the company's to change, not a visitor's; only what is missing is added."""
    if phone and not customer.phone:
        customer.phone = phone
        customer.save(update_fields=["phone"])
    return customer


def create_customer(*, company: Company, customer: CustomerInput, now: datetime) -> Customer:
    """Raises InvalidInput, also where the company knows the address already."""
    person = checked_customer(customer, company=company, timezone=company.timezone)
    if Customer.objects.filter(company=company, email=person.email).exists():
        raise InvalidInput(_("There is a customer with this address already."), field="email")
    return store_customer(new_customer(person, company=company, now=now))


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
