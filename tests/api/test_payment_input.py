"""What is sent of payments and cannot be: each fault is named where it stands, all at once, and nothing begins."""

from typing import Any

import msgspec
import pytest
from httpx import AsyncClient, Response

from domain.money import MOST
from tests.api.people import People
from tests.fakes_payments import a_payment

AMOUNTS = ["0", "-1", "0.5", "1.0", "1e2", "2000.0", str(MOST + 1), "9" * 30, "true", "null", "[]", "{}", "-0"]
TEXTS = ['"0"', '"-1"', '"1.0"', '"20.00"', '"1e2"', '"1,000"', '" 1"', '"1 "', '""', '"٢"', f'"{MOST + 1}"', '"0x10"']
CURRENCIES = ["null", "1", '""', '"XXX"', '"US"', '"USDT"', '"$"', '["USD"]', '"usd,eur"', '"ＵＳＤ"', '{"$gt":""}']
CARDS = [
    ({"card_number": "x"}, "/details/card_number"),
    ({"card": {"cardNumber": "1"}}, "/details/card/cardNumber"),
    ({"card": {"number": "4242424242424242"}}, "/details/card/number"),
    ({"note": "pay with 4242 4242 4242 4242 please"}, "/details/note"),
    ({"note": ["5555-5555-5555-4444"]}, "/details/note/0"),
    ({"n": 4242424242424242}, "/details/n"),
    ({"CVV": 123}, "/details/CVV"),
    ({"security-code": ""}, "/details/security-code"),
    ({"a": {"4242 4242 4242 4242": 1}}, "/details/a"),
    ({"4242424242424242": 1}, "/details"),
]


async def sent(client: AsyncClient, body: str, path: str = "/payments") -> Response:
    return await client.post(path, content=body, headers={"Content-Type": "application/json"})


def pointers(answer: Response) -> list[str]:
    assert answer.status_code == 422, answer.text
    return [fault["pointer"] for fault in answer.json()["errors"]]


def payment(**members: str) -> str:
    usual = {"amount": "2000", "currency": '"USD"', "payment_method": '"credit_card"'}
    return "{" + ",".join(f'"{name}":{text}' for name, text in {**usual, **members}.items()) + "}"


def checkout(**members: str) -> str:
    usual = {"amount": "2000", "currency": '"usd"', "product_name": '"Red mug"'}
    return "{" + ",".join(f'"{name}":{text}' for name, text in {**usual, **members}.items()) + "}"


@pytest.mark.parametrize("amount", [*AMOUNTS, '"2000"', *TEXTS], ids=range(len([*AMOUNTS, "", *TEXTS])))
async def test_an_amount_that_is_no_whole_number_in_reason_is_named(
    people: People, alice: AsyncClient, amount: str
) -> None:
    answer = await sent(alice, payment(amount=amount))
    assert pointers(answer) == ["/amount"]
    assert f"from 50 to {MOST}: 0.50 USD to 999999.99 USD" in answer.json()["detail"]
    assert people.payments.stored == {}


@pytest.mark.parametrize("amount", [*AMOUNTS, *TEXTS], ids=range(len([*AMOUNTS, *TEXTS])))
async def test_of_a_checkout_too_where_digits_may_be_text(people: People, alice: AsyncClient, amount: str) -> None:
    assert pointers(await sent(alice, checkout(amount=amount), "/payments/checkout")) == ["/amount"]
    assert people.payment_jobs.stored == {}


@pytest.mark.parametrize("amount", ["2000", '"2000"', '"50"', str(MOST), f'"{MOST}"'])
async def test_a_checkouts_amount_is_a_number_or_text_of_its_digits(
    people: People, alice: AsyncClient, amount: str
) -> None:
    assert (await sent(alice, checkout(amount=amount), "/payments/checkout")).status_code == 202
    [job] = people.payment_jobs.stored.values()
    assert msgspec.json.decode(job.payload)["amount"] == int(amount.strip('"'))


@pytest.mark.parametrize("currency", CURRENCIES, ids=range(len(CURRENCIES)))
async def test_a_currency_that_nobody_pays_in_is_named(people: People, alice: AsyncClient, currency: str) -> None:
    assert pointers(await sent(alice, payment(currency=currency))) == ["/currency"]
    assert pointers(await sent(alice, checkout(currency=currency), "/payments/checkout")) == ["/currency"]
    assert people.payments.stored == {}


@pytest.mark.parametrize(
    ("amount", "currency"), [("50", "JPY"), ("1010", "BHD"), ("50", "USD"), ("1", "KRW"), ("100", "MGA")]
)
async def test_minor_units_are_those_of_the_currency(alice: AsyncClient, amount: str, currency: str) -> None:
    assert (await sent(alice, payment(amount=amount, currency=f'"{currency}"'))).status_code == 201


@pytest.mark.parametrize(
    ("amount", "currency", "limits"),
    [
        ("49", "USD", "from 50 to 99999999: 0.50 USD to 999999.99 USD"),
        ("29", "gbp", "from 30 to 99999999: 0.30 GBP to 999999.99 GBP"),
        ("49", "JPY", "from 50 to 99999999: 50 JPY to 99999999 JPY"),
        ("17499", "HUF", "from 17500 to 99999999: 175.00 HUF to 999999.99 HUF"),
        ("1000000", "ISK", "from 1 to 999999: 1 ISK to 999999 ISK"),
        ("0", "BHD", "from 1 to 99999999: 0.001 BHD to 99999.999 BHD"),
        ("0", "XXX", "from 1 to 99999999"),
    ],
)
async def test_the_limits_of_an_amount_are_its_currencys_and_named(
    people: People, alice: AsyncClient, amount: str, currency: str, limits: str
) -> None:
    for path, body in (("/payments", payment), ("/payments/checkout", checkout)):
        answer = await sent(alice, body(amount=amount, currency=f'"{currency}"'), path)
        assert "/amount" in pointers(answer)
        [told] = [fault["detail"] for fault in answer.json()["errors"] if fault["pointer"] == "/amount"]
        assert limits in told
    assert people.payments.stored == {}
    assert people.payment_jobs.stored == {}


@pytest.mark.parametrize("currency", ["BHD", "kwd", "JOD", "OMR", "TND"])
async def test_of_three_decimals_the_last_must_be_zero_and_the_reason_is_named(
    people: People, alice: AsyncClient, currency: str
) -> None:
    for path, body in (("/payments", payment), ("/payments/checkout", checkout)):
        answer = await sent(alice, body(amount="1005", currency=f'"{currency}"'), path)
        assert pointers(answer) == ["/amount"]
        assert "card networks" in answer.json()["detail"]
    assert people.payments.stored == {}
    assert people.payment_jobs.stored == {}


async def test_a_part_of_an_ariary_is_not_charged(people: People, alice: AsyncClient) -> None:
    answer = await sent(alice, payment(amount="1050", currency='"MGA"'))
    assert pointers(answer) == ["/amount"]
    assert "must end in 00" in answer.json()["detail"]
    assert people.payments.stored == {}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{}", ["/amount", "/currency", "/payment_method"]),
        (payment(payment_method='"cash"'), ["/payment_method"]),
        (payment(payment_method="null"), ["/payment_method"]),
        (payment(status='"completed"'), ["/status"]),
        (payment(captured="2000"), ["/captured"]),
        (payment(client='"user:bob"'), ["/client"]),
        (payment(id='"x"'), ["/id"]),
        (payment(details="[]"), ["/details"]),
        (payment(details='"x"'), ["/details"]),
        (payment(details='{"a":1,"a":2}'), ["/details"]),
        (payment(details="{" + '"a":"' + "x" * 4096 + '"}'), ["/details"]),
        (payment(details='{"a":' + "[" * 100 + "]" * 100 + "}"), ["/details"]),
        (payment(amount="0", currency='"x"', payment_method='"y"'), ["/amount", "/currency", "/payment_method"]),
        ("[]", [""]),
        ("null", [""]),
    ],
    ids=range(15),
)
async def test_every_fault_of_a_payment_is_named_at_once(
    people: People, alice: AsyncClient, body: str, expected: list[str]
) -> None:
    assert sorted(pointers(await sent(alice, body))) == sorted(expected)
    assert people.payments.stored == {}


@pytest.mark.parametrize("path", ["/payments", "/payments/checkout"])
@pytest.mark.parametrize(("name", "again"), [("amount", "2000"), ("currency", '"EUR"')])
async def test_what_is_said_twice_is_refused_and_neither_is_taken(
    people: People, alice: AsyncClient, path: str, name: str, again: str
) -> None:
    body = payment() if path == "/payments" else checkout()
    assert pointers(await sent(alice, f'{body[:-1]},"{name}":{again}}}', path)) == [f"/{name}"]
    assert people.payments.stored == {}
    assert people.payment_jobs.stored == {}


async def test_half_a_character_in_details_is_no_json(people: People, alice: AsyncClient) -> None:
    answer = await sent(alice, payment(details='{"a":"\\ud800"}'))
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-syntax")
    assert people.payments.stored == {}


@pytest.mark.parametrize(("details", "pointer"), CARDS, ids=range(len(CARDS)))
async def test_data_of_a_card_is_never_kept_and_never_told_again(
    people: People, alice: AsyncClient, details: dict[str, Any], pointer: str
) -> None:
    answer = await sent(alice, payment(details=msgspec.json.encode(details).decode()))
    assert pointers(answer) == [pointer]
    assert "never passes through here" in answer.json()["detail"]
    assert not any(digits in answer.text for digits in ("4242", "5555"))
    assert people.payments.stored == {}


@pytest.mark.parametrize("details", ["null", "{}", "{ }", '{"invoice":"2026-000123456789","tracking":"1Z999AA1"}'])
async def test_details_that_are_none_of_a_cards_are_taken(alice: AsyncClient, details: str) -> None:
    assert (await sent(alice, payment(details=details))).status_code == 201


@pytest.mark.parametrize(
    "method", ["null", "1", '""', '"pm card"', '"pm/../x"', '"4242424242424242"', f'"{"x" * 256}"']
)
async def test_a_way_to_pay_is_the_processors_id_of_one(people: People, alice: AsyncClient, method: str) -> None:
    made = a_payment(client=people.alice.user.client)
    people.payments.stored[made.id] = made
    body = f'{{"payment_method_id":{method}}}'
    assert pointers(await sent(alice, body, f"/payments/{made.id}/process")) == ["/payment_method_id"]
    named = f'{{"payment_id":"{made.id}","payment_method_id":{method}}}'
    answer = await sent(alice, named, "/payments/process")
    assert pointers(answer) == ["/payment_method_id"]
    assert "4242" not in answer.text
    assert people.payments.stored[made.id] == made


@pytest.mark.parametrize("named", ["null", "1", '""', '"x"', '{"$ne":null}', '"64b7f9a2c1d3e4f5a6b7c8d9"'])
async def test_a_payment_that_the_body_names_is_named_by_its_id(alice: AsyncClient, named: str) -> None:
    body = f'{{"payment_id":{named},"payment_method_id":"pm_1"}}'
    assert pointers(await sent(alice, body, "/payments/process")) == ["/payment_id"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{}", ["/name", "/email"]),
        ('{"name":"","email":"x"}', ["/name", "/email"]),
        ('{"name":"Jane 4242 4242 4242 4242","email":"jane@example.com"}', ["/name"]),
        ('{"name":"Jane\\u202eenaJ","email":"jane@example.com"}', ["/name"]),
        ('{"name":"Jane","email":"jane@example.com\\nBcc: x@example.com"}', ["/email"]),
        ('{"name":"Jane","email":"jane@example.com","id":"cus_1"}', ["/id"]),
    ],
    ids=range(6),
)
async def test_every_fault_of_a_customer_is_named_at_once(
    people: People, alice: AsyncClient, body: str, expected: list[str]
) -> None:
    assert sorted(pointers(await sent(alice, body, "/payments/customers"))) == sorted(expected)
    assert people.payment_jobs.stored == {}


@pytest.mark.parametrize(
    "name", ['""', '" x"', "1", "null", '"a\\u0000b"', f'"{"x" * 201}"', '"4242 4242 4242 4242"'], ids=range(7)
)
async def test_a_products_name_is_a_line_that_can_be_seen(alice: AsyncClient, name: str) -> None:
    assert pointers(await sent(alice, checkout(product_name=name), "/payments/checkout")) == ["/product_name"]


@pytest.mark.parametrize("member", ["success_url", "cancel_url", "quantity", "mode"])
async def test_where_a_buyer_is_sent_back_to_is_not_the_clients_to_say(alice: AsyncClient, member: str) -> None:
    body = checkout(**{member: '"https://evil.example"'})
    assert pointers(await sent(alice, body, "/payments/checkout")) == [f"/{member}"]


@pytest.mark.parametrize("path", ["/payments", "/payments/process", "/payments/customers", "/payments/checkout"])
async def test_a_query_is_refused(alice: AsyncClient, path: str) -> None:
    assert pointers(await sent(alice, "{}", f"{path}?x=1")) == ["/query/x"]


@pytest.mark.parametrize("key", ["", "é", "x" * 256, "a\tb"], ids=range(4))
async def test_a_key_that_cannot_be_one_is_refused(alice: AsyncClient, key: str) -> None:
    headers = {"Idempotency-Key": key.encode("latin-1"), "Content-Type": b"application/json"}
    answer = await alice.post("/payments", content=payment(), headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 400
