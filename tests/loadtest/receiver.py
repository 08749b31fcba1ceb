"""Whoever is told by webhook: a server that keeps what came and answers as it is told."""

import hmac
import json
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    headers: dict[str, str]
    body: bytes
    connection: int  # the sender's port

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def event(self) -> str:
        return self.headers["webhook-id"]

    @property
    def age_seconds(self) -> float:
        return time.time() - int(self.headers["webhook-timestamp"])

    def signed_with(self, secret: str) -> bool:
        """Standard Webhooks 1.0, spelled out once more."""
        signed = f"{self.event}.{self.headers['webhook-timestamp']}.".encode() + self.body
        digest = hmac.digest(b64decode(secret.removeprefix("whsec_")), signed, "sha256")
        return self.headers["webhook-signature"] == f"v1,{b64encode(digest).decode()}"


@dataclass
class Receiver:
    port: int
    answers: list[int] = field(default_factory=list)  # what the next ones get; then 202
    received: list[Received] = field(default_factory=list)
    came: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def wait_for(self, count: int) -> list[Received]:
        with self.came:
            assert self.came.wait_for(lambda: len(self.received) >= count, timeout=10), self.received
            return list(self.received)

    def take(self, received: Received) -> int:
        with self.came:
            self.received.append(received)
            self.came.notify_all()
            return self.answers.pop(0) if self.answers else 202


@contextmanager
def receiver_running(port: int = 0, on_arrival: Callable[[], object] = lambda: None) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            on_arrival()
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): text for name, text in self.headers.items()}
            status = receiver.take(Received(headers, body, self.client_address[1]))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        receiver = Receiver(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
