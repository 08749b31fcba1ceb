"""
The simulated payment processor: hosted pages, webhooks and refunds. It counts the money that it moves.

    POST /processor/checkouts              {amount, currency, order_id, success_url, cancel_url, webhook_url, metadata}
    GET  /processor/checkouts/{id}         how it stands: open, paid, declined or expired
    POST /processor/checkouts/{id}/expire  closes one that is open; says how it stands either way
    POST /processor/refunds                {checkout, amount, currency}; 409 beyond what was charged
    GET  /processor/pay/{id}               the buyer's page, with two buttons
    POST /processor/pay/{id}/pay           and what they do: 303 back to the shop
    POST /processor/pay/{id}/decline
    GET  /processor/totals[/{order_id}]    what was charged and refunded

As of every simulated vendor, `PUT /control/processor` says how calls are treated, and with `webhook` what it says of a
checkout that the call ends: `[]` is no webhook at all, `{"after": 3}` a late one, `{"body": "…"}` a lie.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from urllib.parse import urlsplit

import msgspec

from loadtest.vendors.checkouts import DECLINED, EXPIRED, OPEN, PAID, Books, Checkout, Opening, Refunding
from loadtest.vendors.deliveries import Message, Sender
from loadtest.vendors.signing import fresh_id
from loadtest.vendors.webhook_plans import WebhookPlan
from loadtest.vendors.wire import Reply, Request

_NOT_FOUND = Reply(b'{"error":"not found"}', 404)
_BUTTONS = {"pay": PAID, "decline": DECLINED}
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Pay</title><body>
<h1>{amount} {currency}</h1><p>Order {order}: {status}</p>
<form method="post" action="{page}/pay"><button>Pay</button></form>
<form method="post" action="{page}/decline"><button>Decline</button></form></body></html>
"""


class SimulatedProcessor:
    """A `SimulatedVendor`."""

    name = "processor"

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._books = Books()
        self._at_work: set[asyncio.Task[None]] = set()

    async def act(self, request: Request) -> Reply:
        _, _, *path = request.path.split("/")
        try:
            return self._answer(request, path)
        except msgspec.ValidationError as fault:
            return Reply(msgspec.json.encode({"error": str(fault)}), 422)
        except (msgspec.DecodeError, RecursionError):
            return Reply(b'{"error":"the body is not JSON"}', 400)

    def _answer(self, request: Request, path: list[str]) -> Reply:
        match request.method, path:
            case "POST", ["checkouts"]:
                return self._open(request)
            case "POST", ["refunds"]:
                return self._refund(msgspec.json.decode(request.body, type=Refunding))
            case "GET", ["totals", *rest] if len(rest) <= 1:
                return Reply(msgspec.json.encode(self._books.totals(rest[0] if rest else None)))
            case _, [_, checkout_id, *rest] if (found := self._books.find(checkout_id)) is not None:
                return self._of_checkout(request.method, path[0], rest, found)
        return _NOT_FOUND

    def _of_checkout(self, method: str, subject: str, rest: list[str], checkout: Checkout) -> Reply:
        match method, subject, rest:
            case "GET", "checkouts", []:
                return _told(checkout)
            case "POST", "checkouts", ["expire"]:
                return self._end(checkout, EXPIRED, _told)
            case "GET", "pay", []:
                return _page(checkout)
            case "POST", "pay", [button] if button in _BUTTONS:
                return self._end(checkout, _BUTTONS[button], _sent_back)
        return _NOT_FOUND

    def _open(self, request: Request) -> Reply:
        asked = msgspec.json.decode(request.body, type=Opening)
        if urlsplit(asked.webhook_url).scheme != "http":
            return Reply(b'{"error":"webhook_url: the simulated processor posts to http:// only"}', 422)
        checkout = self._books.open(asked, f"http://{request.header(b'host')}")
        return Reply(msgspec.json.encode(checkout.told()), 201, acted=True)

    def _refund(self, asked: Refunding) -> Reply:
        checkout = self._books.find(asked.checkout)
        if checkout is None:
            return _NOT_FOUND
        if asked.currency != checkout.asked.currency or not self._books.refund(checkout, asked.amount):
            return Reply(b'{"error":"that is not what is left of what was charged"}', 409)
        told = {"id": fresh_id("re"), "status": "refunded", "amount": asked.amount, "checkout": checkout.id}
        return Reply(msgspec.json.encode(told), 201, acted=True)

    def _end(self, checkout: Checkout, status: str, show: Callable[[Checkout], Reply]) -> Reply:
        if not self._books.close(checkout, status):
            return show(checkout)
        return replace(show(checkout), acted=True, later=partial(self._begin_to_tell, checkout))

    def _begin_to_tell(self, checkout: Checkout, plans: Sequence[WebhookPlan]) -> None:
        task = asyncio.create_task(self._tell(checkout, plans))
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)

    async def _tell(self, checkout: Checkout, plans: Sequence[WebhookPlan]) -> None:
        for plan in plans:
            await asyncio.sleep(plan.after or 0)
            event = plan.event or fresh_id("msg")
            body = msgspec.json.encode(checkout.told()) if plan.body is None else plan.body.encode()
            told = Message(
                SimulatedProcessor.name,
                checkout.id,
                checkout.asked.metadata.job,
                checkout.asked.webhook_url,
                event,
                body,
                plan,
            )
            await self._sender.send(told)


def _told(checkout: Checkout) -> Reply:
    return Reply(msgspec.json.encode(checkout.told()))


def _sent_back(checkout: Checkout) -> Reply:
    """To the shop, whatever became of it: the shop asks us, and not the buyer."""
    back = checkout.asked.success_url if checkout.status == PAID else checkout.asked.cancel_url
    return Reply(b"", 303, headers=((b"location", back.encode()),))


def _page(checkout: Checkout) -> Reply:
    page = _PAGE.format(
        amount=checkout.asked.amount,
        currency=escape(checkout.asked.currency),
        order=escape(checkout.asked.order_id),
        status=escape(checkout.status),
        page=escape(urlsplit(checkout.page).path),
    )
    status = 200 if checkout.status == OPEN else 410
    return Reply(page.encode(), status, content_type=b"text/html; charset=utf-8")
