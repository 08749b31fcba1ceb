"""A gateway for one measurement: `gateway up` on free ports, in a home of the caller's. Standard library only."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

ROOT = Path(__file__).parent.parent
VENDORS_URL = "GATEWAY_DEMO_VENDORS_URL"
START_SECONDS = 120.0  # the first start unpacks the embedded servers
STOP_SECONDS = 90.0  # above what `gateway up` allows its processes in turn


@contextmanager
def own_gateway(home: Path, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """A gateway of our own, which is ready; its output is shown only when it does not come up."""
    port = free_port()
    host = f"http://127.0.0.1:{port}"
    env = {**os.environ, "GATEWAY_HOME": str(home), "GATEWAY_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
    env.update(settings or {})
    env.pop("GATEWAY_PUBLIC_URL", None)
    log = home / "load.log"
    print(f"starting a gateway at {host}", flush=True)
    command = [str(Path(sys.executable).with_name("gateway")), "up"]
    with log.open("wb") as output:
        # A process group of its own: Ctrl-C here is for locust first, and the gateway is stopped after it.
        up = subprocess.Popen(command, env=env, cwd=ROOT, stdout=output, stderr=output, start_new_session=True)
    try:
        _wait_until_ready(host, up, log)
        yield host
    finally:
        _stop(up)


def _wait_until_ready(host: str, up: subprocess.Popen[bytes], log: Path) -> None:
    give_up_at = time.monotonic() + START_SECONDS
    while not answers(host):
        if up.poll() is not None or time.monotonic() > give_up_at:
            tail = log.read_text(errors="replace").splitlines()[-20:]
            raise SystemExit("\n".join([f"the gateway did not come up ({START_SECONDS:.0f} s); it said:", *tail]))
        time.sleep(0.2)


def _stop(up: subprocess.Popen[bytes]) -> None:
    up.send_signal(signal.SIGTERM)
    try:
        up.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(up.pid, signal.SIGKILL)
        up.wait()


def answers(host: str) -> bool:
    """Whether a gateway there says that it and its servers are ready."""
    try:
        with urlopen(f"{host}/health/ready", timeout=3) as reply:  # noqa: S310 - the operator's own address
            return bool(reply.status == 200)
    except (OSError, HTTPError):
        return False


def vendors_url(home: Path, environment: Mapping[str, str] | None = None) -> str:
    """Where the simulated vendors listen: as the environment says, or the home of a running gateway; "" unknown."""
    told = (os.environ if environment is None else environment).get(VENDORS_URL)
    if told:
        return told
    servers = home / "servers.env"
    lines = servers.read_text().splitlines() if servers.exists() else []
    found = [line.removeprefix(f"{VENDORS_URL}=") for line in lines if line.startswith(f"{VENDORS_URL}=")]
    return found[-1].strip() if found else ""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
