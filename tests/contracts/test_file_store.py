"""What every `FileStore` promises, the fake and the real one alike; and what only the real one can get wrong."""

# ruff: noqa: ASYNC240 - a test may wait for its disk

import asyncio
import importlib
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.commerce.ports import FileStore
from domain.errors import Unavailable
from domain.infra.file_store import DRAFT, PIECE, FolderFiles
from tests.fakes_commerce import FakeFileStore
from tests.s3_server import BUCKET, KEY_ID, SECRET, Bucket, serving

NAME, OTHER = "ab" * 32 + ".webp", "cd" * 32 + ".webp"
ORIGINAL = "ab" * 32 + ".original"
AN_HOUR = timedelta(hours=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "media"


@pytest.fixture
def fake_files() -> FileStore:
    return FakeFileStore()


@pytest.fixture
def folder_files(folder: Path) -> FileStore:
    return FolderFiles(folder)


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with serving() as opened:
        yield opened


@pytest.fixture
def bucket_files(bucket: Bucket) -> FileStore:
    return opened_by(bucket, SECRET)


@pytest.fixture(params=["fake_files", "folder_files", "bucket_files"])
def files(request: pytest.FixtureRequest) -> FileStore:
    found: FileStore = request.getfixturevalue(request.param)
    return found


def opened_by(bucket: Bucket, secret: str, key_id: str = KEY_ID) -> FileStore:
    pytest.importorskip("obstore")
    s3_files = importlib.import_module("domain.infra.s3_files")
    told = {"AWS_ACCESS_KEY_ID": key_id, "AWS_SECRET_ACCESS_KEY": secret, "AWS_ENDPOINT_URL": bucket.url}
    files: FileStore = s3_files.bucket_files(BUCKET, "images", told)
    return files


async def content_of(files: FileStore, name: str) -> bytes | None:
    found = await files.find(name)
    if found is None:
        return None
    content = b"".join([piece async for piece in found.pieces])
    assert len(content) == found.size
    return content


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, 3 * PIECE])
async def test_a_file_is_found_as_it_was_put(files: FileStore, size: int) -> None:
    content = os.urandom(size)
    await files.put(NAME, content)
    assert await content_of(files, NAME) == content


async def test_none_is_found_under_another_name(files: FileStore) -> None:
    assert await files.find(NAME) is None
    await files.put(NAME, b"x")
    assert await files.find(OTHER) is None
    assert await files.find(ORIGINAL) is None


async def test_a_file_may_be_put_again_and_by_many_at_once(files: FileStore) -> None:
    await asyncio.gather(*(files.put(NAME, b"x" * 1000) for _ in range(10)))
    assert await content_of(files, NAME) == b"x" * 1000


async def test_a_file_that_was_removed_is_gone_and_may_be_removed_again(files: FileStore) -> None:
    await files.put(NAME, b"x")
    await files.put(OTHER, b"y")
    for _ in range(2):
        await files.remove(NAME)
    assert await files.find(NAME) is None
    assert await content_of(files, OTHER) == b"y"


async def test_what_is_old_is_removed_by_its_ending(files: FileStore) -> None:
    assert await files.remove_older(".original", datetime.now(UTC)) == 0
    await files.put(ORIGINAL, b"x")
    await files.put(NAME, b"y")
    now = datetime.now(UTC)
    assert await files.remove_older(".original", now - AN_HOUR) == 0
    assert await files.remove_older(".original", now + AN_HOUR) == 1
    assert await files.find(ORIGINAL) is None
    assert await content_of(files, NAME) == b"y"


async def test_a_file_that_was_put_again_is_new(files: FileStore, folder: Path) -> None:
    await files.put(ORIGINAL, b"x")
    for path in folder.glob("*/*"):
        os.utime(path, (0, 0))
    await files.put(ORIGINAL, b"x")
    assert await files.remove_older(".original", datetime.now(UTC) - AN_HOUR) == 0


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "ab.webp", NAME + "/..", "AB" * 32 + ".webp", ""])
async def test_what_is_no_name_leads_nowhere(folder: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name of a stored file"):
        await FolderFiles(folder).put(name, b"x")
    assert not folder.exists()


async def test_a_folder_and_its_files_are_their_owners_only(folder: Path) -> None:
    await FolderFiles(folder).put(NAME, b"x")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}
    assert modes == {"ab": 0o700, NAME: 0o600}


async def test_nobody_sees_half_of_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written beside its place: where the disk is full or the process dies, nothing is under the name."""
    files = FolderFiles(folder)

    seen: list[Path] = []

    def full(descriptor: int) -> None:
        seen.extend(folder.rglob("*.webp"))  # all of it is written by now, and none of it where it is looked for
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as filled:
        filled.setattr(os, "fsync", full)
        with pytest.raises(Unavailable):
            await files.put(NAME, b"x")
    assert seen == []
    assert await files.find(NAME) is None
    assert [path for path in folder.rglob("*") if path.is_file()] == []


async def test_what_writers_that_died_left_is_removed_in_time(folder: Path) -> None:
    files = FolderFiles(folder)
    await files.put(NAME, b"x")
    draft = folder / "ab" / f"{'0' * 32}{DRAFT}"
    draft.write_bytes(b"half")
    await files.remove_older(".original", datetime.now(UTC))
    assert draft.exists()
    await files.remove_older(".original", datetime.now(UTC) + timedelta(days=2))
    assert not draft.exists()


async def test_a_folder_that_cannot_be_reached_is_unavailable(folder: Path) -> None:
    folder.write_bytes(b"a file in its place")
    with pytest.raises(Unavailable):
        await FolderFiles(folder).put(NAME, b"x")
    with pytest.raises(Unavailable):
        await FolderFiles(folder).find(NAME)


async def test_a_bucket_has_each_file_under_its_ending_and_below_the_prefix(
    bucket: Bucket, bucket_files: FileStore
) -> None:
    await bucket_files.put(NAME, b"x")
    await bucket_files.put(ORIGINAL, b"y")
    assert set(bucket.stored) == {f"images/webp/{NAME}", f"images/original/{ORIGINAL}"}
    bucket.asked.clear()
    await bucket_files.remove_older(".original", datetime.now(UTC) - AN_HOUR)
    assert [line for line in bucket.asked if "images%2Foriginal" not in line] == []  # pictures are many


@pytest.mark.parametrize("why", ["away", "closed"])
async def test_a_bucket_that_cannot_be_reached_is_unavailable_and_tells_no_secret(bucket: Bucket, why: str) -> None:
    bucket.down = why == "away"
    files = opened_by(bucket, SECRET, KEY_ID if why == "away" else "AKIAOTHER")
    for ask in (
        files.put(NAME, b"x"),
        files.find(NAME),
        files.remove(NAME),
        files.remove_older(".webp", datetime.now(UTC)),
    ):
        with pytest.raises(Unavailable) as refusal:
            await ask
        assert (refusal.value.__cause__, refusal.value.__suppress_context__) == (None, True)
        assert SECRET not in f"{refusal.value!r}"
    assert bucket.stored == {}
