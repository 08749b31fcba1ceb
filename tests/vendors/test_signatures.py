"""Webhook signatures: each scheme takes what its vendor signed just now, and refuses everything else."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadSignature
from vendors.signatures.schemes import SCHEMES

NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
BODY = '{"id": "evt_1", "ü": 1}'.encode()
KEY = b"hunter2-hunter2-hunter2!"
Headers = Mapping[str, str]


def digest(signed: bytes, key: bytes = KEY) -> bytes:
    return hmac.new(key, signed, hashlib.sha256).digest()


def standard(body: bytes = BODY, at: datetime = NOW, key: bytes = KEY) -> dict[str, str]:
    moment = str(int(at.timestamp()))
    signature = base64.b64encode(digest(f"msg_1.{moment}.".encode() + body, key)).decode()
    return {"webhook-id": "msg_1", "webhook-timestamp": moment, "webhook-signature": f"v1,{signature}"}


def stripe(body: bytes = BODY, at: datetime = NOW, key: bytes = KEY) -> dict[str, str]:
    moment = str(int(at.timestamp()))
    return {"stripe-signature": f"t={moment},v1={digest(moment.encode() + b'.' + body, key).hex()},v0=00"}


def github(body: bytes = BODY, at: datetime = NOW, key: bytes = KEY) -> dict[str, str]:
    return {"x-hub-signature-256": f"sha256={digest(body, key).hex()}", "x-github-delivery": "d-1"}


def plain(body: bytes = BODY, at: datetime = NOW, key: bytes = KEY) -> dict[str, str]:
    return {"x-signature": digest(body, key).hex()}


SIGN: Mapping[str, Callable[..., dict[str, str]]] = {
    "standard": standard,
    "stripe": stripe,
    "github": github,
    "hmac": plain,
}
every_scheme = pytest.mark.parametrize("scheme", sorted(SCHEMES))


def verify(scheme: str, headers: Headers, body: bytes = BODY, *keys: bytes, now: datetime = NOW) -> str | None:
    return SCHEMES[scheme].verify(headers, body, now, keys or (KEY,))


@every_scheme
def test_what_the_vendor_signed_is_taken(scheme: str) -> None:
    ids = {"standard": "msg_1", "github": "d-1"}
    assert verify(scheme, SIGN[scheme]()) == ids.get(scheme)


@every_scheme
def test_a_changed_body_is_refused(scheme: str) -> None:
    with pytest.raises(BadSignature):
        verify(scheme, SIGN[scheme](), BODY + b" ")


@every_scheme
def test_another_secret_is_refused_and_one_of_several_taken(scheme: str) -> None:
    headers = SIGN[scheme](key=b"older")
    with pytest.raises(BadSignature):
        verify(scheme, headers)
    verify(scheme, headers, BODY, KEY, b"older")


@every_scheme
@pytest.mark.parametrize("spoiled", [None, "", "rubbish", "ü", "\ud800", "v1,", "t=1,v1=", "sha256=", "=", ",", " "])
def test_a_header_that_is_missing_or_spoiled_is_refused(scheme: str, spoiled: str | None) -> None:
    good = SIGN[scheme]()
    for name in good.keys() - {"webhook-id", "x-github-delivery"}:
        headers = {key: value for key, value in good.items() if key != name}
        with pytest.raises(BadSignature):
            verify(scheme, headers if spoiled is None else {**headers, name: spoiled})


@pytest.mark.parametrize("scheme", ["standard", "stripe"])
@pytest.mark.parametrize(("seconds", "good"), [(-301, False), (-300, True), (300, True), (301, False)])
def test_a_moment_is_good_for_300_s_both_ways(scheme: str, seconds: int, good: bool) -> None:
    headers = SIGN[scheme](at=NOW + timedelta(seconds=seconds))
    if good:
        verify(scheme, headers)
    else:
        with pytest.raises(BadSignature):
            verify(scheme, headers)


@pytest.mark.parametrize("moment", ["", "1e9", "-1", "٣", "9" * 12, "9" * 5000, "nan", " 1769850000", "1769850000.0"])
def test_a_moment_that_is_no_time_is_refused_even_when_it_is_signed(moment: str) -> None:
    signature = base64.b64encode(digest(f"msg_1.{moment}.".encode() + BODY)).decode()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": moment, "webhook-signature": f"v1,{signature}"}
    with pytest.raises(BadSignature):
        verify("standard", headers)
    with pytest.raises(BadSignature):
        verify("stripe", {"stripe-signature": f"t={moment},v1={digest(moment.encode() + b'.' + BODY).hex()}"})


def test_versions_that_nobody_here_knows_are_skipped() -> None:
    headers = standard()
    verify("standard", {**headers, "webhook-signature": f"v1a,xxx v2,zzz {headers['webhook-signature']} v1,###"})
    with pytest.raises(BadSignature):
        verify("standard", {**headers, "webhook-signature": headers["webhook-signature"].replace("v1,", "v2,")})


def test_the_id_is_signed_too() -> None:
    with pytest.raises(BadSignature):
        verify("standard", {**standard(), "webhook-id": "msg_2"})


def test_two_timestamps_in_one_stripe_header_are_refused() -> None:
    header = stripe()["stripe-signature"]
    with pytest.raises(BadSignature):
        verify("stripe", {"stripe-signature": f"{header},t=1"})


def test_a_plain_hmac_may_be_base64_upper_case_or_prefixed() -> None:
    code = digest(BODY)
    for spelled in (base64.b64encode(code).decode(), code.hex().upper(), f"sha256={code.hex()}"):
        verify("hmac", {"x-signature": spelled})


def test_github_without_a_delivery_has_no_id() -> None:
    assert verify("github", {"x-hub-signature-256": github()["x-hub-signature-256"]}) is None


@every_scheme
@given(
    values=st.lists(st.text() | st.text(st.characters(max_codepoint=255)) | st.from_regex(r"t=\d+,v1=.*"), min_size=6),
    body=st.binary(),
)
def test_whatever_a_stranger_sends_is_a_bad_signature_and_nothing_else(
    scheme: str, values: list[str], body: bytes
) -> None:
    names = ["webhook-id", "webhook-timestamp", "webhook-signature", "stripe-signature", "x-signature"]
    headers = dict(zip([*names, "x-hub-signature-256"], values, strict=False))
    moment = str(int(NOW.timestamp()))
    for tried in (headers, headers | {"webhook-timestamp": moment, "webhook-id": "a"}):
        with pytest.raises(BadSignature):
            verify(scheme, tried, body)


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "hunter2", "whsec_hunter2!", "whsec_ü", "whsec_a", "whsec_aGk=!!", "WHSEC_aGk="]
)
def test_a_standard_secret_that_is_none_is_refused_without_repeating_it(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_") as caught:
        SCHEMES["standard"].read_secret(secret)
    assert "hunter2" not in str(caught.value)


@every_scheme
def test_an_empty_secret_is_refused(scheme: str) -> None:
    with pytest.raises(ValueError):
        SCHEMES[scheme].read_secret("")


def test_secrets_are_read_as_their_scheme_spells_them() -> None:
    assert SCHEMES["standard"].read_secret("whsec_aGk=") == b"hi"
    assert SCHEMES["stripe"].read_secret("whsec_aGk=") == b"whsec_aGk="
