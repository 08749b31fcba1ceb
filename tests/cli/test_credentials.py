"""The bootstrap key and the cursor secret."""

import stat
from base64 import b64decode

from cli.credentials import (
    ADMIN,
    BootstrapCallers,
    cursor_secret,
    demo_webhook_secret,
    ensure_bootstrap_key,
    renew_bootstrap_key,
)
from cli.home import Home


def test_the_key_is_shown_when_it_is_made_and_never_again(home: Home) -> None:
    key = ensure_bootstrap_key(home)
    assert key is not None
    assert key.startswith("gwk_")
    assert ensure_bootstrap_key(home) is None


def test_only_a_hash_of_the_key_is_kept_for_its_owner_only(home: Home) -> None:
    key = renew_bootstrap_key(home)
    file = home.path / "bootstrap.key"
    assert key not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_the_holder_of_the_key_is_the_admin(home: Home) -> None:
    callers = BootstrapCallers(home)
    assert await callers.find(renew_bootstrap_key(home)) == ADMIN


async def test_nobody_is_known_while_there_is_no_key(home: Home) -> None:
    assert await BootstrapCallers(home).find("") is None


async def test_a_renewed_key_voids_the_old_one_in_a_running_process(home: Home) -> None:
    callers = BootstrapCallers(home)
    old = renew_bootstrap_key(home)
    assert await callers.find(old) == ADMIN
    new = renew_bootstrap_key(home)
    assert await callers.find(old) is None
    assert await callers.find(new) == ADMIN


async def test_a_token_of_any_characters_is_only_a_wrong_one(home: Home) -> None:
    renew_bootstrap_key(home)
    assert await BootstrapCallers(home).find("ÿ\x00") is None


def test_the_cursor_secret_is_made_once(home: Home) -> None:
    assert cursor_secret(home) == cursor_secret(home)
    assert len(cursor_secret(home)) == 32
    assert [path.name for path in home.path.glob(".*")] == []


def test_the_simulated_vendors_secret_is_made_once_for_its_owner_only(home: Home) -> None:
    secret = demo_webhook_secret(home)
    assert demo_webhook_secret(home) == secret
    assert len(b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
    assert stat.S_IMODE((home.path / "demo-webhook.secret").stat().st_mode) == 0o600
