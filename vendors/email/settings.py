"""What mails need to be told: who sends them, where links lead, and by which server they leave."""

from dataclasses import dataclass, field
from email.headerregistry import Address
from enum import Enum
from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from domain.accounts.links import Purpose

PATHS = {
    Purpose.CONFIRM: "/auth/confirmation",
    Purpose.RESET: "/auth/reset-password",
    Purpose.NEW_EMAIL: "/auth/confirmation",
}

_EXAMPLE = "write smtp://user:password@host:587 or smtps://user:password@host, what is special in a password escaped"


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """`pages` is where the operator's pages are, which take a link's token and call the API at `public_base`."""

    sender: Address
    public_base: str
    pages: str
    limit: str | None = None  # in the notation of `limits`


class Security(Enum):
    TLS = "from the first byte"
    STARTTLS = "before anything is told"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    host: str
    port: int
    security: Security
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class GmailAccount:
    """What Google's console and its consent page gave; the address stands in `EmailSettings`."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)


def read_smtp_url(url: str) -> SmtpServer:
    """
    The server that `SMTP_URL` names. `smtps` is TLS from the first byte; `smtp` begins it by STARTTLS, which may be
    left out on this machine, and elsewhere with `?starttls=no`, though then without a password.

    Raises `ValueError`, whose text repeats nothing of the URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(f"it cannot be read as a URL: {_EXAMPLE}") from None
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path not in {"", "/"} or port == 0:
        raise ValueError(f"it names no mail server: {_EXAMPLE}")
    user, password = _credentials(parts)
    security = _security(parts)
    if password is not None and security is Security.NONE and not _is_here(parts.hostname):
        raise ValueError("it would send the password in the clear: take ?starttls=no away, or write smtps://")
    return SmtpServer(parts.hostname, port or (465 if security is Security.TLS else 587), security, user, password)


def _credentials(parts: SplitResult) -> tuple[str | None, str | None]:
    user, password = (None if part is None else unquote(part) for part in (parts.username, parts.password))
    if (user is None) != (password is None):
        raise ValueError(f"a user and a password go together: {_EXAMPLE}")
    if not all(part.isprintable() for part in (user, password) if part is not None):
        raise ValueError("its user or password holds a control character: look for a line's end in it")
    return user, password


def _security(parts: SplitResult) -> Security:
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    wanted = asked.pop("starttls", None)
    if asked or wanted not in {None, "yes", "no"} or (parts.scheme == "smtps" and wanted is not None):
        raise ValueError("of a query it takes ?starttls=yes or ?starttls=no alone, and that with smtp:// only")
    if parts.scheme == "smtps":
        return Security.TLS
    off = wanted == "no" or (wanted is None and _is_here(parts.hostname or ""))
    return Security.NONE if off else Security.STARTTLS


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
