"""
The settings: environment variables `GATEWAY_…`, or flags of the same name; `.env` is read too.

A flag wins over the environment, and that over `.env`. Every fault of every setting is told
at once, each with its remedy. An unknown `GATEWAY_…` is most likely a slip of the pen.
"""

import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import Field, SecretStr, StringConstraints, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from cli.credentials import demo_webhook_secret
from cli.home import Home
from domain.errors import ConfigurationError
from domain.page_origins import read_origins
from domain.quotas import check_rate
from domain.retention import Retention

PREFIX = "GATEWAY_"
DOTENV = Path(".env")
NO_LIMIT = "none"
SECRETS = frozenset(  # URLs may hold passwords
    {"GATEWAY_MONGO_URL", "GATEWAY_REDIS_URL", "GATEWAY_CALLBACK_SECRET", "GATEWAY_JWT_SECRET", "GATEWAY_API_KEY"}
)
DEMO_WEBHOOK_SECRET = "GATEWAY_DEMO_WEBHOOK_SECRET"  # noqa: S105 - its name; kept in the home unless it is set
NOT_OURS = frozenset({"GATEWAY_STRICT_SKIPS", DEMO_WEBHOOK_SECRET})  # read by the tests, and by the tables

Port = Annotated[int, Field(ge=1, le=65535)]
Days = Annotated[float, Field(gt=0, le=3650)]
HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+")]

DEVELOPMENT: Mapping[str, object] = {"env": "development", "anonymous": True}  # what `gateway up` assumes


class Settings(BaseSettings):
    """Each description is the help of its flag, and the remedy when the value is wrong."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_prefix=PREFIX,
        env_file=DOTENV,
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    host: str = Field("127.0.0.1", min_length=1, description="address that the HTTP server listens on")
    port: Port = Field(8000, description="port of the HTTP server, 1 to 65535")
    home: Path = Field(Path(".gateway"), description="directory of the embedded servers' data, logs and pid files")
    mongo_url: SecretStr | None = Field(
        None, description="a replica set of your own, mongodb://…; none is embedded then"
    )
    redis_url: SecretStr | None = Field(None, description="a Redis of your own, redis://…; none is embedded then")
    api_processes: int = Field(1, ge=1, le=64, description="HTTP processes under `gateway up`, 1 to 64")
    workers: int = Field(2, ge=0, le=64, description="worker processes under `gateway up`, 0 to 64")
    concurrency: int = Field(100, ge=1, le=10_000, description="calls at once per vendor in each worker, 1 to 10000")
    vendors_file: str = Field("vendors.toml", min_length=1, description="the vendors' tables, separated by `:`")
    demo_vendors: bool = Field(True, description="start the simulated vendors under `gateway up`: 1 or 0")
    demo_vendors_url: HttpUrl = Field(
        "http://127.0.0.1:8900", description="address of the simulated vendors, http://host:port"
    )
    lease_seconds: float = Field(5, ge=0.5, le=3600, description="lease of a running job in seconds, 0.5 to 3600")
    drain_seconds: float = Field(
        30, ge=0, le=3600, description="grace of a worker's calls at its stop, 0 to 3600 seconds"
    )
    retention_days: Days = Field(30, description="how long an ended job is kept, up to 3650 days")
    retention_complete_days: Days | None = Field(
        None, description="the same for complete jobs, up to 3650 days; default GATEWAY_RETENTION_DAYS"
    )
    retention_failed_days: Days | None = Field(
        None, description="the same for failed jobs, up to 3650 days; default GATEWAY_RETENTION_DAYS"
    )
    retention_cancelled_days: Days | None = Field(
        None, description="the same for cancelled jobs, up to 3650 days; default GATEWAY_RETENTION_DAYS"
    )
    redact_days: Days | None = Field(
        None, description="when payload and result of an ended job are removed, up to 3650 days after; default never"
    )
    audit_days: Days = Field(400, description="how long the record of who did what is kept, up to 3650 days")
    order_minutes: float = Field(
        30, gt=0, le=10_080, description="how long an order may stay unpaid before it is cancelled, up to 10080 minutes"
    )
    vendor_backlog: int = Field(
        1_000_000, ge=0, description="how many jobs may wait for one vendor; beyond, POST /jobs is a 503; 0: no end"
    )
    client_backlog: int = Field(
        500_000, ge=0, description="how many jobs of one client may wait; beyond, its POST /jobs is a 503; 0: no end"
    )
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
    public_url: HttpUrl | None = Field(
        None, description="what vendors are given, https://host; default http://host:port"
    )
    pages_url: HttpUrl | None = Field(
        None, description="where the pages are that links in mails lead to, https://host; default GATEWAY_PUBLIC_URL"
    )
    mail_from: str | None = Field(
        None, description="whom mails come from, such as Our Gateway <gateway@example.com>; needed with SMTP_URL"
    )
    email_limit: str | None = Field(
        None, min_length=1, description="how fast mails leave, such as 10/second; default as fast as they come"
    )
    callback_secret: SecretStr | None = Field(
        None,
        description="what clients' callback secrets are derived from: 32 characters or more, the same on all machines; "
        "default one that is made and kept in the home",
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
    media_dir: Path | None = Field(
        None, description="directory of images, which all hosts must share; default media in GATEWAY_HOME"
    )
    media_bucket: str | None = Field(
        None,
        pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._/-]*)?$",
        description="S3 bucket of images instead, like shop or shop/images; AWS_ACCESS_KEY_ID and the like open it",
    )
    media_processes: int = Field(1, ge=1, le=64, description="images compressed at once in each worker, 1 to 64")
    env: Literal["production", "development"] = Field(
        "production", description="production or development; development lets callbacks go to http and to this machine"
    )
    trusted_hops: int = Field(0, ge=0, le=10, description="proxies in front of us that write X-Forwarded-For, 0 to 10")
    api_key: SecretStr | None = Field(
        None, description="what `gateway jobs` and `gateway vendors` show the API; a flag is seen by others in ps"
    )
    anonymous: bool = Field(False, description="let callers without credentials use /jobs: 1 or 0")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="debug, info, warning or error")

    @field_validator("callback_secret")
    @classmethod
    def _is_long(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value()) < 32:
            raise ValueError("it is too short, and could be guessed")
        return secret

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

    @field_validator("mongo_url")
    @classmethod
    def _names_mongodb(cls, url: SecretStr | None) -> SecretStr | None:
        return _of_scheme(url, "mongodb://", "mongodb+srv://")

    @field_validator("redis_url")
    @classmethod
    def _names_redis(cls, url: SecretStr | None) -> SecretStr | None:
        return _of_scheme(url, "redis://", "rediss://", "unix://")

    @property
    def vendors_files(self) -> tuple[Path, ...]:
        return tuple(Path(name) for name in self.vendors_file.split(":") if name)

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

    @property
    def retention(self) -> Retention:
        """The terms on which ended jobs are kept, for those that end from now on."""
        kept = self.retention_days
        return Retention(
            complete=timedelta(days=self.retention_complete_days or kept),
            failed=timedelta(days=self.retention_failed_days or kept),
            cancelled=timedelta(days=self.retention_cancelled_days or kept),
            redact_after=None if self.redact_days is None else timedelta(days=self.redact_days),
        )

    @property
    def public_base(self) -> str:
        """Where the gateway is reached from outside, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host  # RFC 3986, section 3.2.2
        return (self.public_url or f"http://{host}:{self.port}").rstrip("/")

    def as_environment(self) -> dict[str, str]:
        """The same settings as variables, for a child process; secrets are in it."""
        values = {f"{PREFIX}{name.upper()}": _written(getattr(self, name)) for name in type(self).model_fields}
        return {name: value for name, value in values.items() if value is not None}

    def table_environment(self) -> dict[str, str]:
        """What `${NAME}` in the tables may name: `.env`, the environment, and every setting that is no secret."""
        ours = {name: value for name, value in self.as_environment().items() if name not in SECRETS}
        kept = {name: value for name, value in dotenv_values(DOTENV).items() if value is not None}
        told = {**kept, **os.environ, **ours, "GATEWAY_PUBLIC_URL": self.public_base}
        if not told.get(DEMO_WEBHOOK_SECRET):
            told[DEMO_WEBHOOK_SECRET] = demo_webhook_secret(Home.at(self.home))
        return told


def load_settings(
    flags: Mapping[str, object] | None = None, *, defaults: Mapping[str, object] | None = None
) -> Settings:
    """The settings as they stand; `defaults` hold where nobody said anything. Raises `ConfigurationError`."""
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    try:
        settings = Settings(**given)  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as faults:
        raise ConfigurationError("\n".join(_sentence(fault) for fault in faults.errors())) from None
    except (OSError, UnicodeDecodeError) as fault:
        what = f"{DOTENV}:1: cannot be read ({type(fault).__name__}): make it a UTF-8 file"
        raise ConfigurationError(what) from None
    unsaid = {name: value for name, value in (defaults or {}).items() if name not in settings.model_fields_set}
    return settings.model_copy(update=unsaid)


def unknown_settings(environment: Mapping[str, str]) -> Iterator[str]:
    """A warning for each `GATEWAY_…` that is no setting."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | NOT_OURS
    for name in sorted({*environment, *dotenv_values(DOTENV)}):
        if name.startswith(PREFIX) and name not in known:
            meant = get_close_matches(name, known, n=1)
            yield f"{name}: there is no such setting" + (f"; did you mean {meant[0]}?" if meant else "")


def _of_scheme(url: SecretStr | None, *schemes: str) -> SecretStr | None:
    if url is not None and not url.get_secret_value().startswith(schemes):
        raise ValueError(f"it should start with {' or '.join(schemes)}")
    return url


def _sentence(fault: ErrorDetails) -> str:
    name = str(fault["loc"][0])
    fault_text = fault["msg"].removeprefix("Value error, ")
    return f"{PREFIX}{name.upper()}: {fault_text[0].lower()}{fault_text[1:]}; {Settings.model_fields[name].description}"


def _written(value: object) -> str | None:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, bool):
        return "1" if value else "0"
    return None if value is None else str(value)
