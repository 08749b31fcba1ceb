"""
The secrets that a gateway makes for itself and keeps in its home.

Until there are accounts, one bootstrap key is the admin's. It is shown when it is made; only
its SHA-256 is kept (256 random bits need no slow hash).
"""

import os
import secrets
from base64 import b64encode
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from cli.home import Home, write_draft, write_whole
from domain.callers import Caller, Role

KEY_PREFIX = "gwk_"
REVOKED = "revoked"  # in place of a digest: no key has this one, and nothing makes a new key by itself
ADMIN = Caller(client="admin", role=Role.ADMIN)


def ensure_bootstrap_key(home: Home) -> str | None:
    """The key, if it had to be made; None when there is one already, which nobody can show again."""
    return None if has_bootstrap_key(home) else renew_bootstrap_key(home)


def renew_bootstrap_key(home: Home) -> str:
    """A new key, to be shown once. The old one is void at once, in running processes too."""
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    write_whole(_key_file(home), f"{_digest(key)}\n")
    return key


def revoke_bootstrap_key(home: Home) -> None:
    """Void the key, in running processes too, until somebody asks for a new one. Done twice it changes nothing more."""
    write_whole(_key_file(home), f"{REVOKED}\n")


def has_bootstrap_key(home: Home) -> bool:
    """Whether there is one, or was before it was revoked."""
    return _key_file(home).exists()


def is_bootstrap_revoked(home: Home) -> bool:
    return _key_file(home).exists() and _key_file(home).read_text().strip() == REVOKED


class BootstrapCallers:
    """A `CallerDirectory` that knows the one bootstrap key."""

    def __init__(self, home: Home) -> None:
        self._file = _key_file(home)
        self._read_at = -1
        self._digest = ""

    async def find(
        self,
        bearer_token: str,
        address: str = "",  # noqa: ARG002 - good from anywhere
        begun: datetime | None = None,  # noqa: ARG002 - it never runs out
    ) -> Caller | None:
        kept = self._kept()
        return ADMIN if kept and secrets.compare_digest(_digest(bearer_token), kept) else None

    def _kept(self) -> str:
        """The digest in the file, read again when the file has changed; "" while there is none."""
        try:
            changed_at = self._file.stat().st_mtime_ns
        except OSError:
            return ""
        if changed_at != self._read_at:
            self._digest, self._read_at = self._file.read_text().strip(), changed_at
        return self._digest


def cursor_secret(home: Home) -> bytes:
    """What page cursors are signed with: made once, the same for every process of this home."""
    return bytes.fromhex(_kept_once(home.path / "cursor.secret", secrets.token_hex(32)))


def callback_master(home: Home) -> str:
    """What every client's callback secret is derived from: made once, the same for every process of this home."""
    return _kept_once(home.path / "callback.secret", secrets.token_hex(32))


def token_secrets(home: Home) -> str:
    """What tokens are signed by: made once, the same for every process of this home. Former ones may follow in it."""
    return _kept_once(home.path / "jwt.secret", secrets.token_hex(32))


def demo_webhook_secret(home: Home) -> str:
    """What the simulated vendors sign with, as Standard Webhooks spells it: made once, the same for all processes."""
    new = f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"
    return _kept_once(home.path / "demo-webhook.secret", new)


def _kept_once(file: Path, new: str) -> str:
    """What the file holds; `new` where there was none and nobody else was quicker."""
    if not file.exists():
        draft = write_draft(file, new)
        with suppress(FileExistsError):  # another process was first, and its secret is the one
            os.link(draft, file)
        draft.unlink()
    return file.read_text()


def _key_file(home: Home) -> Path:
    return home.path / "bootstrap.key"


def _digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()
