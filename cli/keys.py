"""The keys that tokens are signed by, as the settings and the home want them."""

from pathlib import Path

from cli.credentials import token_secrets
from cli.home import Home
from cli.settings import Settings
from domain.errors import ConfigurationError
from domain.infra.key_ring import AccessKey, KeyRing, key_of_pem
from domain.infra.tokens import SignedTokens


def signed_tokens(settings: Settings) -> SignedTokens:
    """The same in every process of these settings. Raises `ConfigurationError`."""
    return SignedTokens(key_ring(settings), issuer=settings.public_base)


def key_ring(settings: Settings) -> KeyRing:
    """
    The setting's keys, or the home's, and those of the PEM files. Raises `ConfigurationError`.

    To rotate without a refusal: tell every process of the new key behind the old one, then put it first.
    """
    kept = settings.jwt_secret.get_secret_value() if settings.jwt_secret else token_secrets(Home.at(settings.home))
    pems = [_read(path) for path in settings.jwt_key_files]
    if pems and pems[0].signing is None:
        first = settings.jwt_key_files[0]
        raise ConfigurationError(f"GATEWAY_JWT_KEYS: {first} is a public key and cannot sign; put a private one first")
    try:
        return KeyRing.of(kept.split(), pems)
    except ValueError as fault:
        raise ConfigurationError(f"GATEWAY_JWT_SECRET: {fault}") from None


def _read(path: Path) -> AccessKey:
    try:
        return key_of_pem(path.read_bytes())
    except OSError as fault:
        raise ConfigurationError(
            f"GATEWAY_JWT_KEYS: {path} cannot be read ({fault.strerror}); name a file in PEM format"
        ) from None
    except ValueError as fault:
        raise ConfigurationError(f"GATEWAY_JWT_KEYS: {path}: {fault}") from None
