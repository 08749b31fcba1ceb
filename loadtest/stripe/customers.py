"""Customers: made, changed, deleted, listed. https://docs.stripe.com/api/customers"""

from typing import ClassVar
from uuid import uuid4

import msgspec

from loadtest.stripe.account import Account, fresh
from loadtest.stripe.customer import Address, Customer, DeletedCustomer
from loadtest.stripe.listing import DatedListing, Page, page
from loadtest.stripe.params import Metadata, Params, Text
from loadtest.stripe.payment_methods import attach, use

_UNSET = frozenset({"address", "description", "email", "metadata", "name", "phone", "preferred_locales"})


class NewCustomer(Params, kw_only=True, frozen=True):
    unset: ClassVar[frozenset[str]] = _UNSET

    address: Address | None = None
    description: Text | None = None
    email: Text | None = None
    metadata: Metadata | None = None
    name: Text | None = None
    payment_method: str | None = None
    phone: Text | None = None
    preferred_locales: tuple[str, ...] | None = None


class ChangedCustomer(Params, kw_only=True, frozen=True):
    """What is left out stays; what is empty is taken away."""

    unset: ClassVar[frozenset[str]] = _UNSET

    address: Address | msgspec.UnsetType | None = msgspec.UNSET
    description: Text | msgspec.UnsetType | None = msgspec.UNSET
    email: Text | msgspec.UnsetType | None = msgspec.UNSET
    metadata: Metadata | msgspec.UnsetType | None = msgspec.UNSET
    name: Text | msgspec.UnsetType | None = msgspec.UNSET
    phone: Text | msgspec.UnsetType | None = msgspec.UNSET
    preferred_locales: tuple[str, ...] | msgspec.UnsetType | None = msgspec.UNSET


class CustomerListing(DatedListing, kw_only=True, frozen=True):
    email: str | None = None


def create(account: Account, asked: NewCustomer) -> Customer:
    customer = Customer(
        id=fresh("cus"),
        address=asked.address,
        created=account.now(),
        description=asked.description,
        email=asked.email,
        invoice_prefix=uuid4().hex[:8].upper(),
        metadata=filled(asked.metadata),
        name=asked.name,
        phone=asked.phone,
        preferred_locales=asked.preferred_locales or (),
    )
    method = use(account, asked.payment_method) if asked.payment_method else None
    if method is not None:
        attach(account, method, customer)
    account.customers.put(customer)
    account.tell("customer.created", customer)
    return customer


def retrieve(account: Account, _asked: Params, sought: str) -> Customer | DeletedCustomer:
    if sought in account.deleted:
        return DeletedCustomer(id=sought)
    return account.customers.find(sought, "id")


def change(account: Account, asked: ChangedCustomer, sought: str) -> Customer:
    customer = account.customers.find(sought, "id")
    previous: dict[str, object] = {}
    for name in ChangedCustomer.__struct_fields__:
        wished = getattr(asked, name)
        if name == "expand" or wished is msgspec.UNSET:
            continue
        was = getattr(customer, name)
        become = merged(customer.metadata, wished) if name == "metadata" else wished
        setattr(customer, name, () if name == "preferred_locales" and become is None else become)
        previous[name] = was
    account.tell("customer.updated", customer, previous)
    return customer


def delete(account: Account, _asked: Params, sought: str) -> DeletedCustomer:
    """Its payment methods are detached."""
    customer = account.customers.find(sought, "id")
    del account.customers[sought]
    account.deleted.add(sought)
    for method in account.payment_methods.values():
        if method.customer == sought:
            method.customer = None
            account.consumed.add(method.id)
    account.tell("customer.deleted", customer)
    return DeletedCustomer(id=sought)


def listed(account: Account, asked: CustomerListing) -> Page:
    return page(
        account.customers,
        asked,
        "/v1/customers",
        lambda customer: asked.dated(customer.created) and asked.email in (None, customer.email),
    )


def filled(metadata: Metadata | None) -> Metadata:
    """Without the keys that have no value."""
    return {key: value for key, value in (metadata or {}).items() if value}


def merged(had: Metadata, wished: Metadata | None) -> Metadata:
    """An empty value takes its key away; an empty `metadata` takes all."""
    return {} if wished is None else filled(had | wished)
