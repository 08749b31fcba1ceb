"""The socket that an HTTP process listens on."""

import socket

from cli.settings import Settings
from domain.errors import ConfigurationError


def bind(settings: Settings) -> socket.socket:
    """A socket of our own; shared by several HTTP processes only, else a second gateway here would go unseen."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, settings.api_processes > 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as fault:
        listener.close()
        raise ConfigurationError(
            f"GATEWAY_PORT: cannot listen on {settings.host}:{settings.port} ({fault.strerror}); "
            "choose another GATEWAY_HOST or GATEWAY_PORT"
        ) from None
    return listener
