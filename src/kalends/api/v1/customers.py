"""Customers."""

from __future__ import annotations

from typing import Any

from ninja import Query, Schema, Status

from kalends.api.auth import CompanyRequest
from kalends.api.idempotency import answer
from kalends.api.paging import PageQuery, page_of
from kalends.api.v1.routing import answers, router
from kalends.api.v1.schemas import CustomerIn, CustomerOut, CustomerPatch, Text
from kalends.bookings import selectors, services
from kalends.bookings.models import Customer
from kalends.bookings.values import CustomerInput
from kalends.core.clock import utc_now

routes = router("customers")


class CustomerPage(Schema):
    items: list[CustomerOut]
    next: str | None


def customer_json(customer: Customer) -> dict[str, Any]:
    return {
        "id": str(customer.pk),
        "name": customer.name,
        "email": customer.email,
        "phone": customer.phone,
        "locale": customer.locale,
        "timezone": customer.timezone,
    }


@routes.get("/customers", response=answers(ok=CustomerPage), summary="List customers")
def list_customers(request: CompanyRequest, page: Query[PageQuery], email: Text = "") -> Any:
    rows = Customer.objects.filter(company=request.company)
    if email:
        rows = rows.filter(email=email.strip().lower())
    return page_of(rows, page, customer_json)


@routes.post("/customers", response=answers(created=CustomerOut), summary="Add a customer")
def create_customer(request: CompanyRequest, payload: CustomerIn) -> Any:
    """A customer is known by e-mail address: one who exists already is an error (422, field email)."""
    details = CustomerInput(**payload.dict())

    def work(_key: object) -> tuple[int, Any]:
        return 201, customer_json(services.create_customer(company=request.company, customer=details, now=utc_now()))

    return answer(request, work)


@routes.get("/customers/{customer_id}", response=answers(ok=CustomerOut), summary="One customer")
def get_customer(request: CompanyRequest, customer_id: str) -> Any:
    return customer_json(selectors.customer_of(request.company, customer_id))


@routes.patch("/customers/{customer_id}", response=answers(ok=CustomerOut), summary="Change a customer")
def change_customer(request: CompanyRequest, customer_id: str, payload: CustomerPatch) -> Any:
    customer = selectors.customer_of(request.company, customer_id)
    kept = {name: getattr(customer, name) for name in ("name", "email", "phone", "locale", "timezone")}
    details = CustomerInput(**{**kept, **payload.dict(exclude_unset=True, exclude_none=True)})
    return customer_json(services.change_customer(customer=customer, details=details))


@routes.delete(
    "/customers/{customer_id}", response=answers(none=None), summary="Delete a customer without appointments"
)
def delete_customer(request: CompanyRequest, customer_id: str) -> Any:
    """Refused (409) while appointments of theirs are kept."""
    services.delete_customer(customer=selectors.customer_of(request.company, customer_id))
    return Status(204, None)
