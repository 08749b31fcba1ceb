"""The simulated vendors on a free port of this process."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from loadtest.vendors.app import build_server
from tests.loadtest.client import Vendors

SECRET = "whsec_dGhlIHNlY3JldCBvZiB0aGVzZSB0ZXN0cw=="


@contextmanager
def vendors_running() -> Iterator[Vendors]:
    """A server in a thread; it must end when it is told to."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = build_server("127.0.0.1", 0, SECRET)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield Vendors(listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(timeout=5)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def running_vendors() -> Iterator[Vendors]:
    with vendors_running() as vendors:
        yield vendors


@pytest.fixture
def own_vendors() -> Iterator[tuple[Vendors, Callable[[], None]]]:
    """Vendors that nobody else uses, and what stops them."""
    with ExitStack() as stack:
        vendors = stack.enter_context(vendors_running())
        yield vendors, stack.close


@pytest.fixture
def vendors(running_vendors: Vendors) -> Vendors:
    """The running vendors, well again and with nothing on record."""
    for name in ("sync", "async"):
        running_vendors.tell(vendor=name)
        running_vendors.ask("PUT", f"/control/{name}/idempotency", b'{"honoured": true}')
    running_vendors.ask("PUT", "/control/webhooks/secret", json.dumps({"secret": SECRET}).encode())
    running_vendors.ask("DELETE", "/control/calls")
    running_vendors.ask("DELETE", "/control/webhooks")
    return running_vendors
