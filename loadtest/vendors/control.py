"""
The control routes: how to treat calls, and what became of them. For tests, benchmarks and curious people.

    PUT    /control/{vendor}              a script: {"mode": "slow", "seconds": 2, "times": 3}, or a list of such
    GET    /control/{vendor}              the script in force
    DELETE /control/{vendor}              well again
    PUT    /control/{vendor}/idempotency  {"honoured": false}; forgets the keys either way
    GET    /control/calls                 ?since=N &vendor= &request_id= &limit=; {"calls": […], "next": N or null}
    GET    /control/calls/{n}/body        the bytes of call n, one of the last hundred
    GET    /control/body?request_id=      the bytes of that job's last call
    GET    /control/stats                 ?window=1.0 &vendor=
    DELETE /control/calls                 forgets them
    GET    /control/webhooks              ?since=N &vendor= &request_id= &limit=; {"deliveries": […], "next": N or null}
    DELETE /control/webhooks              forgets them
    PUT    /control/webhooks/secret       {"secret": "whsec_…"}: what signs them from now on
    …      /control/services…             the sample services': `loadtest.services.samples`
    …      /control/stripe…               the simulated Stripe's own: `loadtest.stripe.control`
"""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Annotated, Any, Protocol
from urllib.parse import parse_qsl

import msgspec

from loadtest.services.samples import Samples
from loadtest.stripe.control import StripeControl
from loadtest.vendors.desk import VendorDesk
from loadtest.vendors.ledger import Ledger
from loadtest.vendors.script import read_script
from loadtest.vendors.webhook_control import WebhookControl
from loadtest.vendors.wire import Exchange, Reply

_MOST_LISTED = 10_000
_PATH = re.compile(r"`\$([^`]*)`")  # msgspec names the place as `$[0].status`
_FIELD = re.compile(r"field `([^`]+)`")


class _Idempotency(msgspec.Struct, forbid_unknown_fields=True):
    honoured: bool


class _Query(msgspec.Struct, forbid_unknown_fields=True):
    since: int = 0
    limit: int = _MOST_LISTED
    window: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    vendor: str | None = None
    request_id: str | None = None


class _Numbered(Protocol):
    @property
    def number(self) -> int: ...


class Control:
    def __init__(
        self,
        desks: Mapping[str, VendorDesk],
        ledger: Ledger,
        webhooks: WebhookControl,
        stripe: StripeControl,
        samples: Samples,
    ) -> None:
        self._desks = desks
        self._stripe = stripe
        self._samples = samples
        self._ledger = ledger
        self._webhooks = webhooks

    async def take_request(self, exchange: Exchange) -> None:
        body = (await exchange.read()).body
        _, _, *path = exchange.path.split("/")
        try:
            pairs = dict(parse_qsl(exchange.query.decode("latin-1")))
            if path[:1] == ["services"]:
                shown = await self._samples.answer(exchange.method, path[1:], body)
                reply = _NOT_FOUND if shown is None else _json(shown)
            elif path[:1] == ["stripe"]:
                reply = self._stripe.answer(exchange.method, path[1:], pairs, body)
            else:
                query = msgspec.convert(pairs, _Query, strict=False)
                reply = self._answer(exchange.method, path, query, body)
        except msgspec.DecodeError as fault:
            reply = _refusal(fault)
        await exchange.answer(reply)

    def _answer(self, method: str, path: list[str], query: _Query, body: bytes) -> Reply:
        match method, path:
            case "DELETE", ["calls"]:
                self._ledger.clear()
                return _DONE
            case "DELETE", ["webhooks"]:
                self._webhooks.forget()
                return _DONE
            case "PUT", ["webhooks", "secret"]:
                self._webhooks.change_secret(body)
                return _DONE
        if path and path[0] in self._desks:
            return _answer_for(self._desks[path[0]], method, path[1:], body)
        return self._show(path, query) if method == "GET" else _NOT_FOUND

    def _show(self, path: list[str], query: _Query) -> Reply:
        match path:
            case ["stats"]:
                return _json(self._ledger.stats(vendor=query.vendor, window_seconds=query.window))
            case ["calls"]:
                found = self._ledger.calls(vendor=query.vendor, since=query.since, request_id=query.request_id)
                return _page("calls", found, query.limit)
            case ["webhooks"]:
                return _page(
                    "deliveries", self._webhooks.listed(query.vendor, query.since, query.request_id), query.limit
                )
            case ["calls", number, "body"] if number.isdecimal():
                return _found(self._ledger.body(int(number)))
            case ["body"]:
                calls = list(self._ledger.calls(vendor=query.vendor, request_id=query.request_id))
                return _found(self._ledger.body(calls[-1].number) if calls else None)
        return _NOT_FOUND


_DONE = Reply(b"", 204)
_NOT_FOUND = Reply(b'{"error":"no such control route, vendor or call"}', 404)


def _answer_for(desk: VendorDesk, method: str, rest: list[str], body: bytes) -> Reply:
    match method, rest:
        case "GET", []:
            return _json(desk.script)
        case "PUT", []:
            desk.follow(read_script(body))
            return _json(desk.script)
        case "DELETE", []:
            desk.follow(())
            return _DONE
        case "PUT", ["idempotency"]:
            wish = msgspec.json.decode(body, type=_Idempotency)
            desk.replies.honoured = wish.honoured
            desk.replies.forget_all()
            return _json(wish)
    return _NOT_FOUND


def _page(name: str, found: Iterator[_Numbered], wished: int) -> Reply:
    limit = max(1, min(wished, _MOST_LISTED))
    rows = list(islice(found, limit + 1))
    following = rows[limit - 1].number if len(rows) > limit else None
    return _json({name: rows[:limit], "next": following})


def _json(value: Any) -> Reply:
    return Reply(msgspec.json.encode(value))


def _found(body: bytes | None) -> Reply:
    return _NOT_FOUND if body is None else Reply(body)


def _refusal(fault: msgspec.DecodeError) -> Reply:
    """400 for what is no JSON, 422 for JSON that is not what the route takes; `field` is a JSON Pointer."""
    path = _PATH.search(str(fault))
    steps = re.findall(r"[^.\[\]]+", path[1]) if path else []
    if field := _FIELD.search(str(fault)):
        steps.append(field[1])
    status = 422 if isinstance(fault, msgspec.ValidationError) else 400
    report = {"error": str(fault), "field": "".join(f"/{step}" for step in steps)}
    return Reply(msgspec.json.encode(report), status)
