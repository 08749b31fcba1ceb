"""What callbacks are signed with, and where they may go."""

import stat

from cli.callbacks import callback_settings
from cli.home import Home
from cli.settings import load_settings

MASTER = "one secret for the whole fleet, 32 characters or more"


def test_the_master_is_made_once_for_its_owner_only(home: Home) -> None:
    settings = load_settings({"home": str(home.path)})
    first, second = callback_settings(settings), callback_settings(settings)
    assert first.secret_of("acme") == second.secret_of("acme")
    assert stat.S_IMODE((home.path / "callback.secret").stat().st_mode) == 0o600


def test_machines_that_share_the_setting_sign_alike(home: Home) -> None:
    here = load_settings({"home": str(home.path), "callback_secret": MASTER})
    there = load_settings({"home": str(home.path / "elsewhere"), "callback_secret": MASTER})
    assert callback_settings(here).secret_of("acme") == callback_settings(there).secret_of("acme")
    assert not (home.path / "callback.secret").exists()


def test_a_table_cannot_name_the_master_and_nothing_prints_it(home: Home) -> None:
    settings = load_settings({"home": str(home.path), "callback_secret": MASTER})
    assert MASTER not in settings.table_environment().values()
    assert MASTER not in repr(settings)


def test_private_addresses_are_for_development_only(home: Home) -> None:
    where = {"home": str(home.path)}
    assert not callback_settings(load_settings(where)).allow_private
    assert callback_settings(load_settings({**where, "env": "development"})).allow_private
