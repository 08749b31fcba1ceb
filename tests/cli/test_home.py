"""The home: one gateway at a time, and what it notes down."""

from pathlib import Path

import pytest

from cli.addresses import with_servers
from cli.home import Home
from cli.settings import load_settings
from domain.errors import ConfigurationError


def test_a_second_gateway_in_one_home_is_refused(home: Home) -> None:
    with home.locked(), pytest.raises(ConfigurationError, match="another gateway"), home.locked():
        pass


def test_a_home_is_free_again_when_its_gateway_has_ended(home: Home) -> None:
    with home.locked():
        pass
    with home.locked():
        pass


def test_a_home_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="GATEWAY_HOME: cannot make"):
        Home.at(tmp_path / "file" / "home")


def test_a_process_started_by_hand_finds_the_servers_that_up_noted(home: Home) -> None:
    home.write_addresses(
        {"GATEWAY_MONGO_URL": "mongodb://127.0.0.1:1/gateway", "GATEWAY_REDIS_URL": "redis://127.0.0.1:2/0"}
    )
    settings = with_servers(load_settings({"home": str(home.path), "redis_url": "redis://own:3/0"}))
    assert settings.mongo_url is not None
    assert settings.redis_url is not None
    assert settings.mongo_url.get_secret_value() == "mongodb://127.0.0.1:1/gateway"
    assert settings.redis_url.get_secret_value() == "redis://own:3/0"


def test_a_process_without_servers_is_refused(home: Home) -> None:
    with pytest.raises(ConfigurationError, match="GATEWAY_MONGO_URL: not set"):
        with_servers(load_settings({"home": str(home.path)}))
