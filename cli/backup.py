"""`gateway backup DIR`: a copy of an embedded gateway's home, taken while it runs: its MongoDB, images, secrets."""

import fcntl
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from cli.backup_note import write_note
from cli.home import OWNER_ONLY, Home
from cli.media_stores import media_folder
from cli.settings import Settings
from domain.commerce.images import ORIGINAL
from domain.errors import ConfigurationError, Unavailable
from domain.infra.copies import writes_held

SECRETS = (
    "bootstrap.key",
    "cursor.secret",
    "callback.secret",
    "jwt.secret",
    "demo-webhook.secret",
    "webhook-secrets.json",
)


def run(settings: Settings, target: Path) -> None:
    """The copy appears whole or not at all. Raises `ConfigurationError`."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))  # an end in order: MongoDB must not stay held
    home = Home.at(settings.home)
    url = _embedded_url(settings, home)
    draft = target.with_name(f".{target.name}.part")
    if target.exists():
        raise ConfigurationError(f"DIR: {target} is there already; name a directory that is to be made")
    with _alone(home):
        shutil.rmtree(draft, ignore_errors=True)
        try:
            copy_home(home, draft, writes_held(url))
            draft.rename(target)
        except (Unavailable, OSError) as fault:
            raise ConfigurationError(f"DIR: no backup was made: {_reason(fault)}") from None
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    print(f"backed up {home.path} to {target}; to restore it, make a copy of that a home: see docs/backup.md")
    if (elsewhere := images_elsewhere(settings, home)) is not None:
        print(f"the images are not in it: {elsewhere} is yours to back up, from now on")


def images_elsewhere(settings: Settings, home: Home) -> str | None:
    """Where the images are, if not in the home; as far as this command's own settings say."""
    if settings.media_bucket is not None:
        return f"the bucket {settings.media_bucket}"
    folder = media_folder(settings)
    return None if folder.resolve() == (home.path / "media").resolve() else str(folder)


def copy_home(home: Home, draft: Path, held: AbstractContextManager[None]) -> None:
    """MongoDB does not write while it is `held`."""
    draft.mkdir(mode=0o700)
    leave_out = shutil.ignore_patterns("mongod.lock", "diagnostic.data")
    with held:
        taken_at = datetime.now(UTC)  # no job in the copy is younger
        shutil.copytree(home.path / "mongo", draft / "mongo", ignore=leave_out)
        _copy_uploads(home, draft)
    if (home.path / "media").exists():  # after MongoDB: the pictures that it names are there
        shutil.copytree(home.path / "media", draft / "media", copy_function=_copy_what_is_there, dirs_exist_ok=True)
    for name in SECRETS:
        if (home.path / name).exists():
            shutil.copy2(home.path / name, draft / name)
    write_note(Home(draft), taken_at)


def _copy_uploads(home: Home, draft: Path) -> None:
    """In the same moment as their jobs, which take them away as soon as MongoDB has it that the pictures are made."""
    for upload in (home.path / "media").glob(f"*/*{ORIGINAL}"):
        target = draft / upload.relative_to(home.path)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _copy_what_is_there(str(upload), str(target))


def _copy_what_is_there(source: str, target: str) -> None:
    """Drafts and uploads may go meanwhile."""
    with suppress(FileNotFoundError):
        shutil.copy2(source, target)


def _embedded_url(settings: Settings, home: Home) -> str:
    noted = home.addresses().get("GATEWAY_MONGO_URL")
    if settings.mongo_url is not None or noted is None:
        raise ConfigurationError(
            f"GATEWAY_HOME: no MongoDB is embedded in {home.path}; "
            "back up one of your own by mongodump, and the home's secrets beside it: see docs/backup.md"
        )
    return noted


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """One backup at a time: the first to end would let MongoDB write into the other's copy."""
    descriptor = os.open(home.path / "backup.lock", os.O_RDWR | os.O_CREAT, OWNER_ONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise ConfigurationError(f"GATEWAY_HOME: a backup of {home.path} is being made; let it end first") from None
    finally:
        os.close(descriptor)


def _reason(fault: Unavailable | OSError) -> str:
    if isinstance(fault, Unavailable):
        return f"{fault.detail}; the home of a gateway that does not run is copied by cp -a"
    return f"{fault.strerror or fault}; see that there is room, and that it may be written"
