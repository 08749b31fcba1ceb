"""Where images are kept, and how many are compressed at once, as the settings say."""

import sys
from pathlib import Path

import pytest

from cli.media import media_settings
from cli.media_stores import check_bucket_variables, media_files
from cli.settings import load_settings
from domain.errors import ConfigurationError

NAME = "ab" * 32 + ".webp"
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL")


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `.env`, and nobody's keys."""
    monkeypatch.chdir(tmp_path)
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("named", [True, False], ids=["where it is said", "in the home"])
async def test_images_are_in_a_folder(tmp_path: Path, named: bool) -> None:
    settings = load_settings({"home": tmp_path / "home", "media_dir": tmp_path / "shared" if named else None})
    await media_files(settings).put(NAME, b"x")
    folder = tmp_path / "shared" if named else tmp_path / "home" / "media"
    assert (folder / "ab" / NAME).read_bytes() == b"x"


def test_images_are_in_one_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="GATEWAY_MEDIA_DIR, GATEWAY_MEDIA_BUCKET"):
        media_files(load_settings({"media_dir": tmp_path, "media_bucket": "shop"}))


@pytest.mark.parametrize("bucket", ["Shop", "s", "s3://shop", "shop?x", "../shop", "shop /x"])
def test_what_is_no_bucket_is_told_at_the_start(bucket: str) -> None:
    with pytest.raises(ConfigurationError, match="GATEWAY_MEDIA_BUCKET"):
        load_settings({"media_bucket": bucket})


def test_a_bucket_without_its_package_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "domain.infra.s3_files", raising=False)
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(ConfigurationError, match="obstore; pip install"):
        media_files(load_settings({"media_bucket": "shop/images"}))


def test_a_bucket_is_opened_by_the_keys_of_the_file_too(tmp_path: Path) -> None:
    pytest.importorskip("obstore")
    (tmp_path / ".env").write_text("AWS_ACCESS_KEY_ID=AKIATEST\nAWS_SECRET_ACCESS_KEY=hunter2\nAWS_REGION=eu-west-1\n")
    files = media_files(load_settings({"media_bucket": "shop/images"}))
    assert type(files).__name__ == "S3Files"


@pytest.mark.parametrize(
    ("told", "blamed"),
    [
        ({"AWS_ENDPOINT_URL": "minio:9000"}, "AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL": "https://"}, "AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL": "http://key:hunter2@minio:9000"}, "AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL": "http://min io"}, "AWS_ENDPOINT_URL"),
        ({"AWS_REGION": "eu west/1"}, "AWS_REGION"),
        ({"AWS_ACCESS_KEY_ID": "AKIATEST"}, "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"),
        ({"AWS_SECRET_ACCESS_KEY": "hunter2"}, "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ACCESS_KEY_ID": "AKIA\nTEST", "AWS_SECRET_ACCESS_KEY": "hunter2"}, "AWS_ACCESS_KEY_ID"),
    ],
    ids=range(8),
)
def test_what_opens_no_bucket_is_told_at_the_start_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, str], blamed: str
) -> None:
    pytest.importorskip("obstore")
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=f"^{blamed}: ") as refusal:
        media_files(load_settings({"media_bucket": "shop"}))
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9000", "https://s3.example/store/", "http://[::1]:9000"])
def test_any_s3_has_an_address(address: str) -> None:
    check_bucket_variables({"AWS_ENDPOINT_URL": address})


def test_a_secret_stands_in_no_settings_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    assert "hunter2" not in repr(load_settings())


def test_the_fleet_takes_as_many_images_as_its_workers_have_processes() -> None:
    chosen = media_settings(load_settings({"workers": 3, "media_processes": 2}))
    assert (chosen.processes, chosen.at_once) == (2, 6)
    assert media_settings(load_settings({"workers": 0})).at_once == 1
