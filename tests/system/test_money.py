"""The books from outside: what Stripe charged, less what it gave back, is the sum of our transactions, always."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx
import pytest

from tests.system.client import until
from tests.system.paying import CHALLENGED, DECLINED, REFUNDED, TRIED, VISA, Post, Shop, confirm, lie_of, shop_of
from tests.system.running import Gateway

pytestmark = pytest.mark.system

BUYERS = 12
AMOUNT = 10_000
ACTED = {"mode": "api_error", "when": "after", "times": 2}  # it was done, and the answer is a 500 from now on
LOST = {"mode": "drop_after", "times": 2}
CUT = {"mode": "drop_midway", "times": 2}
FINE = {"mode": "normal", "times": 2}
TRIES_GO_WRONG = (LOST, FINE, ACTED, FINE, CUT)
REFUNDS_GO_WRONG = (ACTED, FINE, CUT, FINE, LOST)
EVENTS_GO_WRONG = (
    {"types": ["payment_intent.requires_action"], "early": True},
    {"types": ["payment_intent.*"], "times": 2},
    {"types": ["refund.created"], "events": 6, "never": True},
    {"types": ["refund.*"], "at_once": 3},
    {"types": ["charge.refunded"], "after": 0.7},
)


@dataclass
class Storm:
    """Buyers who pay, and are given money back, while `kills` befall the gateway: by how many calls were answered."""

    name: str
    gateway: Gateway
    shop: Shop
    kills: dict[int, str]
    answered: int = 0
    payments: list[str] = field(default_factory=list)
    refunds: list[tuple[str, str]] = field(default_factory=list)

    async def buy(self, number: int) -> None:
        """Every fourth is declined and takes another card, every fourth is asked by their bank who they are."""
        till, key = self.shop.till, f"{self.name}-{number}"
        payment = await till.make(AMOUNT, key)
        self.payments.append(payment)
        card = (VISA, DECLINED, CHALLENGED, VISA)[number % 4]
        await till.process(payment, card)
        self._strike()
        if card == CHALLENGED:
            shown = await till.over(payment, "requires_action")
            assert await confirm(shown["next_action"]) == 303
        if card == DECLINED:
            await till.over(payment, "failed")
            await till.pay(payment)
        await till.over(payment, "completed")
        await (self._all, self._too_much, self._by_hand_too)[number % 3](payment, key)

    async def _all(self, payment: str, key: str) -> None:
        once, again = await asyncio.gather(*(self._refund(payment, key) for _ in range(2)))
        assert (once.status_code, once.json()["id"]) == (202, again.json()["id"])

    async def _too_much(self, payment: str, key: str) -> None:
        answers = await asyncio.gather(*(self._refund(payment, f"{key}-{part}", 4_000) for part in range(4)))
        assert sorted(answer.status_code for answer in answers) == [202, 202, 409, 409]

    async def _by_hand_too(self, payment: str, key: str) -> None:
        charge = (await self.shop.till.moved(payment))[-1]["reference"]
        by_hand = self.shop.stripe.refund_by_hand(charge, 2_500)
        _, answer = await asyncio.gather(by_hand, self._refund(payment, key, 6_000))
        assert answer.status_code == 202

    async def _refund(self, payment: str, key: str, amount: int | None = None) -> httpx.Response:
        answer = await self.shop.till.refund(payment, key, amount)
        self._strike()
        if answer.status_code == 202:
            self.refunds.append((payment, answer.json()["id"]))
        return answer

    def _strike(self) -> None:
        self.answered += 1
        if self.answered in self.kills:
            self.gateway.kill(self.kills[self.answered])


@pytest.mark.parametrize(
    "kills",
    [{4: "worker-1", 10: "api", 16: "worker-2"}, {5: "redis", 15: "mongod"}],
    ids=["processes", "stores"],
)
async def test_whatever_dies_and_gets_lost_both_books_say_the_same_and_nobody_pays_twice(
    victim: Gateway, kills: dict[int, str]
) -> None:
    """Slow: what a killed worker held is taken up when its lease is over, and a store takes some time to come back."""
    async with shop_of(victim) as shop:
        await shop.stripe.fault(TRIED, *TRIES_GO_WRONG)
        await shop.stripe.fault(REFUNDED, *REFUNDS_GO_WRONG)
        await shop.stripe.plan(*EVENTS_GO_WRONG)
        storm = Storm("-".join(kills.values()), victim, shop, kills)
        await asyncio.gather(*map(storm.buy, range(BUYERS)))
        ends = {refund: (await shop.jobs.ended(refund))["status"] for _, refund in storm.refunds}
        left = {payment: await shop.balanced(payment) for payment in storm.payments}
        for payment, refund in storm.refunds:
            shown = {each["id"]: each["status"] for each in (await shop.till.show(payment))["refunds"]}
            assert shown[refund] == {"complete": "completed", "failed": "failed"}[ends[refund]]
        assert [(await shop.stripe.books(payment)).charges for payment in storm.payments] == [1] * BUYERS
    assert Counter(left.values()) == {0: 4, 2_000: 4, 1_500: 4}


async def test_of_fifty_partial_refunds_at_once_as_many_go_through_as_there_is_money_for(gateway: Gateway) -> None:
    async with shop_of(gateway) as shop:
        payment = await shop.till.paid(AMOUNT, "fifty")
        answers = await asyncio.gather(*(shop.till.refund(payment, f"fifty-{number}", 769) for number in range(50)))
        assert Counter(answer.status_code for answer in answers) == {202: 13, 409: 37}
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"refund-too-large"}
        assert await shop.balanced(payment) == AMOUNT - 13 * 769
        assert (await shop.stripe.books(payment)).refunded == 13 * 769


async def test_ten_who_pay_at_the_same_instant_pay_once(gateway: Gateway) -> None:
    async with shop_of(gateway) as shop:
        await shop.stripe.fault(TRIED, {"mode": "drop_after", "times": 1})
        payment = await shop.till.make(AMOUNT, "ten")
        tries = await asyncio.gather(*(shop.till.process(payment, VISA) for _ in range(10)))
        assert len({each["request_id"] for each in tries}) == 1
        assert await shop.balanced(payment) == AMOUNT
        assert [each["type"] for each in await shop.till.moved(payment)] == ["charge"]
        assert (await shop.stripe.books(payment)).charges == 1


async def test_the_late_no_to_an_earlier_try_has_nobody_pay_twice(gateway: Gateway) -> None:
    async with shop_of(gateway) as shop:
        payment = await shop.till.make(AMOUNT, "late-no")
        await shop.till.process(payment, DECLINED)
        await shop.till.over(payment, "failed")
        await shop.stripe.fault(TRIED, {"mode": "drop_before"})
        under_way = await shop.till.process(payment, VISA)
        already = await shop.looks(payment)
        late = await shop.stripe.event_of("payment_intent.payment_failed", payment)
        assert await post_of(shop, gateway).tell({**late, "id": "evt_late_no"}) == 202

        async def looked() -> bool:
            return await shop.looks(payment) > already

        await until(looked)
        assert (await shop.till.process(payment, VISA))["request_id"] == under_way["request_id"]
        await shop.stripe.be_well()
        assert await shop.balanced(payment) == AMOUNT
        assert (await shop.stripe.books(payment)).charges == 1


async def test_a_payment_whose_webhooks_are_lost_is_completed_all_the_same(gateway: Gateway) -> None:
    """Slow: it is asked for every 15 s."""
    async with shop_of(gateway) as shop:
        await shop.stripe.plan({"never": True})
        payment = await shop.till.make(AMOUNT, "lost")
        await shop.till.process(payment, CHALLENGED)
        shown = await shop.till.over(payment, "requires_action")
        assert await confirm(shown["next_action"]) == 303
        await shop.till.over(payment, "completed")
        assert await shop.balanced(payment) == AMOUNT


async def test_a_refund_by_hand_is_booked_when_its_event_comes(gateway: Gateway) -> None:
    async with shop_of(gateway) as shop:
        payment = await shop.till.paid(AMOUNT, "by-hand")
        charge = (await shop.till.moved(payment))[0]["reference"]
        await shop.stripe.refund_by_hand(charge, 2_500)
        shown = await shop.till.seen(payment, lambda shown: shown["refunded"] == 2_500)
        assert [refund["by"] for refund in shown["refunds"]] == ["processor"]
        assert await shop.balanced(payment) == AMOUNT - 2_500
        refused = await shop.till.refund(payment, "by-hand", 7_501)
        assert (refused.status_code, refused.json()["code"]) == (409, "refund-too-large")


async def test_what_an_outage_of_stripe_interrupts_is_done_once_when_it_is_back(gateway: Gateway) -> None:
    async with shop_of(gateway) as shop:
        payment = await shop.till.make(AMOUNT, "outage")
        await outlast(shop, lambda: shop.till.process(payment, VISA))
        await shop.till.over(payment, "completed")
        await outlast(shop, lambda: shop.till.refunded(payment, "outage", 4_000))
        assert await shop.balanced(payment) == AMOUNT - 4_000
        assert (await shop.stripe.books(payment)).charges == 1


async def test_a_refund_by_hand_that_leaves_too_little_for_ours_makes_it_fail_and_frees_what_is_left(
    gateway: Gateway,
) -> None:
    async with shop_of(gateway) as shop:
        payment = await shop.till.paid(AMOUNT, "overtaken")
        charge = (await shop.till.moved(payment))[0]["reference"]
        already = await shop.stripe.cut_off()
        await shop.stripe.fault(REFUNDED, {"mode": "drop_before"})
        ours = await shop.till.refunded(payment, "overtaken", 6_000)
        await shop.stripe.asked_in_vain(already + 1)
        await shop.stripe.refund_by_hand(charge, 6_000)
        await shop.stripe.be_well()
        assert await shop.balanced(payment) == AMOUNT - 6_000
        refunds = {refund["by"]: refund["status"] for refund in (await shop.till.show(payment))["refunds"]}
        assert refunds.pop("processor") == "completed"
        assert list(refunds.values()) == ["failed"]
        assert (await shop.jobs.ended(ours))["status"] == "failed"
        await shop.till.refunded(payment, "what is left")
        assert await shop.balanced(payment) == 0


async def outlast(shop: Shop, begin: Callable[[], Awaitable[object]]) -> None:
    """Begin something while Stripe cuts every line; it is back when it was asked in vain three times."""
    already = await shop.stripe.cut_off()
    await shop.stripe.fault("*", {"mode": "drop_before"})
    await begin()
    await shop.stripe.asked_in_vain(already + 3)
    await shop.stripe.be_well()


async def test_no_event_moves_money_that_stripe_does_not_hold(gateway: Gateway) -> None:
    """A stranger's, an old one, a future one, one of the other mode; and a lie that is signed as Stripe signs."""
    async with shop_of(gateway) as shop:
        payment = await shop.till.make(AMOUNT, "events")
        await shop.till.process(payment, CHALLENGED)
        shown = await shop.till.over(payment, "requires_action")
        intent = shown["next_action"].rpartition("/")[2]
        lie = lie_of(await shop.stripe.event_of("payment_intent.requires_action", intent))
        post = post_of(shop, gateway)
        assert await post.tell(lie, secret=None) == 401
        assert await post.tell(lie, secret="whsec_that_a_stranger_made_up") == 401
        assert await post.tell(lie, moment=time.time() - 360) == 401
        assert await post.tell(lie, moment=time.time() + 360) == 401
        assert await post.tell(lie, moment="yesterday") == 401
        assert await post.tell(lie, instead={**lie, "created": 1}) == 401
        assert await post.tell({**lie, "livemode": True}) == 401
        assert await shop.till.show(payment) == shown
        looked = len(await shop.stripe.calls(f"payment_intents/{intent}"))
        assert [await post.tell(lie) for _ in range(3)] == [202, 200, 200]

        async def looked_again() -> bool:
            return len(await shop.stripe.calls(f"payment_intents/{intent}")) > looked

        await until(looked_again)
        assert (await shop.till.show(payment))["status"] == "requires_action"
        assert await shop.till.moved(payment) == []
        assert await confirm(shown["next_action"]) == 303
        await shop.till.over(payment, "completed")
        assert await shop.balanced(payment) == AMOUNT


async def test_a_true_event_again_and_one_of_an_unknown_payment_change_nothing(gateway: Gateway) -> None:
    async with shop_of(gateway) as shop:
        payment = await shop.till.paid(AMOUNT, "again")
        charge = (await shop.till.moved(payment))[0]["reference"]
        await shop.stripe.refund_by_hand(charge, 2_500)
        shown = await shop.till.seen(payment, lambda shown: shown["refunded"] == 2_500)
        moved = await shop.till.moved(payment)
        told = await shop.stripe.event_of("refund.created", charge)
        assert await shop.stripe.send_again(told, times=3) == [202, 200, 200, 200]
        post = post_of(shop, gateway)
        of_nobody = {**told["data"]["object"], "payment_intent": "pi_nobodys", "id": "re_nobodys"}
        assert await post.tell({**told, "id": "evt_nobodys", "data": {"object": of_nobody}}) == 202
        assert (await shop.till.show(payment), await shop.till.moved(payment)) == (shown, moved)
        assert await shop.balanced(payment) == AMOUNT - 2_500


def post_of(shop: Shop, gateway: Gateway) -> Post:
    return Post(shop.till.http, (gateway.home / "demo-webhook.secret").read_text().strip())
