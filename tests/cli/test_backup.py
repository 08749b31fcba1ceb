"""What a backup takes along, and what it says that it does not."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.backup import copy_home, images_elsewhere
from cli.home import Home
from cli.settings import load_settings

UPLOAD, PICTURE = Path("ab", f"{'ab' * 32}.original"), Path("cd", f"{'cd' * 32}.webp")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home.at(tmp_path / "home")
    (home.path / "mongo").mkdir(parents=True)
    return home


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `.env`."""
    monkeypatch.chdir(tmp_path)


def test_an_upload_is_copied_in_the_moment_of_its_job_and_pictures_are_after_it(home: Home, tmp_path: Path) -> None:
    """Held or not, no job is in the copy that waits for an upload, or made a picture, which is not."""
    media = home.path / "media"
    for name in (UPLOAD, PICTURE):
        (media / name).parent.mkdir(parents=True)
    (media / UPLOAD).write_bytes(b"an upload")

    @contextmanager
    def held() -> Iterator[None]:
        (media / PICTURE).write_bytes(b"a picture")  # put before its job is written
        yield
        (media / UPLOAD).unlink()  # by its job, which goes on as soon as MongoDB does

    copy_home(home, tmp_path / "copy", held())
    copied = {path.relative_to(tmp_path / "copy" / "media") for path in (tmp_path / "copy" / "media").glob("*/*")}
    assert copied == {UPLOAD, PICTURE}


def test_a_home_without_images_is_copied(home: Home, tmp_path: Path) -> None:
    @contextmanager
    def held() -> Iterator[None]:
        yield

    copy_home(home, tmp_path / "copy", held())
    assert {path.name for path in (tmp_path / "copy").iterdir()} == {"mongo", "backup.json"}


def test_images_that_are_elsewhere_are_told_of(home: Home, tmp_path: Path) -> None:
    def told(**named: object) -> str | None:
        return images_elsewhere(load_settings({"home": home.path, **named}), home)

    assert told(media_dir=tmp_path / "shared") == str(tmp_path / "shared")
    assert told(media_bucket="shop/images") == "the bucket shop/images"
    assert (told(), told(media_dir=home.path / "media")) == (None, None)
