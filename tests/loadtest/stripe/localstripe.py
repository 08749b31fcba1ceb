"""localstripe, somebody else's Stripe (GPL: a process of its own, of which nothing is imported), where there is one."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.loadtest.client import Vendors
from tests.loadtest.stripe.api import Api

COMMAND = os.environ.get("GATEWAY_LOCALSTRIPE", "")
ABSENT = "GATEWAY_LOCALSTRIPE does not name the command of localstripe"


@contextmanager
def localstripe_running() -> Iterator[Api]:
    """It listens on every address of the machine, as it has no way not to."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [COMMAND, "--port", str(port), "--from-scratch"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    api = Api(Vendors(port), base="/v1")
    try:
        while not _answers(api):
            assert process.poll() is None, "localstripe ended"
            time.sleep(0.05)
        yield api
    finally:
        process.terminate()
        process.wait(timeout=10)


def _answers(api: Api) -> bool:
    try:
        return api.get("customers").status == 200
    except ConnectionError:
        return False
