"""The API on fakes, and a client of it: `client` is the client `acme`, `stranger` brings no credentials."""

from collections.abc import AsyncIterator, Callable

import pytest
from httpx import ASGITransport, AsyncClient
from litestar.types import ASGIApp

from api.ports import AccountPorts, ApiPorts
from domain.callers import Caller, Role
from domain.vendors import VendorPolicy
from tests.api.aliases_sent import OldClient, Stage
from tests.api.apps import app_of
from tests.api.people import People
from tests.fake_control import FakeControl
from tests.fakes import FakeCallers, FakeExposition, FakeHealthCheck, FakeJobs, FakeVendorControls, FakeVendorStates
from tests.fakes_accounts import (
    fake_accounts,
)
from tests.fakes_commerce import fake_commerce
from tests.fakes_configurations import FakeConfigurations
from tests.fakes_notices import fake_notices, fake_short_links
from tests.fakes_orders import fake_orders
from tests.fakes_payment_ports import FakeJobsOfPayments, fake_payments

CALLERS = FakeCallers(
    acme=Caller("acme", Role.USER), globex=Caller("globex", Role.SERVICE), root=Caller("root", Role.ADMIN)
)


@pytest.fixture
def jobs() -> FakeJobs:
    return FakeJobs()


@pytest.fixture
def checks() -> tuple[FakeHealthCheck, ...]:
    return FakeHealthCheck("db"), FakeHealthCheck("redis")


@pytest.fixture
def vendor_states() -> FakeVendorStates:
    return FakeVendorStates()


@pytest.fixture
def vendor_controls() -> FakeVendorControls:
    tables = {"sync": VendorPolicy(limit="50/second", cost=2, concurrency=100), "payments": VendorPolicy(attempts=100)}
    return FakeVendorControls(**tables)


@pytest.fixture
def accounts() -> AccountPorts:
    """Nobody's: tests of accounts have a world of their own."""
    return fake_accounts()


@pytest.fixture
def ports(
    jobs: FakeJobs,
    vendor_states: FakeVendorStates,
    vendor_controls: FakeVendorControls,
    checks: tuple[FakeHealthCheck, ...],
    accounts: AccountPorts,
) -> ApiPorts:
    return ApiPorts(
        intake=jobs,
        jobs=jobs,
        control=FakeControl(jobs),
        vendors=frozenset({"sync", "acme"}),
        vendor_states=vendor_states,
        vendor_controls=vendor_controls,
        callers=CALLERS,
        anonymous_allowed=False,
        cursor_secret=b"s" * 32,
        health=checks,
        accounts=accounts,
        commerce=fake_commerce(),
        orders=fake_orders(),
        notices=fake_notices(),
        short_links=fake_short_links(),
        payments=fake_payments(jobs=FakeJobsOfPayments(jobs)),
        configurations=FakeConfigurations(),
        exposition=FakeExposition(),
    )


@pytest.fixture
def app(ports: ApiPorts) -> ASGIApp:
    return app_of(ports)


@pytest.fixture
def client_of(app: ASGIApp) -> Callable[[str | None], AsyncClient]:
    def open_client(token: str | None) -> AsyncClient:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return AsyncClient(transport=ASGITransport(app), base_url="http://gateway.test", headers=headers)  # type: ignore[arg-type]

    return open_client


@pytest.fixture
async def client(client_of: Callable[[str | None], AsyncClient]) -> AsyncIterator[AsyncClient]:
    async with client_of("acme") as client:
        yield client


@pytest.fixture
async def stranger(client_of: Callable[[str | None], AsyncClient]) -> AsyncIterator[AsyncClient]:
    async with client_of(None) as client:
        yield client


@pytest.fixture
def people() -> People:
    return People()


@pytest.fixture
async def alice(people: People) -> AsyncIterator[AsyncClient]:
    async with people.client("alice") as client:
        yield client


@pytest.fixture
async def root(people: People) -> AsyncIterator[AsyncClient]:
    async with people.client("root") as client:
        yield client


@pytest.fixture(scope="module")
def stage() -> Stage:
    """An app for the earlier clients' paths, and its world: one for a module, since it takes long to build."""
    return Stage()


@pytest.fixture
async def jane(stage: Stage) -> AsyncIterator[OldClient]:
    async with stage.client() as client:
        yield client
