"""Attacks on the gate with the real directory behind it: what is forged, over, of another kind, locked or narrowed."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest
from httpx import ASGITransport, AsyncClient

from api.ports import ApiPorts
from domain.accounts.api_keys import Scope
from domain.accounts.key_format import new_key
from domain.accounts.links import Purpose
from domain.accounts.ports import Access
from domain.callers import Role
from domain.infra.key_ring import KeyRing
from domain.infra.tokens import SignedTokens
from domain.request_ids import new_request_id
from tests.api.apps import app_of
from tests.api.samples import BODY
from tests.fakes import FakeJobs
from tests.signed_in import ISSUER, SECRET, TEN_MINUTES, SignedIn
from tests.strategies import NOON

OTHER_SECRET = "a secret of somebody else, 32 characters or more"


@pytest.fixture
async def ada() -> SignedIn:
    return SignedIn()


@pytest.fixture
async def http(ports: ApiPorts, ada: SignedIn) -> AsyncIterator[AsyncClient]:
    app = app_of(replace(ports, callers=ada.callers, anonymous_allowed=True))
    async with AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test") as client:  # type: ignore[arg-type]
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def signed(ada: SignedIn, secret: str = SECRET, issuer: str = ISSUER, **changes: Any) -> str:
    said: dict[str, Any] = {"user": ada.user.id, "session": ada.session.id, "role": Role.ADMIN}
    tokens = SignedTokens(KeyRing.of([secret]), issuer=issuer, clock=ada.clock.now)
    return tokens.access(Access(**{**said, "expires_at": NOON + TEN_MINUTES, **changes}))


def rewritten(token: str, head: dict[str, str] | None = None, **claims: Any) -> str:
    """Another head or other claims above the old signature."""
    parts = [json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]]
    new = [{**parts[0], **(head or {})}, {**parts[1], **claims}]
    spelled = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in new]
    return ".".join([*spelled, token.split(".")[2]])


def of_another_audience(ada: SignedIn) -> str:
    token = ada.token()
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode({**claims, "aud": "another"}, SECRET, "HS256", headers=jwt.get_unverified_header(token))


FORGED: dict[str, Callable[[SignedIn], str]] = {
    "signed by another key": lambda ada: signed(ada, OTHER_SECRET),
    "signed by another key, under the name of ours": lambda ada: jwt.encode(
        jwt.decode(ada.token(), options={"verify_signature": False}),
        OTHER_SECRET,
        "HS256",
        headers=jwt.get_unverified_header(ada.token()),
    ),
    "of another gateway": lambda ada: signed(ada, issuer="https://other.example"),
    "for another audience": of_another_audience,
    "over": lambda ada: signed(ada, expires_at=NOON),
    "an admin's by its own word": lambda ada: rewritten(ada.token(), role="admin"),
    "alg=none": lambda ada: rewritten(ada.token(), {"alg": "none"}),
    "alg=none, unsigned": lambda ada: rewritten(ada.token(), {"alg": "none"}).rpartition(".")[0] + ".",
    "unsigned": lambda ada: ada.token().rpartition(".")[0] + ".",
    "an ordinary JWT": lambda ada: rewritten(ada.token(), {"typ": "JWT"}),
    "a refresh token": lambda ada: ada.tokens.refresh(ada.session),
    "the token of a link": lambda ada: ada.tokens.link(new_request_id(), Purpose.RESET),
    "two tokens": lambda ada: f"{ada.token()} {ada.token()}",
    "the id of a key": lambda ada: f"gwk_{ada.key.id.hex}",
    "the digest of a key": lambda ada: ada.key.digest,
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
async def test_what_is_forged_is_a_401_and_costs_no_store(
    http: AsyncClient, ada: SignedIn, forge: Callable[[SignedIn], str]
) -> None:
    ada.take_away_the_stores()  # asked, they would make it a 503
    answer = await http.get("/jobs", headers=bearer(forge(ada)))
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
async def test_a_refusal_repeats_nothing_of_the_token(
    http: AsyncClient, ada: SignedIn, forge: Callable[[SignedIn], str]
) -> None:
    token = forge(ada)
    answer = await http.get("/jobs", headers=bearer(token))
    assert answer.status_code == 401
    assert token not in answer.text
    assert str(ada.user.id) not in answer.text


async def test_a_keys_id_with_another_secret_is_a_401(http: AsyncClient, ada: SignedIn) -> None:
    assert (await http.get("/jobs", headers=bearer(new_key(ada.key.id)[0]))).status_code == 401


async def test_two_headers_are_a_401_whichever_is_good(http: AsyncClient, ada: SignedIn) -> None:
    token = ada.token()
    for second in (token, "wrong"):
        headers = [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {second}")]
        assert (await http.get("/jobs", headers=headers)).status_code == 401


async def test_a_token_in_the_query_makes_nobody_known(http: AsyncClient, ada: SignedIn) -> None:
    for name in ("access_token", "token"):
        assert (await http.get("/users/me", params={name: ada.token()})).status_code == 401


async def test_a_session_and_a_key_of_one_user_own_the_same_jobs(
    http: AsyncClient, ada: SignedIn, jobs: FakeJobs
) -> None:
    submitted = await http.post("/jobs", json=BODY, headers=bearer(ada.token()))
    assert submitted.status_code == 202
    assert [job.client for job in jobs.stored.values()] == [ada.user.client]
    shown = await http.get(submitted.headers["location"], headers=bearer(ada.key_text))
    assert shown.status_code == 200


async def test_a_lock_holds_within_ten_seconds(http: AsyncClient, ada: SignedIn) -> None:
    token = ada.token()
    credentials = [bearer(token), bearer(ada.key_text)]
    assert [(await http.get("/jobs", headers=sent)).status_code for sent in credentials] == [200, 200]
    ada.change_user(locked_at=NOON)
    ada.clock.move(seconds=10)
    assert [(await http.get("/jobs", headers=sent)).status_code for sent in credentials] == [401, 401]


async def test_a_logout_holds_within_ten_seconds_for_its_session_alone(http: AsyncClient, ada: SignedIn) -> None:
    token = ada.token()
    assert (await http.get("/jobs", headers=bearer(token))).status_code == 200
    await ada.sign_out()
    ada.clock.move(seconds=10)
    assert (await http.get("/jobs", headers=bearer(token))).status_code == 401
    assert (await http.get("/jobs", headers=bearer(ada.key_text))).status_code == 200


async def test_a_revocation_holds_within_ten_seconds(http: AsyncClient, ada: SignedIn) -> None:
    assert (await http.get("/jobs", headers=bearer(ada.key_text))).status_code == 200
    ada.change_key(ada.key, revoked_at=NOON)
    ada.clock.move(seconds=10)
    assert (await http.get("/jobs", headers=bearer(ada.key_text))).status_code == 401


async def test_a_token_used_all_the_time_ends_with_its_time(http: AsyncClient, ada: SignedIn) -> None:
    token = ada.token(timedelta(seconds=25))
    statuses = []
    for _ in range(6):
        statuses.append((await http.get("/jobs", headers=bearer(token))).status_code)
        ada.clock.move(seconds=5)
    assert statuses == [200, 200, 200, 200, 200, 401]


async def test_while_the_stores_are_away_the_good_go_on_and_others_are_told_to_come_back(
    http: AsyncClient, ada: SignedIn
) -> None:
    known, unknown = ada.token(), ada.token(timedelta(minutes=5))
    assert (await http.post("/jobs", json=BODY, headers=bearer(known))).status_code == 202
    ada.take_away_the_stores()
    ada.clock.move(seconds=9)
    assert (await http.post("/jobs", json=BODY, headers=bearer(known))).status_code == 202
    answer = await http.post("/jobs", json=BODY, headers=bearer(unknown))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_a_narrowed_key_is_told_what_it_lacks(http: AsyncClient, ada: SignedIn, jobs: FakeJobs) -> None:
    _, reader = ada.add_key(scopes=frozenset({Scope.READ_JOBS}))
    assert (await http.get("/jobs", headers=bearer(reader))).status_code == 200
    answer = await http.post("/jobs", json=BODY, headers=bearer(reader))
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient-scope")
    assert "jobs:write" in answer.json()["detail"]
    assert not jobs.stored


async def test_a_key_without_any_scope_opens_nothing(http: AsyncClient, ada: SignedIn) -> None:
    _, shut = ada.add_key(scopes=frozenset())
    for path in ("/jobs", "/vendors"):
        assert (await http.get(path, headers=bearer(shut))).status_code == 403


async def test_the_operator_passes_as_ever(http: AsyncClient, ada: SignedIn) -> None:
    asked = {"vendor": "sync", "status": "failed", "dry_run": True}
    assert (await http.post("/jobs/replay", json=asked, headers=bearer("gwk_operator"))).status_code == 200
    assert (await http.post("/jobs/replay", json=asked, headers=bearer(ada.key_text))).status_code == 403
