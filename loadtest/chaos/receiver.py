"""
The client's side of callbacks: `python -m loadtest.chaos.receiver --port P --journal FILE`.

It checks each signature by what the gateway's home holds, writes the delivery down, and then answers. Now and then
it says no to the first delivery of an event, never to a later one: what is refused twice is due after minutes.
"""

import argparse
import asyncio
import hmac
import os
import time
from hashlib import sha256
from pathlib import Path
from random import Random

import msgspec
import uvicorn

from loadtest.chaos.journal import Journal
from loadtest.chaos.records import Delivered
from loadtest.vendors.signing import sign
from loadtest.vendors.wire import CuttingProtocol, Exchange, Receive, Reply, Request, Scope, Send

_REFUSED_SHARE = 0.03
_CLIENTS = ("anonymous", "admin")


class _Data(msgspec.Struct):
    request_id: str
    status: str


class _Event(msgspec.Struct):
    data: _Data


class CallbackReceiver:
    """An ASGI application. `master` is what the gateway derives each client's secret from."""

    def __init__(self, journal: Journal, master: Path, *, seed: int = 0) -> None:
        self._journal = journal
        self._master = master
        self._random = Random(f"callbacks:{seed}")
        self._known: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send)
        request = await exchange.read()
        if request.method != "POST":
            await exchange.answer(Reply(b"", 204))
            return
        try:
            told = msgspec.json.decode(request.body, type=_Event).data
        except msgspec.DecodeError:
            told = _Data("", "unreadable")
        event = request.header(b"webhook-id") or ""
        status = self._status_for(event)
        signed = self._is_signed(request, event)
        self._journal.write(Delivered(time.monotonic(), event, told.request_id, told.status, signed, status))
        await exchange.answer(Reply(b"", status))

    def _status_for(self, event: str) -> int:
        new = event not in self._known
        self._known.add(event)
        return 503 if new and self._random.random() < _REFUSED_SHARE else 204

    def _is_signed(self, request: Request, event: str) -> bool:
        moment, given = request.header(b"webhook-timestamp") or "", (request.header(b"webhook-signature") or "").split()
        master = self._master.read_text().encode() if self._master.exists() else b""
        keys = [hmac.digest(master, client.encode(), sha256) for client in _CLIENTS]
        return any(sign(key, event, moment, request.body) in given for key in keys)


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.chaos.receiver", description="Take callbacks of a chaos.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--journal", type=Path, required=True, help="the file that every delivery is appended to")
    parser.add_argument("--seed", type=int, default=0)
    home = Path(os.environ.get("GATEWAY_HOME", ".gateway"))
    parser.add_argument("--master", type=Path, default=home / "callback.secret", help="the home's callback.secret")
    told = parser.parse_args()
    app = CallbackReceiver(Journal(told.journal), told.master, seed=told.seed)
    config = uvicorn.Config(
        app,
        host=told.host,
        port=told.port,
        http=CuttingProtocol,
        ws="none",
        lifespan="off",
        log_level="warning",
        timeout_keep_alive=75,
    )
    asyncio.run(uvicorn.Server(config).serve())


if __name__ == "__main__":
    main()
