"""Flags of the same name as the settings: `--lease-seconds` is `GATEWAY_LEASE_SECONDS`."""

from collections.abc import Callable
from typing import Any

import click
from pydantic_core import PydanticUndefined

from cli.settings import PREFIX, Settings

Command = Callable[..., Any]

SERVERS = ("home", "mongo_url", "redis_url", "log_level", "env")
FIGURES = ("metrics_port", "metrics_host")
TABLE = ("vendors_file", "public_url", "demo_vendors_url", "demo_users", "demo_products", "payments_limit")
KEEPING = (
    *("retention_days", "retention_complete_days", "retention_failed_days", "retention_cancelled_days"),
    "redact_days",
)
TOKENS = ("jwt_secret", "jwt_keys")
HTTP = (
    *("host", "port", "anonymous", "trusted_hops", "vendor_backlog", "client_backlog", "audit_days"),
    *("client_limit", "ip_limit", "cors_origins", "hsts_subdomains", "short_hosts", "pages_url"),
    *SERVERS,
    *FIGURES,
    *TABLE,
    *("metrics_token", "lease_seconds", *KEEPING),
    *TOKENS,
    "password_threads",
)
CALLBACKS = ("callback_secret", "home")
WORKER = (
    *("concurrency", "lease_seconds", "drain_seconds", *KEEPING, "host", "port", "callback_secret"),
    *SERVERS,
    *FIGURES,
    *TABLE,
    *TOKENS,
    *("pages_url", "mail_from", "email_limit", "reconcile_every_seconds"),
)
EVERY = tuple(name for name in Settings.model_fields if name != "api_key")  # which no process of ours needs


def setting_flags(*names: str) -> Callable[[Command], Command]:
    """A decorator: one flag a setting, unchecked text or None, for `load_settings`."""

    def add(command: Command) -> Command:
        for name in reversed(names):
            command = click.option(_flag(name), name, default=None, metavar="VALUE", help=_help(name))(command)
        return command

    return add


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _help(name: str) -> str:
    field = Settings.model_fields[name]
    unset = field.default in (None, PydanticUndefined)
    default = "" if unset else f"; default {int(field.default) if isinstance(field.default, bool) else field.default}"
    return f"{field.description}  [{PREFIX}{name.upper()}{default}]"
