"""The words of images: what their job says of them, and the names that they go by."""

import pytest

from domain.commerce.images import digest_of, image_job, is_picture_name, original_name, picture_name
from domain.errors import Invalid
from domain.request_ids import new_request_id
from domain.submissions import read_submission
from tests.strategies import NOON

DIGEST = "ab" * 32


def test_a_job_is_known_by_its_digest_alone() -> None:
    product = new_request_id()
    first, second = (image_job(product, DIGEST, NOON) for _ in range(2))
    assert first.id != second.id
    assert (first.client, first.idempotency_key) == (second.client, second.idempotency_key)
    assert first.fingerprint == second.fingerprint
    assert image_job(product, "cd" * 32, NOON).idempotency_key != first.idempotency_key


def test_the_job_after_another_is_known_by_both() -> None:
    product = new_request_id()
    first = image_job(product, DIGEST, NOON)
    second, again = (image_job(product, DIGEST, NOON, after=first.id) for _ in range(2))
    assert (second.idempotency_key, second.fingerprint) == (again.idempotency_key, again.fingerprint)
    assert (
        len(
            {
                first.idempotency_key,
                second.idempotency_key,
                image_job(product, DIGEST, NOON, after=second.id).idempotency_key,
            }
        )
        == 3
    )
    assert second.payload == first.payload


def test_a_digest_is_of_the_product_and_the_bytes() -> None:
    product = new_request_id()
    assert digest_of(product, b"x") == digest_of(product, b"x")
    assert len({digest_of(product, b"x"), digest_of(product, b"y"), digest_of(new_request_id(), b"x")}) == 3


def test_no_original_goes_by_a_pictures_name() -> None:
    assert is_picture_name(picture_name(b"x"))
    assert not is_picture_name(original_name(DIGEST))


@pytest.mark.parametrize(
    "name", ["", ".webp", f"{DIGEST}.webp\n", f" {DIGEST}.webp", f"../{DIGEST}.webp", f"{DIGEST}.png"]
)
def test_what_is_no_pictures_name_is_none(name: str) -> None:
    assert not is_picture_name(name)


def test_no_client_can_submit_one() -> None:
    """The vendor is not among those that the API is told of: tables alone are, and none may take its name."""
    with pytest.raises(Invalid, match="names no vendor"):
        read_submission(b'{"vendorType": "media", "vendorPayload": {}}', now=NOON, vendors={"sync"})
