"""
`make load`: run the load against the gateway that is there, or against one started for it.

A gateway that answers at `--host` is used. Otherwise `gateway up` is started on a free port
with a home of its own, and stopped and forgotten afterwards. Standard library only. The exit
code is locust's: 0 if every accepted job ended once.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from loadtest.own_gateway import ROOT, VENDORS_URL, answers, own_gateway, vendors_url

_LOCUSTFILE = Path(__file__).with_name("locustfile.py")


def main() -> int:
    wishes = _read_arguments()
    if answers(wishes.host):
        print(f"using the gateway at {wishes.host}", flush=True)
        return _run_locust(wishes, wishes.host, vendors_url(Path(os.environ.get("GATEWAY_HOME", ".gateway"))))
    with tempfile.TemporaryDirectory(prefix="gateway-load-") as home, own_gateway(Path(home)) as host:
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
    env = {**os.environ, VENDORS_URL: vendors}
    return subprocess.run(command, env=env, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
