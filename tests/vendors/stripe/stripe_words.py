"""Stripe's objects as its API writes them, as small as they may be, and a door on a scripted Stripe."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from pydantic import SecretStr

from domain.vendors import Call
from tests.vendors.scripted import Answer, Received, ScriptedVendor, listening, say
from vendors.http import VendorHttp
from vendors.stripe.client import StripeDoor
from vendors.stripe.settings import StripeSettings

JOB = UUID("0192f0c0-0000-7000-8000-000000000001")
CALL = Call(JOB, "{}", timedelta(seconds=5))
MARKS = {"job": str(JOB), "generation": "1"}
MADE = 1_790_000_000

Json = dict[str, Any]


def settings_at(url: str = "http://127.0.0.1:1", key: str = "sk_test_simulated") -> StripeSettings:
    return StripeSettings(SecretStr(key), SecretStr("whsec_of_stripe"), url)


def charge(**said: Any) -> Json:
    usual = {"amount": 2000, "amount_captured": 2000, "amount_refunded": 0, "currency": "usd", "status": "succeeded"}
    names = {"id": "ch_1", "object": "charge", "created": MADE, "livemode": False, "payment_intent": "pi_1"}
    return {**names, **usual, "metadata": {}, "receipt_url": "https://pay.example/receipt", **said}


def intent(**said: Any) -> Json:
    usual = {"amount": 2000, "amount_received": 2000, "currency": "usd", "status": "succeeded"}
    names = {"id": "pi_1", "object": "payment_intent", "created": MADE, "livemode": False}
    return {**names, **usual, "metadata": {}, "latest_charge": charge(), **said}


def session(**said: Any) -> Json:
    usual = {"amount_total": 2000, "currency": "usd", "status": "complete", "payment_status": "paid"}
    names = {"id": "cs_1", "object": "checkout.session", "created": MADE, "expires_at": MADE + 1800, "livemode": False}
    return {**names, **usual, "metadata": {}, "url": None, "payment_intent": intent(), **said}


def refund(**said: Any) -> Json:
    usual = {"amount": 500, "currency": "usd", "status": "succeeded", "payment_intent": "pi_1", "charge": "ch_1"}
    return {"id": "re_1", "object": "refund", "created": MADE, "metadata": {}, **usual, **said}


def customer(**said: Any) -> Json:
    names = {"id": "cus_1", "object": "customer", "created": MADE, "livemode": False}
    return {**names, "name": "Ada", "email": "ada@example.com", "metadata": {}, **said}


def page(*objects: Json, more: bool = False) -> Json:
    return {"object": "list", "url": "/v1/things", "data": list(objects), "has_more": more}


def error(**said: Any) -> Json:
    return {"error": {"type": "invalid_request_error", **said}}


def answer(body: object, status: int = 200, **headers: str) -> Answer:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Type": "application/json", "Content-Length": str(len(text)), "Request-Id": "req_1"}
    named = {**fields, **{name.replace("_", "-"): value for name, value in headers.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return say(f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + text)


def form(request: Received) -> dict[str, str]:
    """What was sent, by the names that Stripe gives parameters."""
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True))


@dataclass(frozen=True)
class Scene:
    door: StripeDoor
    stripe: ScriptedVendor

    @property
    def lines(self) -> list[str]:
        return [request.line.removesuffix(" HTTP/1.1") for request in self.stripe.received]


@asynccontextmanager
async def stripe_says(*answers: Answer) -> AsyncIterator[Scene]:
    """A door, and a Stripe that gives these answers one by one."""
    async with listening(*answers) as server, VendorHttp() as http:
        yield Scene(StripeDoor(settings_at(server.url), http), server)


def briefly(seconds: float) -> Call:
    return replace(CALL, timeout=timedelta(seconds=seconds))
