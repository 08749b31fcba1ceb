"""
`gateway chaos`: what `loadtest.chaos` does, in a home of its own that goes when the books balance.

Exit code 1: something was lost, done twice or called beyond a limit, or the run did not come about. The home with
every log and journal is kept then, and is named.
"""

import asyncio
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from cli.binaries import mongo_binary, redis_binary
from domain.errors import ConfigurationError
from loadtest.chaos.ledger import Ledger
from loadtest.chaos.programs import Binaries, Site
from loadtest.chaos.run import Wish, run

UNSOUND_EXIT = 1
STOPPED_EXIT = 130


def play(wish: Wish, keep: Path | None, write: Path | None) -> int:
    """Answers the exit code. Raises `ConfigurationError` where it cannot begin."""
    binaries = Binaries(redis_binary(), mongo_binary())
    home = _home(keep)
    print(f"seed {wish.seed}, {wish.jobs} jobs in {wish.minutes:g} minutes; everything lives in {home}", flush=True)
    try:
        ledger = asyncio.run(_until_told_to_stop(Site.at(home, wish.seed, binaries), wish))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return _stopped(home, keep)
    except Exception:  # noqa: BLE001 - whatever it is, the logs say why
        traceback.print_exc()
        print(f"the run did not come about; every log is in {home}", file=sys.stderr)
        return UNSOUND_EXIT
    return _judged(ledger, home, keep, write)


async def _until_told_to_stop(site: Site, wish: Wish) -> Ledger:
    """Each of the three ends it with every process stopped; heard even where a shell has us ignore Ctrl-C."""
    running = asyncio.current_task()
    assert running is not None  # noqa: S101 - a coroutine that runs is a task's
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    return await run(site, wish, _say)


def _judged(ledger: Ledger, home: Path, keep: Path | None, write: Path | None) -> int:
    page = ledger.markdown()
    print(f"\n{page}", flush=True)
    (home / "ledger.md").write_text(page)
    if write is not None:
        write.write_text(page)
    if not ledger.sound:
        print(f"the books do not balance; every log and journal is in {home}", file=sys.stderr)
        return UNSOUND_EXIT
    if keep is None:
        shutil.rmtree(home)
    return 0


def _stopped(home: Path, keep: Path | None) -> int:
    print("stopped; every process has been ended", file=sys.stderr)
    if keep is None:
        shutil.rmtree(home)
    return STOPPED_EXIT


def _home(keep: Path | None) -> Path:
    if keep is None:
        return Path(tempfile.mkdtemp(prefix="gateway-chaos-"))
    home = keep.expanduser().resolve()
    if home.exists() and any(home.iterdir()):
        raise ConfigurationError(f"--keep: {home} is not empty; name a directory that is not there yet")
    return home


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True)
