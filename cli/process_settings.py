"""Settings of the processes: where they listen, what they stand on, how many they are and how much they take in."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints, field_validator
from pydantic_settings import BaseSettings

Port = Annotated[int, Field(ge=1, le=65535)]
HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+")]
HttpUrls = Annotated[str, StringConstraints(pattern=r"^http://[^\s/,]+(,http://[^\s/,]+)*$")]


class ProcessSettings(BaseSettings):
    """A part of `cli.settings.Settings`, which reads it."""

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
    demo_users: HttpUrls = Field(
        "http://127.0.0.1:8901,http://127.0.0.1:8902,http://127.0.0.1:8903",
        description="instances of the sample service `user`, http://host:port with commas between them",
    )
    demo_products: HttpUrls = Field(
        "http://127.0.0.1:8904,http://127.0.0.1:8905,http://127.0.0.1:8906",
        description="instances of the sample service `product`, http://host:port with commas between them",
    )
    lease_seconds: float = Field(5, ge=0.5, le=3600, description="lease of a running job in seconds, 0.5 to 3600")
    drain_seconds: float = Field(
        30, ge=0, le=3600, description="grace of a worker's calls at its stop, 0 to 3600 seconds"
    )
    vendor_backlog: int = Field(
        1_000_000, ge=0, description="how many jobs may wait for one vendor; beyond, POST /jobs is a 503; 0: no end"
    )
    client_backlog: int = Field(
        500_000, ge=0, description="how many jobs of one client may wait; beyond, its POST /jobs is a 503; 0: no end"
    )
    public_url: HttpUrl | None = Field(
        None, description="what vendors are given, https://host; default http://host:port"
    )
    pages_url: HttpUrl | None = Field(
        None,
        description="where the pages are that links in mails lead to, and that buyers come back to when they have "
        "paid, https://host; default GATEWAY_PUBLIC_URL",
    )
    callback_secret: SecretStr | None = Field(
        None,
        description="what clients' callback secrets are derived from: 32 characters or more, the same on all machines; "
        "default one that is made and kept in the home",
    )
    metrics_port: int = Field(
        0, ge=0, le=65535, description="port that shows the figures of this home's processes, without a key; 0: none"
    )
    metrics_host: str = Field(
        "127.0.0.1", min_length=1, description="address of that port; whoever reaches it reads the figures"
    )
    metrics_token: SecretStr | None = Field(
        None, description="what /metrics takes besides keys, though MongoDB is away; 32 characters or more"
    )
    env: Literal["production", "development"] = Field(
        "production", description="production or development; development lets callbacks go to http and to this machine"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="debug, info, warning or error")

    @field_validator("callback_secret", "metrics_token")
    @classmethod
    def _is_long(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value()) < 32:
            raise ValueError("it is too short, and could be guessed")
        return secret

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
    def public_base(self) -> str:
        """Where the gateway is reached from outside, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host  # RFC 3986, section 3.2.2
        return (self.public_url or f"http://{host}:{self.port}").rstrip("/")


def _of_scheme(url: SecretStr | None, *schemes: str) -> SecretStr | None:
    if url is not None and not url.get_secret_value().startswith(schemes):
        raise ValueError(f"it should start with {' or '.join(schemes)}")
    return url
