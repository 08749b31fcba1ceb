"""Several accounts at the simulated Stripe, by the key that asks: what one holds the others know nothing of."""

from collections.abc import Iterator

import pytest

from tests.loadtest.stripe.api import KEY, PAID, Api, error

OTHER, ROLLED, RESTRICTED = "sk_test_other", "sk_test_other_rolled", "rk_test_restricted"
BY_OTHER, BY_ROLLED = f"Bearer {OTHER}", f"Bearer {ROLLED}"


@pytest.fixture
def accounts(api: Api) -> Iterator[Api]:
    api.control("PUT", "/accounts", {OTHER: "acct_other", ROLLED: "acct_other"})
    yield api
    api.control("PUT", "/accounts", {})


def test_a_key_tells_whose_it_is(accounts: Api) -> None:
    keys = (KEY, "sk_test_anybody", OTHER, ROLLED)
    told = [accounts.get("account", None, Authorization=f"Bearer {key}").json["id"] for key in keys]
    assert told == ["acct_simulated", "acct_simulated", "acct_other", "acct_other"]


def test_a_restricted_key_may_do_anything_but_tell_whose_it_is(accounts: Api) -> None:
    by = f"Bearer {RESTRICTED}"
    assert "permissions" in error(accounts.get("account", None, Authorization=by), 403)["message"]
    assert accounts.get("customers", None, Authorization=by).status == 200


def test_what_one_account_holds_another_has_never_heard_of(accounts: Api) -> None:
    intent = accounts.paid()["id"]
    assert accounts.get(f"payment_intents/{intent}", None, Authorization=BY_OTHER).status == 404
    assert accounts.get("payment_intents", None, Authorization=BY_OTHER).json["data"] == []
    there = accounts.post("payment_intents", PAID, Authorization=BY_OTHER).json["id"]
    assert accounts.get(f"payment_intents/{there}", None, Authorization=BY_ROLLED).status == 200
    assert accounts.get(f"payment_intents/{there}").status == 404
    assert (accounts.totals()["charges"], accounts.totals("?account=acct_other")["charges"]) == (1, 1)


def test_an_idempotency_key_is_of_one_account(accounts: Api) -> None:
    made = [
        accounts.post("payment_intents", PAID, "once", Authorization=f"Bearer {key}").json["id"]
        for key in (KEY, OTHER, ROLLED)
    ]
    assert made[0] != made[1] == made[2]
