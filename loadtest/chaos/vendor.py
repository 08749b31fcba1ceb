"""
The vendors of a chaos run: `python -m loadtest.chaos.vendor --port P --journal FILE --seed S`.

The secret is GATEWAY_DEMO_WEBHOOK_SECRET and webhooks go to GATEWAY_PUBLIC_URL, unless flags say otherwise. Each
vendor is under `/<name>` of the one port (`loadtest.chaos.tables` lists them). Whoever runs the chaos tells them by

    PUT /control/outage  {"seconds": 5, "vendor": null, "refuse": false}   of all, or of one
    PUT /control/calm                                                      no faults any more
    PUT /control/wild                                                      faults again
    GET /control/unsaid                                                    how many jobs are still to be told of

With `refuse` nobody listens meanwhile, the control routes included. The process may be killed at any time: started
again with the same journal, it knows what it has done, and goes on telling.
"""

import argparse
import asyncio
import os
import time
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from uvicorn.server import ServerState

from loadtest.chaos.arrivals import ArrivalProtocol, TimedExchange
from loadtest.chaos.journal import Journal, read_journal
from loadtest.chaos.records import Mode
from loadtest.chaos.tables import VENDORS
from loadtest.chaos.vendor_desk import Desk
from loadtest.chaos.vendor_effects import Effects
from loadtest.chaos.vendor_faults import Faults
from loadtest.chaos.vendor_webhooks import Herald
from loadtest.vendors.signing import Signer
from loadtest.vendors.wire import Receive, Reply, Scope, Send

_NOT_FOUND = Reply(b'{"error":"no such vendor"}', 404)
_DONE = Reply(b"", 204)


class Outage(msgspec.Struct, forbid_unknown_fields=True):
    seconds: float
    vendor: str | None = None
    refuse: bool = False


class ChaosVendors:
    """An ASGI application, and the listener that it can close."""

    def __init__(self, journal: Path, faults: Faults, *, secret: str, webhooks: list[str]) -> None:
        self._effects, self._faults = Effects(), faults
        for mode in self._effects.restore(read_journal(journal)):
            self._faults.calm = mode.calm
        self._journal = Journal(journal)
        self._herald = Herald(webhooks, Signer(secret), self._journal, self._effects, self._faults)
        self._desk = Desk(self._journal, self._effects, self._faults, self._herald)
        self._out_until: dict[str | None, float] = {}
        self._listener: asyncio.Server | None = None
        self._reopening: asyncio.Task[None] | None = None
        self._state = ServerState()

    async def open(self, host: str, port: int) -> int:
        """Listen, and go on with what was unsaid; answers the port."""
        config = uvicorn.Config(
            self, lifespan="off", ws="none", log_level="warning", server_header=False, date_header=False
        )
        config.load()
        # Not `uvicorn.run`: in an outage the listener is closed and opened again.
        made = type("Protocol", (ArrivalProtocol,), {"unwelcome": lambda _: self._is_out(None)})
        protocol = partial(made, config=config, server_state=self._state, app_state={})
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(protocol, host, port, backlog=1024)
        for effect in list(self._effects.unsaid.values()):
            self._herald.begin(effect)
        return int(self._listener.sockets[0].getsockname()[1])

    async def close(self) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
        self._shut()
        await self._herald.close()
        self._journal.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = TimedExchange(scope, receive, send)
        name = exchange.path.split("/", 2)[1]
        if name in VENDORS:
            await self._desk.take_call(name, exchange, out=self._is_out(name))
        elif name == "control":
            body = (await exchange.read()).body
            await exchange.answer(self._control(exchange.path, body))
        else:
            await exchange.answer(_DONE if name == "health" else _NOT_FOUND)

    def _control(self, path: str, body: bytes) -> Reply:
        try:
            match path:
                case "/control/outage":
                    self._go_out(msgspec.json.decode(body, type=Outage))
                case "/control/calm" | "/control/wild":
                    self._faults.calm = path.endswith("calm")
                    self._journal.write(Mode(time.monotonic(), self._faults.calm))
                case "/control/unsaid":
                    return Reply(msgspec.json.encode({"unsaid": len(self._effects.unsaid)}))
                case _:
                    return _NOT_FOUND
        except msgspec.DecodeError as fault:
            return Reply(msgspec.json.encode({"error": str(fault)}), 422)
        return _DONE

    def _is_out(self, vendor: str | None) -> bool:
        return self._out_until.get(vendor, 0.0) > time.monotonic()

    def _go_out(self, outage: Outage) -> None:
        """Of one vendor every line is cut before it is read; of all, whoever connects is reset or refused."""
        self._out_until[outage.vendor] = time.monotonic() + outage.seconds
        if outage.vendor is not None:
            return
        loop = asyncio.get_running_loop()
        loop.call_later(0.05, self._hang_up)  # after the answer to whoever asked for this
        if outage.refuse and self._listener is not None and self._reopening is None:
            host, port = self._listener.sockets[0].getsockname()[:2]
            self._shut()
            self._reopening = asyncio.create_task(self._reopen(host, port, outage.seconds))

    async def _reopen(self, host: str, port: int, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.open(host, port)
        self._reopening = None

    def _shut(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _hang_up(self) -> None:
        for connection in list(self._state.connections):
            protocol: Any = connection
            protocol.reset()


async def serve(arguments: argparse.Namespace) -> None:
    """Run until the process is ended; there is nothing to finish."""
    vendors = ChaosVendors(
        Path(arguments.journal), Faults(arguments.seed), secret=arguments.secret, webhooks=arguments.webhooks.split(",")
    )
    await vendors.open(arguments.host, arguments.port)
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m loadtest.chaos.vendor", description="Run the vendors of a chaos.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--journal", required=True, help="the file that every call is appended to")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--secret", default=os.environ.get("GATEWAY_DEMO_WEBHOOK_SECRET"), help="whsec_…, what webhooks are signed with"
    )
    public = os.environ.get("GATEWAY_PUBLIC_URL")
    parser.add_argument("--webhooks", default=public, help="the gateway's addresses that take webhooks, by commas")
    arguments = parser.parse_args()
    if not arguments.secret or not arguments.webhooks:
        parser.error("--secret and --webhooks are needed where the environment has neither")
    asyncio.run(serve(arguments))


if __name__ == "__main__":
    main()
