"""Payments over HTTP as a client makes them, the simulated Stripe as its owner has it, and the law between the two."""

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from loadtest.stripe.webhooks import sign
from tests.system.client import Jobs, client_of, until
from tests.system.running import Gateway
from tests.system.test_openapi_holds import key_of
from tests.system.test_orders import insist

VISA, DECLINED, CHALLENGED = "pm_card_visa", "pm_card_visa_chargeDeclined", "pm_card_threeDSecure2Required"
TRIED, REFUNDED = "POST /v1/payment_intents", "POST /v1/refunds"  # what a script of faults is `on`
UNDER_WAY = frozenset({"pending", "processing", "requires_action"})

Json = dict[str, Any]


@dataclass(frozen=True)
class Books:
    """Of one payment, in minor units."""

    charged: int
    refunded: int
    charges: int

    @property
    def left(self) -> int:
        return self.charged - self.refunded


@dataclass(frozen=True)
class Till:
    """Payments as a client makes them who repeats each call until it is heard, under one key each."""

    http: httpx.AsyncClient

    async def make(self, amount: int, key: str) -> str:
        body = {"amount": amount, "currency": "USD", "payment_method": "credit_card"}
        answer = await insist(self.http, "/payments", json=body, headers={"Idempotency-Key": key})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def process(self, payment: str, card: str) -> Json:
        """The try, or why there is none: the one whose answer was lost is perhaps over by now."""
        answer = await insist(self.http, f"/payments/{payment}/process", json={"payment_method_id": card})
        told = dict(answer.json())
        assert answer.status_code == 202 or told["code"] == "payment-state", answer.text
        return told

    async def refund(self, payment: str, key: str, amount: int | None = None) -> httpx.Response:
        body = {} if amount is None else {"amount": amount}
        return await insist(self.http, f"/payments/{payment}/refund", json=body, headers={"Idempotency-Key": key})

    async def refunded(self, payment: str, key: str, amount: int | None = None) -> str:
        """The id of a refund that was accepted."""
        answer = await self.refund(payment, key, amount)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    async def show(self, payment: str) -> Json:
        return dict((await self._look(f"/payments/{payment}")).json())

    async def moved(self, payment: str) -> list[Json]:
        """Its transactions, the newest first."""
        answer = await self._look(f"/transactions?limit=100&payment_id={payment}")
        assert answer.json()["next_cursor"] is None
        return list(answer.json()["items"])

    async def seen(self, payment: str, enough: Callable[[Json], object]) -> Json:
        async def look() -> Json | None:
            shown = await self.show(payment)
            return shown if enough(shown) else None

        return await until(look) or {}

    async def over(self, payment: str, *statuses: str) -> Json:
        return await self.seen(payment, lambda shown: shown["status"] in statuses)

    async def paid(self, amount: int, key: str) -> str:
        """A payment that was completed."""
        payment = await self.make(amount, key)
        await self.pay(payment)
        return payment

    async def pay(self, payment: str) -> None:
        """With a card that is good, as often as an earlier one is declined."""
        shown: Json = {}
        while shown.get("status") != "completed":
            await self.process(payment, VISA)
            shown = await self.over(payment, "completed", "failed")

    async def _look(self, path: str) -> httpx.Response:
        """Asked for again while a process, or a store, is away."""

        async def look() -> httpx.Response | None:
            try:
                answer = await self.http.get(path)
            except httpx.TransportError:
                return None
            assert answer.status_code in {200, 503}, answer.text
            return answer if answer.status_code == 200 else None

        answer = await until(look)
        assert answer is not None
        return answer


@dataclass(frozen=True)
class SimulatedStripe:
    """Its control routes, and what people do at its pages and in its dashboard."""

    http: httpx.AsyncClient

    async def fault(self, on: str, *script: Json) -> None:
        (await self.http.put("/control/stripe", params={"on": on}, json=list(script))).raise_for_status()

    async def plan(self, *plans: Json) -> None:
        """How events are delivered, from now on."""
        (await self.http.put("/control/stripe/webhooks/plans", json=list(plans))).raise_for_status()

    async def be_well(self) -> None:
        (await self.http.delete("/control/stripe")).raise_for_status()
        (await self.http.delete("/control/stripe/webhooks/plans")).raise_for_status()

    async def books(self, payment: str) -> Books:
        told = (await self.http.get("/control/stripe/totals", params={"payment": payment})).raise_for_status().json()
        return Books(told["charged"].get("usd", 0), told["refunded"].get("usd", 0), told["charges"])

    async def refund_by_hand(self, charge: str, amount: int) -> None:
        asked = {"charge": charge, "amount": amount}
        (await self.http.post("/control/stripe/refunds", json=asked)).raise_for_status()

    async def event_of(self, kind: str, about: str) -> Json:
        """The latest event of that kind in whose object that id stands."""
        asked, key = {"type": kind, "limit": "100"}, {"Authorization": "Bearer sk_test_law"}
        listed = (await self.http.get("/stripe/v1/events", params=asked, headers=key)).raise_for_status().json()["data"]
        return next(event for event in listed if about in json.dumps(event["data"]["object"]))

    async def send_again(self, event: Json, times: int) -> list[object]:
        """What each delivery of an event is answered, beginning with the one that came by itself."""
        path = f"/control/stripe/events/{event['id']}/send"
        (await self.http.post(path, json={"times": times})).raise_for_status()

        async def answers() -> list[object] | None:
            told = (await self.http.get("/control/webhooks", params={"vendor": "stripe"})).raise_for_status().json()
            found = [each.get("answered") for each in told["deliveries"] if each["event"] == event["id"]]
            return found if len(found) == 1 + times and None not in found else None

        return await until(answers) or []

    async def calls(self, begins: str = "") -> list[Json]:
        """Of this path of the API, and of those that begin with it; in order of arrival."""
        told = (await self.http.get("/control/calls", params={"vendor": "stripe"})).raise_for_status().json()
        return [call for call in told["calls"] if call["path"].startswith(f"/stripe/v1/{begins}")]

    async def cut_off(self) -> int:
        """How many calls found the line cut."""
        return sum(call.get("answered") == "cut" for call in await self.calls())

    async def asked_in_vain(self, times: int) -> None:
        """Return when that many calls found it cut."""

        async def enough() -> bool:
            return await self.cut_off() >= times

        await until(enough)


@dataclass(frozen=True)
class Shop:
    till: Till
    stripe: SimulatedStripe
    jobs: Jobs

    async def left(self, payment: str) -> int | None:
        """
        What both books say is left of a payment; None while they differ, or something is under way.

        Transactions are read before and after, so that what moves in between is no difference.
        """
        before = await self.till.moved(payment)
        shown, at_stripe = await self.till.show(payment), await self.stripe.books(payment)
        if before != await self.till.moved(payment):
            return None
        ours = sum(-each["amount"] if each["type"] == "refund" else each["amount"] for each in before)
        agreed = ours == at_stripe.left == shown["captured"] - shown["refunded"]
        return ours if agreed and shown["refunding"] == 0 and shown["status"] not in UNDER_WAY else None

    async def looks(self, payment: str) -> int:
        """How many jobs have looked at it because of an event, and ended."""
        asked = {"vendor": "payments", "status": "complete", "limit": "100"}
        listed = (await self.jobs.http.get("/jobs", params=asked)).raise_for_status().json()["items"]
        return [job["metadata"] for job in listed].count({"kind": "payment.look", "payment_id": payment})

    async def balanced(self, payment: str) -> int:
        """What is left of a payment, once both books say the same."""

        async def look() -> tuple[int] | None:
            left = await self.left(payment)
            return None if left is None else (left,)

        found = await until(look)
        assert found is not None
        return found[0]


@asynccontextmanager
async def shop_of(gateway: Gateway) -> AsyncIterator[Shop]:
    """Its till by the admin's key; in the end the simulated Stripe is well."""
    async with client_of(gateway.url) as http, client_of(gateway.address("GATEWAY_DEMO_VENDORS_URL")) as vendors:
        http.headers["Authorization"] = f"Bearer {key_of(gateway)}"
        stripe = SimulatedStripe(vendors)
        await stripe.be_well()
        try:
            yield Shop(Till(http), stripe, Jobs(http))
        finally:
            await stripe.be_well()


async def confirm(page: str, button: str = "complete") -> int:
    """What the bank's page answers a buyer who presses a button."""
    async with httpx.AsyncClient(trust_env=False, timeout=20) as browser:
        return (await browser.post(f"{page}/{button}")).status_code


@dataclass(frozen=True)
class Post:
    """Whoever tells the gateway of an event, and signs as Stripe does."""

    http: httpx.AsyncClient
    secret: str

    async def tell(
        self, event: Json, *, secret: str | None = "", moment: float | str | None = None, instead: Json | None = None
    ) -> int:
        """`secret` None: nothing is signed; "": as Stripe would. `instead` is sent in place of what was signed."""
        said = str(int(time.time() if moment is None else moment)) if not isinstance(moment, str) else moment
        body = json.dumps(event).encode()
        headers = {"Content-Type": "application/json"}
        if secret is not None:
            headers["Stripe-Signature"] = f"t={said},v1={sign(secret or self.secret, said, body)}"
        sent = body if instead is None else json.dumps(instead).encode()
        return (await self.http.post("/webhooks/payments", content=sent, headers=headers)).status_code


def lie_of(event: Json) -> Json:
    """The same intent's event that it was paid, which it was not."""
    intent = event["data"]["object"]
    paid = {**intent, "status": "succeeded", "amount_received": intent["amount"], "next_action": None}
    return {**event, "id": "evt_that_is_a_lie", "type": "payment_intent.succeeded", "data": {"object": paid}}
