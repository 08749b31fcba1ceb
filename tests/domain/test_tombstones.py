"""What a deleted job leaves behind, and for how long."""

from datetime import timedelta

import pytest

from domain.jobs import Job, Status
from domain.tombstones import KEPT, KEY_LIFETIME, bury
from tests.strategies import NOON, a_job

AN_HOUR = timedelta(hours=1)


def ended(**fields: object) -> Job:
    said = {"payload": '"secret"', "result": '"secret"', "metadata": {"a": "secret"}, "callback_url": "https://secret/"}
    return a_job(status=Status.COMPLETE, epoch=7, vendor_ref="secret", **{**said, **fields})


def test_nothing_that_anybody_said_survives() -> None:
    left = bury(ended(idempotency_key="k", fingerprint="f"), NOON)
    assert "secret" not in left.model_dump_json()
    assert (left.deleted, left.status, left.idempotency_key, left.fingerprint) == (True, Status.COMPLETE, "k", "f")


def test_it_is_a_transition_like_any_other() -> None:
    job = ended()
    left = bury(job, NOON + AN_HOUR)
    assert (left.epoch, left.updated_at) == (8, NOON + AN_HOUR)
    assert all(getattr(left, name) == getattr(job, name) for name in KEPT)


@pytest.mark.parametrize(
    ("expires", "now", "then"),
    [
        (NOON + timedelta(days=30), NOON, NOON + timedelta(days=30)),
        (NOON + AN_HOUR, NOON, NOON + KEY_LIFETIME),
        (NOON + timedelta(days=30), NOON + timedelta(days=29), NOON + timedelta(days=30)),
        (None, NOON, NOON + KEY_LIFETIME),
    ],
    ids=["as-its-job", "a-day-at-least", "late", "unbounded"],
)
def test_a_key_lives_as_long_as_its_job_would_have_and_a_day_at_least(
    expires: object, now: object, then: object
) -> None:
    assert bury(ended(idempotency_key="k", expire_at=expires), now).expire_at == then  # type: ignore[arg-type]


def test_without_a_key_there_is_nothing_to_keep() -> None:
    assert bury(ended(expire_at=NOON + timedelta(days=30)), NOON).expire_at == NOON
