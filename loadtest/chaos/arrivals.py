"""
When a request really came in, and when its caller was gone: HTTP/1.1 for the chaos vendor, timed by the kernel.

A busy loop, or a process that had to wait for a core, reads late; several requests would then seem to have come at
once, and a limit would seem broken that was kept. Linux knows since when a socket's bytes lie there (`TCP_INFO`), to
the millisecond or a few.
"""

import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from loadtest.vendors.wire import CuttingProtocol, Exchange, Receive, Reply, Scope, Send

_TCP_INFO_BYTES = 104
_LAST_RECEIVED = struct.Struct("52xII")  # tcpi_last_data_recv and tcpi_last_ack_recv, milliseconds: linux/tcp.h
_CLOSE_WAIT = b"\x08"  # tcpi_state, the first byte: include/net/tcp_states.h
_GONE = "gateway.gone"
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close by RST


def since_received(line: socket.socket) -> tuple[float, float]:
    """Seconds since the last bytes came in, and since anything did, a goodbye too; 0 where the kernel does not say."""
    try:
        info = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    except OSError:
        return 0.0, 0.0
    data, sign_of_life = _LAST_RECEIVED.unpack_from(info) if len(info) >= _LAST_RECEIVED.size else (0, 0)
    return data / 1000, sign_of_life / 1000


def has_hung_up(line: socket.socket) -> bool:
    """Whether the other side's goodbye has come in, read or not."""
    try:
        return line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == _CLOSE_WAIT
    except OSError:
        return False


class ArrivalProtocol(CuttingProtocol):
    """Puts the kernel's moment where `CuttingProtocol` puts its own; resets a connection that is `unwelcome`."""

    unwelcome: Callable[[], bool]

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._gone_at: float | None = None
        self._line: socket.socket = transport.get_extra_info("socket")
        if self.unwelcome():
            self.reset()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: Any = self.scope["extensions"]
        extensions["gateway.arrived"]["at_monotonic"] = time.monotonic() - since_received(self._line)[0]
        extensions[_GONE] = self._over_at

    def _over_at(self) -> float:
        """Now, or since when the caller has been gone: its goodbye may lie unread after a freeze."""
        if self._gone_at is None and has_hung_up(self._line):
            return time.monotonic() - since_received(self._line)[1]
        return self._gone_at or time.monotonic()

    def eof_received(self) -> None:
        """The goodbye; afterwards the socket is closed, and nobody can ask it any more."""
        self._gone_at = time.monotonic() - since_received(self._line)[1]
        super().eof_received()

    def reset(self) -> None:
        """Close so that the other side learns at once; what lies unread is thrown away."""
        self._line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()


class TimedExchange(Exchange):
    """
    `ended_at`: when the vendor was about to answer or to cut the line, or its caller had gone.

    Taken before the bytes are written: what the caller does next comes after it, however late the vendor goes on.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(scope, receive, send)
        self.ended_at: float | None = None
        self._gone: Callable[[], float] = scope["extensions"][_GONE]

    async def begin(self, reply: Reply, length: int | None) -> None:
        self._end(self._gone())
        await super().begin(reply, length)

    async def cut(self) -> None:
        self._end(self._gone())
        await super().cut()

    async def pause(self, seconds: float) -> bool:
        still_there = await super().pause(seconds)
        if not still_there:
            self._end(self._gone())
        return still_there

    def _end(self, at: float) -> None:
        if self.ended_at is None:
            self.ended_at = at
