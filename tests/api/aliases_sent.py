"""What the earlier clients send, for each row of health and accounts, beside the same as our own routes are sent it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from httpx import ASGITransport, AsyncClient, Response

from api.aliases import ACCOUNT_ALIASES, HEALTH_ALIASES
from domain.accounts.mails import Template
from tests.api.people import People
from tests.auth_world import EMAIL, OTHER_PASSWORD, PASSWORD, AuthWorld

NEW = "new.one@example.com"
REFRESH = "the refresh token"  # of the sign-in; the tests put it in here

Body = dict[str, Any] | None

V1, PAYMENTS = "/api/v1/auth", "/api/auth"
LOGIN = {"email": EMAIL, "password": PASSWORD}
REGISTRATION = {"username": "new.one", "email": NEW, "password": PASSWORD}
NAMED = {"name": "New One", "email": NEW, "password": PASSWORD}
IN_PARTS = {"firstName": "New", "lastName": "One", "email": NEW, "password": PASSWORD, "confirmPassword": PASSWORD}
CHANGE = {"old_password": PASSWORD, "new_password": OTHER_PASSWORD}
THEIRS, OURS = {"refreshToken": REFRESH}, {"refresh_token": REFRESH}


@dataclass(frozen=True, slots=True)
class Sent:
    """`body` is the client's, `ours` what means the same to our route."""

    method: str
    old: str
    body: Body = None
    ours: Body = None

    def __str__(self) -> str:
        return f"{self.method} {self.old} {' '.join(self.body or ())}".strip()


def as_ours(method: str, old: str, body: Body) -> Sent:
    return Sent(method, old, body, body)


SENT = (
    Sent("GET", "/api/v1/health"),
    Sent("GET", "/api/v1/health/live"),
    Sent("GET", "/api/v1/health/ready"),
    Sent("GET", "/api/v1/health/{part}"),
    as_ours("POST", f"{V1}/register", REGISTRATION),
    Sent("POST", f"{V1}/register", IN_PARTS, NAMED),
    Sent("PUT", f"{V1}/confirmation/{{token}}"),
    as_ours("POST", f"{V1}/login", LOGIN),
    as_ours("POST", f"{V1}/login", {"username": "jane.doe", "password": PASSWORD}),
    Sent("POST", f"{V1}/refresh-token", THEIRS, OURS),
    as_ours("POST", f"{V1}/refresh-token", OURS),
    Sent("PUT", f"{V1}/logout"),
    Sent("POST", f"{V1}/logout", THEIRS, OURS),
    as_ours("PUT", f"{V1}/forgot-password", {"email": EMAIL}),
    Sent(
        "PUT",
        f"{V1}/reset-password/{{token}}",
        {"password": OTHER_PASSWORD, "confirmPassword": OTHER_PASSWORD},
        {"password": OTHER_PASSWORD},
    ),
    Sent("PUT", f"{V1}/change-password", {"oldPassword": PASSWORD, "newPassword": OTHER_PASSWORD}, CHANGE),
    Sent("PUT", f"{V1}/change-password", {"currentPassword": PASSWORD, "password": OTHER_PASSWORD}, CHANGE),
    Sent(
        "PUT",
        f"{V1}/change-password",
        {"currentPassword": PASSWORD, "newPassword": OTHER_PASSWORD, "confirmPassword": OTHER_PASSWORD},
        CHANGE,
    ),
    as_ours("POST", f"{PAYMENTS}/register", REGISTRATION),
    as_ours("POST", f"{PAYMENTS}/register", NAMED),
    as_ours("POST", f"{PAYMENTS}/login", LOGIN),
    Sent("POST", f"{PAYMENTS}/refresh", THEIRS, OURS),
    Sent("POST", f"{PAYMENTS}/refresh-token", THEIRS, OURS),
    Sent("POST", f"{PAYMENTS}/logout"),
    Sent("GET", f"{PAYMENTS}/profile"),
    Sent("GET", f"{PAYMENTS}/me"),
    as_ours("POST", "/api/user", NAMED),
    as_ours("POST", "/api/user", REGISTRATION),
    Sent("GET", "/api/user"),
    as_ours("POST", "/api/login", LOGIN),
)
OF_PEOPLE = (*HEALTH_ALIASES, *ACCOUNT_ALIASES)
ROWS = {(row.method, row.old): row for row in OF_PEOPLE}


class OldClient:
    """
    A browser of Jane's, who is signed in and forgot her password; another one has registered meanwhile.

    The tokens of the mails and of the sign-in go where a path or a body has a place for one.
    """

    def __init__(self, world: AuthWorld, browser: AsyncClient) -> None:
        self.world = world
        self.browser = browser
        self._bearer: dict[str, str] = {}
        self._refresh = ""

    async def arrive(self) -> None:
        self.world.add_user(username="jane.doe", username_key="jane.doe")
        tokens = (await self.browser.post("/auth/login?cookie=false", json=LOGIN)).json()
        self._bearer, self._refresh = {"Authorization": f"Bearer {tokens['token']}"}, tokens["refresh_token"]
        await self.browser.post("/auth/register", json={"email": "third@example.com", "password": PASSWORD})
        await self.browser.put("/auth/forgot-password", json={"email": EMAIL})
        self.world.audit.entries.clear()

    async def send(self, method: str, template: str, body: Any = None, **also: Any) -> Response:
        headers = {**self._bearer, **also.pop("headers", {})}
        filled = {name: self._refresh if value is REFRESH else value for name, value in (body or {}).items()}
        content: dict[str, Any] = {"json": filled} if body is not None else {}
        return await self.browser.request(method, self.path(template), headers=headers, **content, **also)

    def path(self, template: str) -> str:
        if "{token}" not in template:
            return template.format(part="db")
        wanted = Template.CONFIRM if "confirmation" in template else Template.RESET
        token = next(self.world.token_of(mail) for mail in self.world.post.mails if mail.template is wanted)
        return template.format(token=token)


class Stage:
    """An app for many tests, put back as it was for each: to build one takes longer than most of them do."""

    def __init__(self, **parts: Any) -> None:
        self.world = AuthWorld()
        self._app: Any = self.world.app(replace(People().ports(), **parts))

    @asynccontextmanager
    async def client(self) -> AsyncIterator[OldClient]:
        self._restore()
        transport = ASGITransport(self._app)
        async with AsyncClient(transport=transport, base_url="https://gateway.test") as browser:
            client = OldClient(self.world, browser)
            await client.arrive()
            yield client

    def _restore(self) -> None:
        world = self.world
        world.users.stored, world.sessions.stored, world.links.stored = {}, {}, {}
        for kept in (world.audit.entries, world.post.by_key, world.limit.accounts, world.limit.addresses):
            kept.clear()
