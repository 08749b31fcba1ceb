"""Settings of accounts and access: who comes in, how often, by what tokens and keys, and whom their mails come from."""

from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from domain.page_origins import read_origins
from domain.quotas import check_rate

NO_LIMIT = "none"


class AccountSettings(BaseSettings):
    """A part of `cli.settings.Settings`, which reads it."""

    client_limit: str | None = Field(
        None, description="requests of each client whose key has no rate of its own, like 100/minute; default no limit"
    )
    ip_limit: str = Field(
        "100/15minutes", description="requests from each address where nobody is signed in yet, or none for no limit"
    )
    cors_origins: str | None = Field(
        None,
        description="origins of pages that may call, like https://shop.example, separated by commas; or * for any, "
        "without the refresh cookie; default none",
    )
    hsts_subdomains: bool = Field(
        False, description="tell browsers to reach every subdomain of our host by https only, too: 1 or 0"
    )
    mail_from: str | None = Field(
        None, description="whom mails come from, such as Our Gateway <gateway@example.com>; needed with SMTP_URL"
    )
    email_limit: str | None = Field(
        None, min_length=1, description="how fast mails leave, such as 10/second; default as fast as they come"
    )
    jwt_secret: SecretStr | None = Field(
        None,
        description="what tokens are signed by: 32 characters or more, the same on all machines; former ones, still "
        "good, may follow it after a space; default one that is made and kept in the home",
    )
    jwt_keys: str | None = Field(
        None,
        description="PEM files that sign access tokens instead (Ed25519, P-256, RSA), separated by `:`; the first "
        "signs, the others verify and may be public keys",
    )
    password_threads: int = Field(
        2, ge=1, le=64, description="passwords hashed at once in each HTTP process, at 64 MiB each, 1 to 64"
    )
    trusted_hops: int = Field(0, ge=0, le=10, description="proxies in front of us that write X-Forwarded-For, 0 to 10")
    api_key: SecretStr | None = Field(
        None, description="what `gateway jobs` and `gateway vendors` show the API; a flag is seen by others in ps"
    )
    anonymous: bool = Field(False, description="let callers without credentials use /jobs: 1 or 0")

    @field_validator("jwt_secret")
    @classmethod
    def _are_long(cls, secrets: SecretStr | None) -> SecretStr | None:
        if secrets is not None and min(map(len, secrets.get_secret_value().split()), default=0) < 32:
            raise ValueError("one of it is too short, and could be guessed")
        return secrets

    @field_validator("client_limit", "ip_limit")
    @classmethod
    def _is_a_rate(cls, rate: str | None) -> str | None:
        return rate if rate is None or rate == NO_LIMIT else check_rate(rate)

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, listed: str | None) -> str | None:
        read_origins(listed or "")
        return listed

    @property
    def jwt_key_files(self) -> tuple[Path, ...]:
        return tuple(Path(name) for name in (self.jwt_keys or "").split(":") if name)

    @property
    def client_rate(self) -> str | None:
        return None if self.client_limit == NO_LIMIT else self.client_limit

    @property
    def ip_rate(self) -> str | None:
        return None if self.ip_limit == NO_LIMIT else self.ip_limit

    @property
    def origins(self) -> frozenset[str]:
        """Of pages that may call; see `domain.page_origins`."""
        return read_origins(self.cors_origins or "")
