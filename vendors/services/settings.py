"""What `[services.NAME]` in `vendors.toml` may say, checked field by field and then together."""

import re
from typing import Annotated, Literal, Self

import httpx
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr, model_validator

from domain.balancing.instances import Strategy
from domain.services import Access, ServicePolicy
from vendors.http import is_header
from vendors.table.fields import STRICT, check_url, conflict
from vendors.table.instance_fields import Instances

_ACCESSES = {access.value: access for access in Access}
_STRATEGIES = {strategy.value: strategy for strategy in Strategy}
_DNS_NAME = re.compile(r"[\w-]{1,63}(\.[\w-]{1,63})*\.?", re.ASCII)


def _read_access(value: object) -> object:
    if not isinstance(value, str) or value not in _ACCESSES:
        raise ValueError(f"access is none of {', '.join(_ACCESSES)}: write one of them")
    return _ACCESSES[value]


def _read_strategy(value: object) -> object:
    if not isinstance(value, str) or value not in _STRATEGIES:
        raise ValueError(f"strategy is none of {', '.join(_STRATEGIES)}: write one of them")
    return _STRATEGIES[value]


def _split(value: object) -> object:
    """A variable of the environment holds text: addresses with commas between them."""
    return addresses_in(value) if isinstance(value, str) else value


def addresses_in(text: str) -> list[str]:
    """Of a list with commas between them."""
    return [one.strip() for one in text.split(",") if one.strip()]


def _check_path(path: str) -> str:
    if not path.startswith("/") or path.startswith("//"):
        raise ValueError('health.path is no path: write it like "/health"')
    check_url(f"http://instance{path}", "health.path")
    return path


def _check_srv(name: str) -> str:
    if not _DNS_NAME.fullmatch(name):
        raise ValueError('srv is no name in DNS: write it like "_http._tcp.user.example"')
    return name


def _check_consul(url: str) -> str:
    if httpx.URL(check_url(url, "consul_url", credentials_go="move the token into consul_token")).query:
        raise ValueError("consul_url has a query: remove it")
    return url


def _check_token(token: SecretStr) -> SecretStr:
    if not is_header("X-Consul-Token", token.get_secret_value()):
        raise ValueError("consul_token holds a character that HTTP does not allow: look for a line's end in it")
    return token


class HealthTable(BaseModel):
    """`health = { path = "/health", every_seconds = 5 }`: each instance is asked, and 2xx is well."""

    model_config = STRICT

    path: Annotated[str, AfterValidator(_check_path)] = "/health"
    every_seconds: float = Field(default=5.0, ge=0.1, le=3600)


class ServiceTable(BaseModel):
    """
    `[services.x]`, interpolated. Its instances are listed, or found by `srv` or `consul`: exactly one of the three.

    `timeout_seconds` is for the first byte of an answer, counted from the last piece of the request that an instance
    took; `idle_seconds`, by default the same, for each further piece.
    """

    model_config = STRICT

    instances: Annotated[Instances, BeforeValidator(_split)] = ()
    srv: Annotated[str, AfterValidator(_check_srv)] | None = Field(default=None, max_length=253)
    consul: str | None = Field(default=None, min_length=1, max_length=128)
    consul_url: Annotated[str, AfterValidator(_check_consul)] = "http://127.0.0.1:8500"
    consul_token: Annotated[SecretStr, AfterValidator(_check_token)] | None = None
    scheme: Literal["http", "https"] = "http"
    strategy: Annotated[Strategy, BeforeValidator(_read_strategy)] = Strategy.ROUND_ROBIN
    timeout_seconds: float = Field(default=30.0, gt=0, le=3600)
    idle_seconds: float | None = Field(default=None, gt=0, le=3600)
    retries: int = Field(default=1, ge=0, le=5)
    access: Annotated[Access, BeforeValidator(_read_access)] = Access.AUTHENTICATED
    forward_authorization: bool = False
    max_body_bytes: int | None = Field(default=None, ge=0)
    health: HealthTable | None = None

    @property
    def policy(self) -> ServicePolicy:
        return ServicePolicy(self.access, self.forward_authorization, self.max_body_bytes)

    @model_validator(mode="after")
    def _is_found_in_one_way(self) -> Self:
        ways = {"instances": self.instances or None, "srv": self.srv, "consul": self.consul}
        given = [name for name, way in ways.items() if way is not None]
        if not given:
            raise conflict('it has no instances: add instances = ["http://127.0.0.1:9001"], or srv, or consul')
        if len(given) > 1:
            raise conflict(f"{' and '.join(f'`{name}`' for name in given)} exclude each other: leave one", given[-1])
        return self

    @model_validator(mode="after")
    def _says_nothing_in_vain(self) -> Self:
        for name in ("consul_url", "consul_token"):
            if name in self.model_fields_set and self.consul is None:
                raise conflict(f"`{name}` says nothing without `consul`: remove it", name)
        if "scheme" in self.model_fields_set and self.instances:
            raise conflict("`scheme` says nothing of `instances`, whose addresses have one: remove it", "scheme")
        return self
