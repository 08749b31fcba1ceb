"""
`gateway up`: everything on one machine, kept running until it is told to stop.

Embedded servers first (unless URLs name others), then the simulated vendors, the HTTP server
and the workers, each a process of its own. At the end the workers drain, and the servers stop
last. Only one gateway runs in a home; what a killed one left behind is stopped first.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from urllib.request import urlopen

from cli.backup_note import refuse_calls
from cli.credentials import ensure_bootstrap_key
from cli.embedded import STOP_SECONDS
from cli.exposition import served
from cli.figures import forget_figures
from cli.fleet import Fleet, check_port, start_servers
from cli.home import Home, write_whole
from cli.live_line import LiveLine
from cli.processes import SERVER_NAMES, stop_leftovers
from cli.reload import Changes
from cli.settings import Settings
from cli.stopping import StopWish
from cli.supervisor import Supervisor
from cli.terminal import Terminal
from cli.welcome import local_base, welcome
from domain.infra.mongo import open_mongo
from domain.infra.redis import open_redis
from domain.infra.stats import StoredLoad
from vendors.registry import load_vendor_names
from vendors.services.reading import read_services

LOOK_SECONDS = 0.1
READY_SECONDS = 60.0


def run(settings: Settings, *, reload: bool = False) -> None:
    """Returns when everything has stopped. Raises `ConfigurationError` when something cannot start as configured."""
    home = Home.at(settings.home)
    vendors = load_vendor_names(settings.vendors_files, settings.table_environment())
    read_services(settings.vendors_files, settings.table_environment())
    terminal, stop_wish = Terminal(), StopWish()
    stop_wish.listen()
    with home.locked(), _own_pid_noted(home):
        refuse_calls(home, settings.workers)
        for name in stop_leftovers(home):
            terminal.say(f"stopped {name}, which an earlier gateway had left running")
        check_port(settings)
        forget_figures(home.metrics)
        supervisor = Supervisor(terminal.say)
        try:
            settings = start_servers(supervisor, home, settings)
            new_key = ensure_bootstrap_key(home)  # before the API, which would make one and show it in its log
            if new_key:
                terminal.say(f"For the admin, shown this once:\n  bootstrap key  {new_key}")
            fleet = Fleet(supervisor, home, settings)
            changes = Changes(settings.vendors_files) if reload else None
            figures = served(settings.metrics_port, settings.metrics_host, home.metrics)
            with figures, _fleet_running(fleet, terminal, stop_wish):
                watch = _Watch(settings, vendors, terminal, stop_wish, supervisor, fleet, changes)
                if watch.came_up():
                    terminal.say(welcome(settings, home))
                asyncio.run(watch.until_stopped())
        finally:
            supervisor.stop(SERVER_NAMES, STOP_SECONDS)


@dataclass(frozen=True, slots=True)
class _Watch:
    """Looks after the children until somebody wishes to stop."""

    settings: Settings
    vendors: Collection[str]
    terminal: Terminal
    stop_wish: StopWish
    supervisor: Supervisor
    fleet: Fleet
    changes: Changes | None

    def came_up(self) -> bool:
        """Whether the API answers, as soon as it does; False when we are told to stop first, or it takes too long."""
        give_up_at = time.monotonic() + READY_SECONDS
        while not self.stop_wish.made and time.monotonic() < give_up_at:
            self._look()
            if _answers(f"{local_base(self.settings)}/health/live"):
                return True
            time.sleep(LOOK_SECONDS)
        return False

    async def until_stopped(self) -> None:
        async with self._live_line():
            while not self.stop_wish.made:
                self._look()
                await asyncio.sleep(LOOK_SECONDS)

    def _look(self) -> None:
        self.supervisor.look()
        if self.stop_wish.take_reread():
            self.fleet.reread()
        if self.changes and self.changes.found():
            self.terminal.say("A file has changed: starting the processes again.")
            self.fleet.restart()

    @asynccontextmanager
    async def _live_line(self) -> AsyncIterator[None]:
        """The live line, shown by a task of its own: a server that hangs must not keep us from looking."""
        mongo, redis = self.settings.mongo_url, self.settings.redis_url
        assert mongo is not None  # noqa: S101 - `start_servers` filled both in
        assert redis is not None  # noqa: S101
        async with open_mongo(mongo.get_secret_value()) as database, open_redis(redis.get_secret_value()) as client:
            line = LiveLine(self.terminal, StoredLoad(database, client, self.vendors, self.settings.retention))
            showing = asyncio.create_task(line.keep_showing())
            try:
                yield
            finally:
                showing.cancel()
                await asyncio.gather(showing, return_exceptions=True)


@contextmanager
def _own_pid_noted(home: Home) -> Iterator[None]:
    """`up.pid` says who supervises; written by the holder of the home's lock only."""
    file = home.pid_file("up")
    write_whole(file, f"{os.getpid()}\n")
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


@contextmanager
def _fleet_running(fleet: Fleet, terminal: Terminal, stop_wish: StopWish) -> Iterator[None]:
    try:
        fleet.start()
        yield
    finally:
        terminal.say("Stopping: the workers finish their calls, and the servers end last.")
        fleet.stop(lambda: stop_wish.in_a_hurry)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as reply:  # noqa: S310 - our own address
            return bool(reply.status == 200)
    except OSError:
        return False
