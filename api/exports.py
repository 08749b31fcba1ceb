"""`GET /users/me/export`: all that is kept of somebody, as one JSON document, written as it is read."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

import msgspec
from litestar import get
from litestar.response.streaming import ASGIStreamingResponse
from msgspec import Raw

from api.account_views import (
    ApiKeyView,
    EntryView,
    SessionView,
    UserView,
    api_key_view,
    entry_view,
    session_view,
    user_view,
)
from api.callers import caller_of
from api.doers import doer_of
from api.order_views import OrderView, order_view
from api.payment_views import PaymentView, TransactionView, payment_view, transaction_view
from api.ports import AccountPorts, ApiPorts
from api.provided import Ports, accounts_of
from api.queries import read_query
from api.users import find_oneself
from api.views import JobView, view_of
from domain.accounts.audit import Act, Entry
from domain.accounts.ports import AuditFilter, AuditLog
from domain.accounts.users import User
from domain.callers import Role
from domain.commerce.orders import Order
from domain.commerce.ports import OrderFilter
from domain.edge.answers import AnyRequest
from domain.jobs import Job
from domain.payments.payments import Payment, Transaction
from domain.payments.ports import PaymentFilter, TransactionFilter

Which = TypeVar("Which", AuditFilter, OrderFilter, PaymentFilter, TransactionFilter)
Thing = TypeVar("Thing", Entry, Order, Payment, Transaction)

PAGE = 100  # entries of the record, orders, payments or transactions in memory at once
LISTS = (
    b'"audit":[],"jobs":[],"orders":[],"payments":[],"transactions":[]}'  # how an export ends that has none of them yet
)
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Disposition": 'attachment; filename="gateway-export.json"',
    "Content-Type": "application/json",
}


class ExportedJob(msgspec.Struct, frozen=True):
    """A job, and what was submitted; null once that was removed."""

    job: JobView
    vendorPayload: Raw  # noqa: N815 - the name that clients send


class Export(msgspec.Struct, frozen=True):
    """All that is kept of a user."""

    exported_at: datetime
    profile: UserView
    sessions: list[SessionView]
    api_keys: list[ApiKeyView]
    audit: list[EntryView]
    jobs: list[ExportedJob]
    orders: list[OrderView]
    payments: list[PaymentView]
    transactions: list[TransactionView]


@get("/users/me/export")
async def export_me(request: AnyRequest, ports: Ports) -> ASGIStreamingResponse:
    """Hand out all that is kept of the caller."""
    read_query(request.scope)
    accounts = accounts_of(ports)
    user = await find_oneself(request, accounts)
    doer = doer_of(request, accounts)
    await accounts.audit.write(doer.entry(Act.EXPORTED, user.client))
    begin = await _begin(request, accounts, user, doer.at)
    return ASGIStreamingResponse(iterator=_pieces(begin, _lists_of(user, ports, doer.at)), headers=HEADERS)


async def _begin(request: AnyRequest, accounts: AccountPorts, user: User, now: datetime) -> Export:
    """What is small, read before the answer begins: what fails here is still a problem."""
    current = caller_of(request).session
    sessions = await accounts.sessions.list_live(user.id, now)
    keys = await accounts.keys.list(user.client)
    shown = [session_view(session, current) for session in sessions]
    return Export(now, user_view(user), shown, [api_key_view(key) for key in keys], [], [], [], [], [])


def _lists_of(user: User, ports: ApiPorts, now: datetime) -> Mapping[str, AsyncIterator[msgspec.Struct]]:
    """In the order of `LISTS`."""
    accounts = accounts_of(ports)
    return {
        "audit": (entry_view(entry) async for entry in _entries(accounts.audit, user)),
        "jobs": (_exported(job, now) async for job in accounts.user_jobs.export(user.client)),
        "orders": (order_view(order, to_admin=user.role is Role.ADMIN) async for order in _orders(ports, user)),
        "payments": (payment_view(one, to_admin=user.role is Role.ADMIN) async for one in _payments(ports, user)),
        "transactions": (transaction_view(each) async for each in _transactions(ports, user)),
    }


async def _pieces(begin: Export, lists: Mapping[str, AsyncIterator[msgspec.Struct]]) -> AsyncIterator[bytes]:
    """A store that fails by now cuts the answer short: it is no JSON then, and nobody takes it for the whole."""
    yield msgspec.json.encode(begin).removesuffix(LISTS)
    before_list = b""
    for name, things in lists.items():
        yield before_list + f'"{name}":['.encode()
        separator = b""
        async for thing in things:
            yield separator + msgspec.json.encode(thing)
            separator = b","
        before_list = b"],"
    yield b"]}"


async def _entries(audit: AuditLog, user: User) -> AsyncIterator[Entry]:
    """What they did, then what others did to them; each newest first."""
    async for entry in _listed(audit.list, AuditFilter(limit=PAGE, actor=user.client)):
        yield entry
    async for entry in _listed(audit.list, AuditFilter(limit=PAGE, subject=user.client)):
        if entry.actor != user.client:
            yield entry


async def _orders(ports: ApiPorts, user: User) -> AsyncIterator[Order]:
    if ports.orders is not None:
        async for order in _listed(ports.orders.orders.list, OrderFilter(user.client, PAGE)):
            yield order


async def _payments(ports: ApiPorts, user: User) -> AsyncIterator[Payment]:
    if ports.payments is not None:
        async for payment in _listed(ports.payments.payments.list, PaymentFilter(user.client, PAGE)):
            yield payment


async def _transactions(ports: ApiPorts, user: User) -> AsyncIterator[Transaction]:
    if ports.payments is not None:
        async for each in _listed(ports.payments.payments.list_transactions, TransactionFilter(user.client, PAGE)):
            yield each


async def _listed(page_of: Callable[[Which], Awaitable[Sequence[Thing]]], which: Which) -> AsyncIterator[Thing]:
    """All that there is, the newest first; a page at a time is in memory."""
    page = await page_of(which)
    while page:
        for thing in page:
            yield thing
        page = await page_of(replace(which, before=page[-1].id))


def _exported(job: Job, now: datetime) -> ExportedJob:
    return ExportedJob(view_of(job, now, with_attempts=True), Raw(job.payload.encode() or b"null"))
