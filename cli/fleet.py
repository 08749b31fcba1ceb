"""The processes of `gateway up`: which there are, what each is started with, and in what order."""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack

from pydantic import SecretStr

from cli.embedded import LOOPBACK, Server, is_free, kept_listener, kept_port, mongo_server, redis_server
from cli.home import Home
from cli.processes import DEMO_VENDORS, REQUESTS_SECONDS, Program
from cli.settings import Settings
from cli.supervisor import Supervisor
from domain.errors import ConfigurationError

GRACE_SECONDS = 5.0  # beyond what a worker takes for its drain, and the API for the requests under way


def start_servers(supervisor: Supervisor, home: Home, settings: Settings) -> Settings:
    """Start the servers that no URL names, note the addresses, and answer the settings with all of them in."""
    found: dict[str, object] = {}
    noted: dict[str, str] = {}
    makers: dict[str, Callable[[Home], Server]] = {"mongo_url": mongo_server, "redis_url": redis_server}
    for name, make in makers.items():
        if getattr(settings, name) is None:
            server = make(home)
            supervisor.adopt(server.start())
            noted[f"GATEWAY_{name.upper()}"] = server.url
            found[name] = SecretStr(server.url)
    if settings.demo_vendors:
        url = _demo_vendors_url(home, settings)
        noted["GATEWAY_DEMO_VENDORS_URL"] = found["demo_vendors_url"] = url
        for name in ("demo_users", "demo_products"):
            noted[f"GATEWAY_{name.upper()}"] = found[name] = _sample_urls(name, home, settings)
    home.write_addresses(noted)
    return settings.model_copy(update=found)


class Fleet:
    """The gateway's own processes, under a supervisor."""

    def __init__(self, supervisor: Supervisor, home: Home, settings: Settings) -> None:
        self._supervisor = supervisor
        self._home = home
        told = {**settings.as_environment(), "GATEWAY_METRICS_PORT": "0"}  # that port is `gateway up`'s own
        self._environment = {**os.environ, **told, "PYTHONUNBUFFERED": "1"}
        self._grace_seconds = max(settings.drain_seconds, REQUESTS_SECONDS) + GRACE_SECONDS
        self._commands = _commands(settings)

    def start(self) -> None:
        for name, command in self._commands.items():
            self._supervisor.start(self._program(name, command))

    def restart(self) -> None:
        for names in self._stopping_order():
            self._supervisor.restart(names, self._grace_seconds)

    def reread(self) -> None:
        """Have all that know the vendors read their tables and secrets again."""
        self._supervisor.signal(self._stopping_order()[0], signal.SIGHUP)

    def stop(self, hurry: Callable[[], bool]) -> None:
        for names in self._stopping_order():
            self._supervisor.stop(names, self._grace_seconds, hurry)

    def _stopping_order(self) -> list[list[str]]:
        """The vendors after those who call them: a call that ends within the drain must find its vendor there."""
        return [
            [name for name in self._commands if name != DEMO_VENDORS],
            [name for name in self._commands if name == DEMO_VENDORS],
        ]

    def _program(self, name: str, command: tuple[str, ...]) -> Program:
        # -P: a package of the same name in the working directory is not ours. --home: how leftovers are known.
        words = (sys.executable, "-P", "-m", "cli.main", *command, "--home", str(self._home.path))
        return Program(name, words, self._home.log_file(name), self._home.pid_file(name), self._environment)


def _commands(settings: Settings) -> dict[str, tuple[str, ...]]:
    """The processes by name, in the order they start in."""
    commands: dict[str, tuple[str, ...]] = {DEMO_VENDORS: (DEMO_VENDORS,)} if settings.demo_vendors else {}
    for number in range(1, settings.api_processes + 1):
        name = "api" if number == 1 else f"api-{number}"
        commands[name] = ("serve", "--name", name)
    for number in range(1, settings.workers + 1):
        commands[f"worker-{number}"] = ("worker", "--name", f"worker-{number}")
    return commands


def _demo_vendors_url(home: Home, settings: Settings) -> str:
    """Where they shall listen: as somebody set it, else on a free port, that of last time if it is free."""
    if "demo_vendors_url" not in settings.model_fields_set:
        return f"http://{LOOPBACK}:{kept_port('GATEWAY_DEMO_VENDORS_URL', home)}"
    return settings.demo_vendors_url


def _sample_urls(name: str, home: Home, settings: Settings) -> str:
    """Likewise, of the three instances of a sample service."""
    if name in settings.model_fields_set:
        return str(getattr(settings, name))
    before = home.addresses().get(f"GATEWAY_{name.upper()}", "").split(",")
    with ExitStack() as taken:  # all at once, or a free port might be found twice
        ports = [taken.enter_context(kept_listener(url)) for url in (*before, "", "", "")[:3]]
        return ",".join(f"http://{LOOPBACK}:{port}" for port in ports)


def check_port(settings: Settings) -> None:
    """Raises `ConfigurationError` when somebody else listens where the API should."""
    if not is_free(settings.host, settings.port):
        raise ConfigurationError(
            f"GATEWAY_PORT: nobody can listen on {settings.host} port {settings.port}, most likely since another "
            "program does; stop that, or set GATEWAY_PORT (and GATEWAY_HOST) to what is free"
        )
