"""
The settings: environment variables `GATEWAY_…`, or flags of the same name; `.env` is read too.

A flag wins over the environment, and that over `.env`. Every fault of every setting is told
at once, each with its remedy. An unknown `GATEWAY_…` is most likely a slip of the pen.
"""

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from dotenv import dotenv_values
from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsConfigDict

from cli.account_settings import AccountSettings
from cli.credentials import demo_webhook_secret
from cli.home import Home
from cli.process_settings import ProcessSettings
from cli.retention_settings import RetentionSettings
from cli.shop_settings import ShopSettings
from domain.errors import ConfigurationError

PREFIX = "GATEWAY_"
DOTENV = Path(".env")
SECRETS = frozenset(  # URLs may hold passwords
    {"GATEWAY_MONGO_URL", "GATEWAY_REDIS_URL", "GATEWAY_CALLBACK_SECRET", "GATEWAY_JWT_SECRET", "GATEWAY_API_KEY"}
)
DEMO_WEBHOOK_SECRET = "GATEWAY_DEMO_WEBHOOK_SECRET"  # noqa: S105 - its name; kept in the home unless it is set
NOT_OURS = frozenset(
    {"GATEWAY_LOCALSTRIPE", "GATEWAY_STRICT_SKIPS", DEMO_WEBHOOK_SECRET}
)  # by the tests, and by the tables

DEVELOPMENT: Mapping[str, object] = {"env": "development", "anonymous": True}  # what `gateway up` assumes


class Settings(ShopSettings, AccountSettings, RetentionSettings, ProcessSettings):
    """
    Each description is the help of its flag, and the remedy when the value is wrong.

    The parts are read here and nowhere else. Pydantic lists the fields of the last of them first.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        env_prefix=PREFIX,
        env_file=DOTENV,
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

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
