"""
A whole gateway to be attacked over HTTP: two processes of its API, its stores, and people who signed up to it.

The first process is that of `gateway up`, reached directly. The second is a `gateway api` in production, behind one
proxy whose word counts. Both are known to the world as `PUBLIC`. Whoever calls has an address of their own out of
127.0.0.0/8, so that nobody's failures count against somebody else.
"""

import itertools
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import httpx

from cli.embedded import free_port
from tests.system.client import PATIENCE_SECONDS, until
from tests.system.running import GATEWAY, STOP_SECONDS, Gateway, wait_until

PUBLIC = "https://gateway.example"
PASSWORD = "four unrelated words here"
NEW_PASSWORD = "and quite another four"
CONFIRM, RESET = "Confirm your address", "Choose a new password"  # the subjects of the mails
FRESH_SECONDS = 300.0  # half of what an access token lasts
SETTINGS = {"public_url": PUBLIC, "workers": 1, "demo_vendors": 0}

_CALL = re.compile(r"PUT /auth/(?:confirmation|reset-password)/(\S+)")
_BOOTSTRAP = re.compile(r"bootstrap key +(gwk_\S+)")

Json = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """Somebody who signed up and in. Their access token comes with every call of `Besieged.client(as_=…)`."""

    email: str
    username: str
    id: str = ""
    access: str = ""
    refresh: str = ""
    password: str = PASSWORD
    signed_in_at: float = 0.0  # by the clock that never steps

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access}"}


@dataclass
class Besieged:
    gateway: Gateway
    second: str
    people: dict[str, Person] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)  # whatever no log may hold
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def first(self) -> str:
        return self.gateway.url

    @property
    def admin(self) -> dict[str, str]:
        """The operator's."""
        found = _BOOTSTRAP.search(self.gateway.said())
        assert found, self.gateway.said()
        self.secrets.add(found[1])
        return {"Authorization": f"Bearer {found[1]}"}

    @property
    def signing_secret(self) -> str:
        return (self.gateway.home / "jwt.secret").read_text()

    def new_address(self) -> str:
        number = 10_000 + next(self.numbers)
        return f"127.{number >> 16}.{number >> 8 & 255}.{number & 255}"

    def client(
        self, *, at: str | None = None, address: str | None = None, as_: Person | None = None
    ) -> httpx.AsyncClient:
        """Somebody at an address of their own, or at this one; signed in, or nobody."""
        transport = httpx.AsyncHTTPTransport(local_address=address or self.new_address())
        return httpx.AsyncClient(
            transport=transport,
            base_url=at or self.first,
            timeout=PATIENCE_SECONDS,
            headers=as_.bearer if as_ else None,
        )

    async def person(self, name: str) -> Person:
        """Somebody of this name, the same whenever asked: nobody may do them any harm that lasts."""
        if name not in self.people:
            self.people[name] = await self.sign_up(name)
        elif time.monotonic() - self.people[name].signed_in_at > FRESH_SECONDS:
            async with self.client() as http:
                self.people[name] = await self.sign_in(http, self.people[name])
        return self.people[name]

    async def sign_up(self, name: str) -> Person:
        """Register, follow the mailed link, sign in. A name is good once."""
        person = Person(f"{name}@example.com", name)
        async with self.client() as http:
            wanted = {"email": person.email, "username": person.username, "password": person.password}
            (await http.post("/auth/register", json=wanted)).raise_for_status()
            token = await self.token_mailed(person.email, CONFIRM)
            (await http.put(f"/auth/confirmation/{token}")).raise_for_status()
            person = await self.sign_in(http, person)
            me = await http.get("/users/me", headers=person.bearer)
        return replace(person, id=me.json()["id"])

    async def sign_in(self, http: httpx.AsyncClient, person: Person) -> Person:
        """With a new session, whose tokens are theirs from now on."""
        shown = {"email": person.email, "password": person.password}
        answer = await http.post("/auth/login", params={"cookie": "false"}, json=shown)
        assert answer.status_code == 200, answer.text
        tokens = answer.json()
        self.secrets |= {person.password, tokens["token"], tokens["refresh_token"]}
        return replace(person, access=tokens["token"], refresh=tokens["refresh_token"], signed_in_at=time.monotonic())

    async def token_mailed(self, email: str, subject: str) -> str:
        found = _CALL.search(text_of(await self.mail_to(email, subject)))
        assert found
        self.secrets.add(found[1])
        return found[1]

    async def mail_to(self, email: str, subject: str) -> EmailMessage:
        """The newest of this subject, once there is one."""

        async def look() -> EmailMessage | None:
            wanted = (mail for mail in self.mails() if (mail["To"], mail["Subject"]) == (email, subject))
            return next(wanted, None)

        found = await until(look)
        assert found
        return found

    def mails(self) -> Iterator[EmailMessage]:
        """As they would have left, the newest first."""
        for file in sorted((self.gateway.home / "mail").glob("*.eml"), reverse=True):
            yield message_from_bytes(file.read_bytes(), EmailMessage, policy=default)

    async def acts(self, **asked: str) -> list[Json]:
        """What the record says, newest first."""
        async with self.client() as http:
            answer = await http.get("/audit", params={"limit": "100", **asked}, headers=self.admin)
        return list(answer.raise_for_status().json()["items"])

    async def recorded(self, enough: Callable[[list[Json]], object], **asked: str) -> list[Json]:
        """The same, once it says enough: some of it is written behind the answer's back."""

        async def look() -> list[Json] | None:
            found = await self.acts(**asked)
            return found if enough(found) else None

        return await until(look) or []

    async def document(self) -> Json:
        """The OpenAPI document as it is served."""
        async with self.client() as http:
            return dict((await http.get("/openapi.json")).raise_for_status().json())


@contextmanager
def besieged(home: Path) -> Iterator[Besieged]:
    gateway = Gateway(home, SETTINGS)
    try:
        gateway.start()
        with _second_process(gateway) as url:
            yield Besieged(gateway, url)
    finally:
        gateway.end()


@contextmanager
def _second_process(gateway: Gateway) -> Iterator[str]:
    """Another process of the API beside the same stores, on a port of its own."""
    port = free_port()
    addresses = {name: gateway.address(name) for name in ("GATEWAY_MONGO_URL", "GATEWAY_REDIS_URL")}
    ours = {"GATEWAY_PORT": str(port), "GATEWAY_TRUSTED_HOPS": "1"}
    environment = {**gateway.environment(), **addresses, **ours}
    with (gateway.home / "second.log").open("wb") as log:
        process = subprocess.Popen([GATEWAY, "api"], env=environment, cwd=gateway.home, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _is_ready(url), PATIENCE_SECONDS)
        yield url
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(STOP_SECONDS)


def _is_ready(url: str) -> bool:
    try:
        with urlopen(f"{url}/health/ready", timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def statuses(answers: list[httpx.Response]) -> list[int]:
    return sorted(answer.status_code for answer in answers)
