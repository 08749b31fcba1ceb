"""Stripe's settings: a wrong one ends the start, and none is repeated."""

import pytest
from pydantic import SecretStr

from vendors.stripe.settings import API_BASE, StripeSettings


def made(key: str, base: str = API_BASE) -> StripeSettings:
    return StripeSettings(SecretStr(key), SecretStr("whsec_x"), base)


@pytest.mark.parametrize(("key", "live"), [("sk_live_a", True), ("rk_live_a", True), ("sk_test_a", False)])
def test_the_key_tells_whether_real_money_moves(key: str, live: bool) -> None:
    assert made(key).livemode is live


@pytest.mark.parametrize(
    "key", ["", "pk_live_hush", "hush", "sk_test_hush\n", "sk_test_hu sh", "sk_test_hüsh", "sk_test_"]
)
def test_what_is_no_secret_key_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(ValueError, match="STRIPE_SECRET_KEY") as refused:
        made(key)
    assert "hush" not in str(refused.value)


def test_a_live_key_goes_to_stripe_and_to_nobody_else() -> None:
    with pytest.raises(ValueError, match="STRIPE_API_BASE"):
        made("sk_live_hush", "http://127.0.0.1:8900/stripe")
    assert made("sk_test_a", "http://127.0.0.1:8900/stripe").api_base.endswith("/stripe")


def test_no_secret_is_shown() -> None:
    assert "hush" not in repr(made("sk_test_hush"))
