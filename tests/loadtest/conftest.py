"""The simulated vendors on a free port of this process."""

import socket
import threading
from collections.abc import Iterator

import pytest

from loadtest.vendors.app import build_server
from tests.loadtest.client import Vendors


@pytest.fixture(scope="session")
def running_vendors() -> Iterator[Vendors]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = build_server()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield Vendors(listener.getsockname()[1])
    server.should_exit = True
    thread.join(timeout=5)
    assert not thread.is_alive()


@pytest.fixture
def vendors(running_vendors: Vendors) -> Vendors:
    """The running vendors, well again and with nothing on record."""
    running_vendors.tell()
    running_vendors.ask("PUT", "/control/sync/idempotency", b'{"honoured": true}')
    running_vendors.ask("DELETE", "/control/calls")
    return running_vendors
