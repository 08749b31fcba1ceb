"""What every `PaymentStore` promises, the fake and the real one alike; and what only the real one can get wrong."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.errors import Unavailable
from domain.infra.mongo import Database
from domain.infra.payments.payments import MongoPaymentStore
from domain.payments.payments import Payment, Status, Transaction
from domain.payments.ports import PaymentFilter, PaymentStore, TransactionFilter
from domain.payments.processing import pinned
from domain.payments.settling import Contradiction, Settled, settled
from domain.request_ids import new_request_id
from tests.fakes_payments import FakePaymentStore, a_paid_payment, a_payment, a_refund, paid_state
from tests.strategies import NOON

LATER = NOON + timedelta(minutes=1)
OPERATORS = ['{"$gt": ""}', "$where", "a.b", "\x00", "' || 1==1 //"]
EVERYTHING = TransactionFilter(None, limit=100)
A_JOB = UUID(int=7)


def paid(payment: Payment, **state: Any) -> Settled:
    found = settled(payment, paid_state(payment, **state), LATER)
    assert found is not None
    return found


def altered(payment: Payment, **changes: Any) -> Payment:
    return payment.model_copy(update={"epoch": payment.epoch + 1, "updated_at": LATER, **changes})


async def pay(payments: PaymentStore, payment: Payment) -> tuple[Payment, Transaction]:
    """The payment when all of it was captured, and the one movement that this was."""
    word = paid(payment)
    assert await payments.change(payment, word.payment, word.transactions)
    (charge,) = word.transactions
    return word.payment, charge


async def test_a_payment_is_found_as_it_was_added(payments: PaymentStore) -> None:
    payment = a_payment(order=UUID(int=7), details='{"for": "a mug"}', idempotency_key="k", fingerprint="f")
    assert await payments.add(payment) == payment
    assert await payments.find(payment.id, "user:ann") == await payments.find(payment.id, None) == payment


async def test_anothers_payment_is_found_by_nobody_else(payments: PaymentStore) -> None:
    payment = await payments.add(a_payment())
    assert await payments.find(payment.id, "user:bob") is None
    assert await payments.find(new_request_id(), "user:ann") is None


async def test_the_same_payment_added_twice_is_one_and_stays_as_it_was_first(payments: PaymentStore) -> None:
    first = await payments.add(a_payment())
    for other in ({"details": '"other"'}, {"idempotency_key": "k"}):
        assert await payments.add(first.model_copy(update=other)) == first
    assert await payments.find(first.id, None) == first


async def test_a_key_that_came_before_gives_the_first_payment(payments: PaymentStore) -> None:
    first = await payments.add(a_payment(idempotency_key="k", fingerprint="f"))
    again = a_payment(idempotency_key="k", fingerprint="another body's")
    assert await payments.add(again) == first
    assert await payments.find(again.id, None) is None


async def test_a_key_is_of_one_client_and_payments_without_one_are_each_of_their_own(payments: PaymentStore) -> None:
    keyed = [await payments.add(a_payment(client=client, idempotency_key="k")) for client in ("user:ann", "user:bob")]
    plain = [await payments.add(a_payment()) for _ in range(2)]
    assert len({payment.id for payment in (*keyed, *plain)}) == 4


async def test_a_payment_goes_to_the_account_that_was_recorded_first_and_to_no_other(payments: PaymentStore) -> None:
    payment = await payments.add(a_payment())
    found = await asyncio.gather(*(payments.pin(payment.id, f"acct_{number % 2}/test", A_JOB) for number in range(10)))
    (account,) = {each.account for each in found if each is not None}
    assert account in {"acct_0/test", "acct_1/test"}
    stored = await payments.find(payment.id, None)
    assert stored == pinned(payment, account, A_JOB) == payment.model_copy(update={"account": account, "epoch": 1})
    assert await payments.pin(new_request_id(), "acct_0/test", A_JOB) is None


async def test_a_try_that_is_over_records_no_account_for_the_one_that_counts(payments: PaymentStore) -> None:
    payment = await payments.add(a_payment(job=A_JOB))
    assert await payments.pin(payment.id, "acct_0/test", new_request_id()) == payment
    assert await payments.find(payment.id, None) == payment
    pinned_first = await payments.pin(payment.id, "acct_1/test", A_JOB)
    assert pinned_first == pinned(payment, "acct_1/test", A_JOB)
    assert await payments.pin(payment.id, "acct_2/test", new_request_id()) == pinned_first


async def test_what_is_paid_is_put_down_to_no_account(payments: PaymentStore) -> None:
    paid_before = await payments.add(a_paid_payment(job=A_JOB))
    assert await payments.pin(paid_before.id, "acct_1/test", A_JOB) == paid_before
    assert await payments.find(paid_before.id, None) == paid_before


async def test_who_read_a_payment_before_it_had_an_account_takes_none_from_it(payments: PaymentStore) -> None:
    before = await payments.add(a_payment())
    await payments.pin(before.id, "$account", A_JOB)  # no expression of MongoDB's
    assert await payments.change(before, altered(before, status=Status.PROCESSING)) is False
    after = await payments.find(before.id, None)
    assert after is not None
    assert after.account == "$account"
    assert await payments.change(after, altered(after, account=None))
    again = await payments.pin(before.id, "acct_2/test", A_JOB)
    assert again is not None
    assert again.account == "acct_2/test"


async def test_a_change_is_of_what_was_read(payments: PaymentStore) -> None:
    payment = await payments.add(a_payment())
    processing = altered(payment, status=Status.PROCESSING, tries=1, job=UUID(int=7))
    assert await payments.change(payment, processing)
    assert await payments.change(payment, altered(payment, status=Status.CANCELLED)) is False
    assert await payments.find(payment.id, None) == processing


async def test_a_change_of_what_is_not_there_writes_nothing(payments: PaymentStore) -> None:
    payment = a_payment()
    word = paid(payment)
    assert await payments.change(payment, word.payment, word.transactions) is False
    assert await payments.find(payment.id, None) is None
    assert await payments.list_transactions(EVERYTHING) == []


async def test_what_a_change_takes_away_is_gone(payments: PaymentStore) -> None:
    owing = await payments.add(a_payment(owed=["mail"], sweep_at=NOON, next_action="https://pay.example/1"))
    done = altered(owing, owed=None, sweep_at=None, next_action=None)
    assert await payments.change(owing, done)
    assert await payments.find(owing.id, None) == done


async def test_a_change_of_another_payment_client_or_epoch_is_a_bug(payments: PaymentStore) -> None:
    payment = await payments.add(a_payment())
    for wrong in (
        payment,
        altered(payment, epoch=2),
        altered(payment, id=new_request_id()),
        altered(payment, client="b"),
    ):
        with pytest.raises(ValueError, match="next epoch"):
            await payments.change(payment, wrong)
    others = paid(a_payment())
    with pytest.raises(ValueError, match="its own"):
        await payments.change(payment, paid(payment).payment, others.transactions)


async def test_money_is_never_written_without_the_transactions_that_it_is_the_sum_of(payments: PaymentStore) -> None:
    payment = await payments.add(a_payment())
    word = paid(payment)
    for wrong in (altered(payment, captured=1), word.payment.model_copy(update={"captured": 999})):
        with pytest.raises(Contradiction, match="add up"):
            await payments.change(payment, wrong, word.transactions if wrong.captured > 1 else ())
    with pytest.raises(Contradiction, match="add up"):
        await payments.change(payment, altered(payment), word.transactions)
    assert await payments.find(payment.id, None) == payment
    assert await payments.list_transactions(EVERYTHING) == []


async def test_what_moved_is_written_with_the_payment_or_not_at_all(payments: PaymentStore) -> None:
    payment = await payments.add(a_payment())
    word = paid(payment)
    changed = altered(payment, status=Status.PROCESSING)
    assert await payments.change(payment, changed)
    assert await payments.change(payment, word.payment, word.transactions) is False  # somebody was first
    assert await payments.list_transactions(EVERYTHING) == []
    after, charge = await pay(payments, changed)
    assert await payments.list_transactions(EVERYTHING) == [charge]
    assert await payments.find(payment.id, None) == after


async def test_a_payment_is_found_by_every_id_that_it_ever_had_at_the_processor(payments: PaymentStore) -> None:
    payment = await payments.add(a_payment())
    begun = altered(payment, reference="cs_1")
    assert await payments.change(payment, begun)
    word = paid(begun, reference="pi_1", charge="ch_1")
    assert await payments.change(begun, word.payment, word.transactions)
    refund = a_refund()
    reserved = await payments.reserve(payment.id, None, refund)
    assert reserved is not None
    given_back = refund.model_copy(update={"reference": "re_1"})
    assert await payments.change(reserved, altered(reserved, refunds=[given_back]))
    found = [await payments.find_by_reference(name) for name in ("cs_1", "pi_1", "ch_1", "re_1")]
    assert [each and each.id for each in found] == [payment.id] * 4
    assert await payments.find_by_reference("pi_2") is None


async def test_an_id_at_the_processor_is_of_one_payment(payments: PaymentStore) -> None:
    first, other = await payments.add(a_payment(reference="pi_1")), await payments.add(a_payment())
    with pytest.raises(Contradiction):
        await payments.add(a_payment(reference="pi_1"))
    with pytest.raises(Contradiction):
        await payments.change(other, altered(other, reference="pi_1"))
    word = paid(other, reference="pi_1")
    with pytest.raises(Contradiction):
        await payments.change(other, word.payment, word.transactions)
    assert [await payments.find(each.id, None) for each in (first, other)] == [first, other]
    assert await payments.list_transactions(EVERYTHING) == []


async def test_transactions_are_newest_first_of_their_owner_and_payment_and_go_on_from_the_last(
    payments: PaymentStore,
) -> None:
    moved: list[Transaction] = []
    for number, client in enumerate(["user:ann", "user:ann", "user:bob", "user:ann"]):
        payment = await payments.add(a_payment(client=client))
        word = paid(payment, charged_at=NOON - timedelta(hours=number))  # the younger the payment, the older
        assert await payments.change(payment, word.payment, word.transactions)
        moved += word.transactions

    async def listed(owner: str | None, **which: Any) -> list[int]:
        return [moved.index(each) for each in await payments.list_transactions(TransactionFilter(owner, **which))]

    assert await listed(None) == [0, 1, 2, 3]
    assert await listed("user:ann") == [0, 1, 3]
    assert await listed("user:ann", limit=2) == [0, 1]
    assert await listed("user:ann", before=moved[1].id) == [3]
    assert await listed(None, payment=moved[2].payment) == [2]
    assert await listed("user:ann", payment=moved[2].payment) == []
    assert await listed("user:nobody") == []


async def test_payments_are_newest_first_of_their_owner_and_go_on_from_the_last(payments: PaymentStore) -> None:
    made = [await payments.add(a_payment(client=client)) for client in ("user:ann", "user:bob", "user:ann")]

    async def listed(owner: str | None, **which: Any) -> list[int]:
        return [made.index(each) for each in await payments.list(PaymentFilter(owner, **which))]

    assert await listed(None) == [2, 1, 0]
    assert await listed("user:ann") == [2, 0]
    assert await listed("user:ann", limit=1) == [2]
    assert await listed("user:ann", before=made[2].id) == [0]
    assert await listed("user:nobody") == []


async def test_those_that_are_due_come_longest_overdue_first(payments: PaymentStore) -> None:
    times = [NOON + timedelta(seconds=seconds) for seconds in (2, 1, 3, 9)]
    due = [await payments.add(a_payment(sweep_at=time)) for time in times]
    await payments.add(a_payment())
    assert list(await payments.due(times[2], 10)) == [due[1], due[0], due[2]]
    assert list(await payments.due(times[2], 1)) == [due[1]]


@pytest.mark.parametrize("text", OPERATORS, ids=range(len(OPERATORS)))
async def test_what_looks_like_an_operator_is_text(payments: PaymentStore, text: str) -> None:
    await payments.add(a_payment(idempotency_key="k", reference="pi_1"))
    odd = await payments.add(a_paid_payment(client=text, idempotency_key=text, reference=text, details=text))
    refund = a_refund(by=text, idempotency_key=text, reason=text)
    reserved = await payments.reserve(odd.id, text, refund)
    assert reserved is not None
    assert reserved.refunds == [refund]
    assert await payments.find(odd.id, text) == await payments.find_by_reference(text) == reserved
    assert await payments.add(a_payment(client=text, idempotency_key=text)) == reserved


async def test_an_operator_in_place_of_text_finds_nothing(real_payments: PaymentStore) -> None:
    """No route lets one through; if one ever did, it would still be compared as it stands."""
    payment = await real_payments.add(a_paid_payment(idempotency_key="k"))
    anything: str = {"$gt": ""}  # type: ignore[assignment]
    assert await real_payments.find(payment.id, anything) is None
    assert await real_payments.find_by_reference(anything) is None
    assert await real_payments.reserve(payment.id, anything, a_refund()) is None
    assert await real_payments.list(PaymentFilter(anything)) == []
    assert await real_payments.list_transactions(TransactionFilter(anything)) == []


async def test_what_a_newer_version_of_the_program_wrote_besides_stays(
    real_payments: PaymentStore, payments_database: Database
) -> None:
    payment = await real_payments.add(a_payment())
    await payments_database.payments.update_one({"_id": payment.id}, {"$set": {"later": 1}})
    after, _ = await pay(real_payments, payment)
    stored = await payments_database.payments.find_one({"_id": payment.id})
    assert stored is not None
    assert (stored["later"], None in stored.values()) == (1, False)
    assert await real_payments.find(payment.id, None) == after


LAST = UUID(int=(1 << 128) - 1)
PAYMENT_LOOKUPS: list[tuple[str, dict[str, Any], str | None, str]] = [
    ("payments", {"client": {"$eq": "a"}}, "_id", "by_client"),
    ("payments", {"client": {"$eq": "a"}, "_id": {"$lt": LAST}}, "_id", "by_client"),
    ("payments", {"client": {"$eq": "a"}, "idempotency_key": {"$eq": "k1"}}, None, "once_per_key"),
    ("payments", {"references": {"$eq": "pi_1"}}, None, "once_per_reference"),
    ("payments", {"order": UUID(int=7)}, None, "by_order"),
    ("payments", {"sweep_at": {"$lte": NOON}}, "sweep_at", "to_sweep"),
    ("transactions", {"client": {"$eq": "a"}}, "_id", "by_client"),
    ("transactions", {"client": {"$eq": "a"}, "_id": {"$lt": LAST}}, "_id", "by_client"),
    ("transactions", {"payment": UUID(int=7)}, "_id", "by_payment"),
    ("transactions", {"client": {"$eq": "a"}, "payment": UUID(int=7)}, "_id", "by_payment"),
]


@pytest.mark.parametrize(("name", "wanted", "order", "index"), PAYMENT_LOOKUPS, ids=range(len(PAYMENT_LOOKUPS)))
async def test_payments_and_transactions_are_looked_up_by_an_index_in_its_order(
    payments_database: Database, name: str, wanted: dict[str, Any], order: str | None, index: str
) -> None:
    rows = [
        {"_id": (id_ := new_request_id()), "client": "ab"[number % 2], "payment": id_, "idempotency_key": f"k{number}"}
        for number in range(20)  # of which one index is plainly better than the other
    ]
    await payments_database[name].insert_many(rows)
    found = payments_database[name].find(wanted)
    plan = str((await (found.sort(order, -1) if order else found).explain())["queryPlanner"]["winningPlan"])
    assert f"'indexName': '{index}'" in plan
    assert "'SORT'" not in plan


async def test_a_store_that_is_away_is_unavailable(nowhere: Database) -> None:
    payment = a_paid_payment()
    fake = FakePaymentStore(payment)
    fake.down = True
    word = paid(fresh := a_payment())
    for payments in (fake, MongoPaymentStore(nowhere, patience_seconds=0.05)):
        answers = await asyncio.gather(
            payments.add(payment),
            payments.find(payment.id, None),
            payments.find_by_reference("pi_1"),
            payments.change(payment, altered(payment, status=Status.CANCELLED)),
            payments.change(fresh, word.payment, word.transactions),
            payments.reserve(payment.id, None, a_refund()),
            payments.list(PaymentFilter(None)),
            payments.list_transactions(EVERYTHING),
            payments.forget("user:ann", NOON),
            payments.due(NOON, 1),
            return_exceptions=True,
        )
        assert {type(answer) for answer in answers} == {Unavailable}


async def test_what_is_under_way_is_found_page_by_page_the_oldest_first(payments: PaymentStore) -> None:
    under_way = [a_payment(status=Status.PROCESSING), a_payment(status=Status.REQUIRES_ACTION)]
    giving_back = [a_paid_payment(), a_paid_payment()]
    settled_ones = [a_payment(status=status) for status in (Status.PENDING, Status.FAILED, Status.CANCELLED)]
    for payment in (*under_way, *giving_back, *settled_ones, a_paid_payment()):
        await payments.add(payment)
    for payment in giving_back:
        assert await payments.reserve(payment.id, None, a_refund()) is not None
    found: list[UUID] = []
    while page := await payments.unsettled(found[-1] if found else None, 3):
        found += [payment.id for payment in page]
    assert found == [payment.id for payment in (*under_way, *giving_back)]
