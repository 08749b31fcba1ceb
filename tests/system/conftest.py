"""
Fixtures: running gateways for each test process, in peace, to be hurt and to be attacked, and clients of them.

They are of the package, and not of the session: one that idles beside the tests of the rest takes 4 % of a core.
"""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.system.besieged import Besieged, besieged
from tests.system.client import Jobs, VendorControl, client_of, until
from tests.system.running import Gateway, runs


@pytest.fixture(scope="package")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that nothing happens to: a test sees what its own jobs make of it."""
    yield from running(Gateway(tmp_path_factory.mktemp("gateway")))


@pytest.fixture(scope="package")
def hurt_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose processes are killed and frozen; what it is told to mend it must have mended by the next test."""
    yield from running(Gateway(tmp_path_factory.mktemp("hurt")))


@pytest.fixture(scope="package")
def fortress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    """A gateway that strangers attack over HTTP."""
    with besieged(tmp_path_factory.mktemp("fortress")) as world:
        yield world


@pytest.fixture
async def victim(hurt_gateway: Gateway) -> Gateway:
    """The gateway to be hurt, well again: all of its processes run, and it says that it is ready."""
    async with client_of(hurt_gateway.url) as http:

        async def well() -> bool:
            try:
                ready = (await http.get("/health/ready")).status_code == 200
            except httpx.TransportError:
                return False
            return ready and all(runs(pid) for pid in hurt_gateway.pids().values())

        await until(well)
    return hurt_gateway


@pytest.fixture
async def jobs(gateway: Gateway) -> AsyncIterator[Jobs]:
    async with client_of(gateway.url) as http:
        yield Jobs(http)


@pytest.fixture
async def vendor(gateway: Gateway) -> AsyncIterator[VendorControl]:
    async with client_of(gateway.address("GATEWAY_DEMO_VENDORS_URL")) as http:
        yield VendorControl(http)


@pytest.fixture
async def victims_jobs(victim: Gateway) -> AsyncIterator[Jobs]:
    async with client_of(victim.url) as http:
        yield Jobs(http)


@pytest.fixture
async def victims_vendor(victim: Gateway) -> AsyncIterator[VendorControl]:
    async with client_of(victim.address("GATEWAY_DEMO_VENDORS_URL")) as http:
        yield VendorControl(http)


def running(gateway: Gateway) -> Iterator[Gateway]:
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.end()
