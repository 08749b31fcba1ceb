"""
`make load`: run the load against the gateway that is there, or against one started for it.

A gateway that answers at `--host` is used. Otherwise `gateway up` is started on a free port
with a home of its own, and stopped and forgotten afterwards. Standard library only. The exit
code is locust's: 0 if every accepted job ended once.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

_LOCUSTFILE = Path(__file__).with_name("locustfile.py")
_ROOT = Path(__file__).parent.parent
_START_SECONDS = 120.0  # the first start unpacks the embedded servers
_STOP_SECONDS = 40.0  # above the workers' drain
_VENDORS_URL = "GATEWAY_DEMO_VENDORS_URL"


def main() -> int:
    wishes = _read_arguments()
    if answers(wishes.host):
        print(f"using the gateway at {wishes.host}", flush=True)
        return _run_locust(wishes, wishes.host, vendors_url(Path(os.environ.get("GATEWAY_HOME", ".gateway"))))
    with tempfile.TemporaryDirectory(prefix="gateway-load-") as home, _gateway(Path(home)) as host:
        return _run_locust(wishes, host, vendors_url(Path(home)))


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtest.run_load", description=__doc__)
    parser.add_argument("--locust", type=Path, default=Path(".venv-load/bin/locust"))
    parser.add_argument("--host", default=os.environ.get("GATEWAY_PUBLIC_URL", "http://127.0.0.1:8000"))
    parser.add_argument("--users", default=os.environ.get("LOAD_USERS", "200"))
    parser.add_argument("--spawn-rate", default=os.environ.get("LOAD_SPAWN_RATE", "50"))
    parser.add_argument("--duration", default=os.environ.get("LOAD_DURATION", "60s"))
    return parser.parse_args()


def _run_locust(wishes: argparse.Namespace, host: str, vendors: str) -> int:
    options = ["--headless", "-u", wishes.users, "-r", wishes.spawn_rate, "-t", wishes.duration, "--only-summary"]
    command = [str(wishes.locust.absolute()), "-f", str(_LOCUSTFILE), *options, "--host", host]
    env = {**os.environ, _VENDORS_URL: vendors}
    return subprocess.run(command, env=env, cwd=_ROOT, check=False).returncode  # noqa: S603 - our own words


@contextmanager
def _gateway(home: Path) -> Iterator[str]:
    """A gateway of our own, which is ready; its output is shown only when it does not come up."""
    port = _free_port()
    host = f"http://127.0.0.1:{port}"
    env = {**os.environ, "GATEWAY_HOME": str(home), "GATEWAY_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
    env.pop("GATEWAY_PUBLIC_URL", None)
    log = home / "load.log"
    print(f"no gateway answers: starting one at {host}", flush=True)
    command = [str(Path(sys.executable).with_name("gateway")), "up"]
    with log.open("wb") as output:
        # A process group of its own: Ctrl-C here is for locust first, and the gateway is stopped after it.
        up = subprocess.Popen(  # noqa: S603 - our own words
            command, env=env, cwd=_ROOT, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _wait_until_ready(host, up, log)
        yield host
    finally:
        _stop(up)


def _wait_until_ready(host: str, up: subprocess.Popen[bytes], log: Path) -> None:
    give_up_at = time.monotonic() + _START_SECONDS
    while not answers(host):
        if up.poll() is not None or time.monotonic() > give_up_at:
            tail = log.read_text(errors="replace").splitlines()[-20:]
            raise SystemExit("\n".join([f"the gateway did not come up ({_START_SECONDS:.0f} s); it said:", *tail]))
        time.sleep(0.2)


def _stop(up: subprocess.Popen[bytes]) -> None:
    up.send_signal(signal.SIGTERM)
    try:
        up.wait(_STOP_SECONDS)
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
    told = (os.environ if environment is None else environment).get(_VENDORS_URL)
    if told:
        return told
    servers = home / "servers.env"
    lines = servers.read_text().splitlines() if servers.exists() else []
    found = [line.removeprefix(f"{_VENDORS_URL}=") for line in lines if line.startswith(f"{_VENDORS_URL}=")]
    return found[-1].strip() if found else ""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
