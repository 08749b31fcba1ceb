"""Stripe's lists to their ends, and what is looked for in them where an answer is missing."""

from datetime import UTC, datetime

import pytest

from domain.errors import NotNow, OutcomeUnknown, Unavailable
from domain.money import Money
from domain.outcomes import Failed, Retry
from domain.vendors import Call
from tests.vendors.scripted import Answer
from tests.vendors.stripe.stripe_words import (
    CALL,
    JOB,
    MARKS,
    answer,
    charge,
    customer,
    error,
    intent,
    page,
    refund,
    session,
    stripe_says,
)
from vendors.errors import VendorError
from vendors.stripe.faults import StoredFault
from vendors.stripe.pages import MOST_LOOKED_AT
from vendors.stripe.words import CustomerAsked, Intent, IntentAsked, RefundAsked, SessionAsked, Unread

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
USD = Money(amount=2000, currency="USD")
INTENT = IntentAsked(USD, "pm_card_visa", "https://shop.test/back")
STORED: dict[str, str] = {"Idempotent_Replayed": "true"}


async def test_a_list_is_read_to_its_last_page() -> None:
    pages = [page(intent(id="pi_3"), intent(id="pi_2"), more=True), page(intent(id="pi_1"))]
    async with stripe_says(*map(answer, pages)) as scene:
        found = [each.id async for each in scene.door.intents(SINCE, CALL)]
    assert found == ["pi_3", "pi_2", "pi_1"]
    first = f"GET /v1/payment_intents?created[gte]={int(SINCE.timestamp())}&expand[0]=data.latest_charge&limit=100"
    assert scene.lines == [first, f"{first}&starting_after=pi_2"]


async def test_charges_and_refunds_are_listed_likewise() -> None:
    async with stripe_says(answer(page(charge())), answer(page(refund(), refund(id="re_2")))) as scene:
        charges = [each.id async for each in scene.door.charges(SINCE, CALL)]
        refunds = [each.id async for each in scene.door.refunds(SINCE, CALL)]
    assert (charges, refunds) == (["ch_1"], ["re_1", "re_2"])
    assert [line.split("?")[0] for line in scene.lines] == ["GET /v1/charges", "GET /v1/refunds"]


async def test_all_refunds_of_a_payment_are_there_or_none_is_told() -> None:
    full = answer(page(refund(id="re_2"), more=True))
    async with stripe_says(full, answer(page(refund())), full, answer(error(), 500)) as scene:
        both = await scene.door.list_refunds("pi_1", CALL)
        half = await scene.door.list_refunds("pi_1", CALL)
    assert isinstance(both, tuple)
    assert [each.id for each in both] == ["re_2", "re_1"]
    assert isinstance(half, Retry)
    assert scene.lines[1] == "GET /v1/refunds?payment_intent=pi_1&limit=100&starting_after=re_2"


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (answer(error(), 500), Unavailable),
        (answer(error(), 429, Retry_After="9"), Unavailable),
        (answer(error(), 400), VendorError),
        (answer(page(intent(), more=True)), VendorError),
    ],
    ids=["500", "429", "400", "the same page again"],
)
async def test_a_part_of_a_list_is_never_taken_for_all_of_it(trouble: Answer, kind: type[Exception]) -> None:
    seen = []
    async with stripe_says(answer(page(intent(), more=True)), trouble) as scene:
        with pytest.raises(kind):
            seen = [each.id async for each in scene.door.intents(SINCE, CALL)]
    assert seen == []


async def test_a_stored_500_is_not_asked_for_again_and_what_was_made_is_found() -> None:
    others = page(intent(id="pi_9", metadata={**MARKS, "generation": "2"}), intent(id="pi_8"), more=True)
    ours = page(intent(id="pi_7", metadata=MARKS))
    async with stripe_says(answer(error(), 500, **STORED), answer(others), answer(ours)) as scene:
        found = await scene.door.create_intent(INTENT, CALL)
    assert not isinstance(found, Retry | Failed)
    assert (found.id, found.status) == ("pi_7", "succeeded")
    assert [line.split("?")[0] for line in scene.lines] == [
        "POST /v1/payment_intents",
        *["GET /v1/payment_intents"] * 2,
    ]
    begun = (JOB.int >> 80) // 1000
    assert f"created[gte]={begun - 600}" in scene.lines[1]


async def test_sessions_refunds_and_customers_are_looked_for_too() -> None:
    stored = answer(error(), 503, Stripe_Should_Retry="false")
    answers = [stored, answer(page(session(metadata=MARKS))), stored, answer(page(refund(metadata=MARKS)))]
    async with stripe_says(*answers, stored, answer(page(customer(metadata=MARKS)))) as scene:
        found = [
            await scene.door.create_session(SessionAsked(USD, "A", "https://a.test", "https://b.test"), CALL),
            await scene.door.create_refund(RefundAsked("pi_1", USD), CALL),
            await scene.door.create_customer(CustomerAsked("Ada", "ada@example.com"), CALL),
        ]
    assert [each.id for each in found if not isinstance(each, Retry | Failed)] == ["cs_1", "re_1", "cus_1"]
    assert scene.lines[3] == "GET /v1/refunds?payment_intent=pi_1&limit=100"


async def test_what_is_not_found_stays_unknown_and_is_never_made_again() -> None:
    async with stripe_says(answer(error(), 500, **STORED), answer(page(intent()))) as scene:
        with pytest.raises(StoredFault) as stored:
            await scene.door.create_intent(INTENT, CALL)
    assert not stored.value.trouble  # of that time: Stripe may be well, and nobody else's payment has to wait for it
    assert [line.split()[0] for line in scene.lines] == ["POST", "GET"]


@pytest.mark.parametrize(
    "trouble", [answer(error(), 500), answer(error(), 401), answer(error(), 400)], ids=["500", "401", "400"]
)
async def test_a_look_that_fails_leaves_it_unknown(trouble: Answer) -> None:
    async with stripe_says(answer(error(), 500, **STORED), trouble) as scene:
        with pytest.raises(OutcomeUnknown):
            await scene.door.create_intent(INTENT, CALL)


async def test_a_look_is_not_endless() -> None:
    many = [answer(page(intent(id=f"pi_{at}"), more=True)) for at in range(MOST_LOOKED_AT + 5)]
    async with stripe_says(answer(error(), 500, **STORED), *many) as scene:
        with pytest.raises(OutcomeUnknown):
            await scene.door.create_intent(INTENT, CALL)
    assert len(scene.lines) == 1 + MOST_LOOKED_AT


async def test_a_gate_that_shuts_between_the_two_does_not_hide_that_the_first_was_sent() -> None:
    opened: list[int] = []

    async def once() -> None:
        if opened:
            raise NotNow("held back", until=SINCE)
        opened.append(1)

    async with stripe_says(answer(error(), 500, **STORED)) as scene:
        with pytest.raises(OutcomeUnknown):
            await scene.door.create_intent(INTENT, Call(JOB, "{}", CALL.timeout, gate=once))
    assert len(scene.lines) == 1


async def test_a_page_is_read_behind_an_object_and_tells_whether_there_are_more() -> None:
    pages = [page(intent(id="pi_3"), more=True), page(refund()), page(session()), page(more=True)]
    async with stripe_says(*map(answer, pages)) as scene:
        intents = await scene.door.intents_after("pi_4", SINCE, CALL)
        refunds = await scene.door.refunds_after(None, SINCE, CALL)
        sessions = await scene.door.sessions_after("cs_7", SINCE, CALL)
        nothing = await scene.door.intents_after(None, SINCE, CALL)
    told = []
    for each in (intents, refunds, sessions, nothing):
        assert not isinstance(each, Retry | Failed)
        told.append(([thing.id for thing in each[0]], each[1]))
    assert told == [(["pi_3"], True), (["re_1"], False), (["cs_1"], False), ([], False)]
    made = f"created[gte]={int(SINCE.timestamp())}"
    assert scene.lines[0] == (
        f"GET /v1/payment_intents?{made}&expand[0]=data.latest_charge&limit=100&starting_after=pi_4"
    )
    assert scene.lines[1:3] == [
        f"GET /v1/refunds?{made}&limit=100",
        f"GET /v1/checkout/sessions?{made}&limit=100&starting_after=cs_7",
    ]


async def test_what_is_in_none_of_our_words_keeps_no_other_of_its_page_from_being_read() -> None:
    """Such as a charge of a currency that there was."""
    strange = intent(id="pi_2", currency="bgn", metadata={"payment": "x"})
    async with stripe_says(answer(page(intent(), strange)), answer(page({"id": 7}))) as scene:
        mixed = await scene.door.intents_after(None, SINCE, CALL)
        rubbish = await scene.door.intents_after(None, SINCE, CALL)
    assert isinstance(mixed, tuple)
    assert [type(each) for each in mixed[0]] == [Intent, Unread]
    assert mixed[0][1] == Unread("pi_2", {"payment": "x"})
    assert isinstance(rubbish, Retry)


async def test_a_page_that_begins_again_where_it_should_go_on_is_refused() -> None:
    async with stripe_says(answer(page(intent(), more=True)), answer(error(), 429, Retry_After="9")) as scene:
        again = await scene.door.intents_after("pi_1", SINCE, CALL)
        not_now = await scene.door.intents_after("pi_1", SINCE, CALL)
    assert isinstance(again, Failed)
    assert isinstance(not_now, Retry)
