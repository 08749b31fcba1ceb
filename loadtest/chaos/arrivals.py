"""
When a request really came in: HTTP/1.1 for the chaos vendor, whose arrivals are the kernel's.

A busy loop, or a process that had to wait for a core, reads late; several requests would then seem to have come at
once, and a limit would seem broken that was kept. Linux knows since when a socket's bytes lie there (`TCP_INFO`), to
the millisecond or a few.
"""

import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from loadtest.vendors.wire import CuttingProtocol

_TCP_INFO_BYTES = 104
_LAST_DATA_RECEIVED = struct.Struct("52xI")  # tcpi_last_data_recv, milliseconds: linux/tcp.h
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close by RST


def waited_seconds(line: socket.socket) -> float:
    """How long the last bytes of `line` have been there; 0 where the kernel does not say."""
    try:
        info = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    except OSError:
        return 0.0
    return _LAST_DATA_RECEIVED.unpack_from(info)[0] / 1000 if len(info) >= _LAST_DATA_RECEIVED.size else 0.0


class ArrivalProtocol(CuttingProtocol):
    """Puts the kernel's moment where `CuttingProtocol` puts its own; resets a connection that is `unwelcome`."""

    unwelcome: Callable[[], bool]

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._line: socket.socket = transport.get_extra_info("socket")
        if self.unwelcome():
            self.reset()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: Any = self.scope["extensions"]
        extensions["gateway.arrived"]["at_monotonic"] = time.monotonic() - waited_seconds(self._line)

    def reset(self) -> None:
        """Close so that the other side learns at once; what lies unread is thrown away."""
        self._line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()
