"""
A worker as `gateway worker` runs it, with two vendors more: `poisonous`, whose adapter kills the process that it runs
in where a job's payload is "kill", and `mild`, which never does. A number as payload is how many seconds a call takes.

The child that it starts for suspects is this program too.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from datetime import timedelta

import click

from cli import worker
from cli.settings import load_settings
from domain.outcomes import Done, Outcome
from domain.vendors import Call, VendorPolicy
from vendors.http import VendorHttp
from vendors.registry import ADAPTERS


class Mild:
    policy = VendorPolicy(repeatable=True, timeout=timedelta(seconds=10))

    def __init__(self, name: str = "mild") -> None:
        self.name = name

    async def call(self, call: Call) -> Outcome:
        await asyncio.sleep(json.loads(call.payload))
        return Done("null", 200)


class Poisonous(Mild):
    async def call(self, call: Call) -> Outcome:
        if call.payload == '"kill"':
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().call(call)


def mild(_http: VendorHttp, _environment: Mapping[str, str]) -> Mild:
    return Mild()


def poisonous(_http: VendorHttp, _environment: Mapping[str, str]) -> Poisonous:
    return Poisonous("poisonous")


@click.command()
@click.option("--name")
@click.option("--apart", is_flag=True)
def main(name: str | None, apart: bool) -> None:
    command = (sys.executable, "-m", "tests.system.poisoned_worker", "--apart")
    adapters = {**ADAPTERS, "mild": mild, "poisonous": poisonous}
    worker.run(load_settings(), worker.Kind(None, name, apart, adapters, command))


if __name__ == "__main__":
    main()
