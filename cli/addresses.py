"""Where the servers of a process that was started by hand are: as set, else as `gateway up` wrote them down."""

from pydantic import SecretStr

from cli.home import Home
from cli.settings import PREFIX, Settings
from domain.errors import ConfigurationError

SERVER_SETTINGS = ("mongo_url", "redis_url")


def with_servers(settings: Settings, *names: str) -> Settings:
    """The settings with the URLs of these in them, by default both. Raises `ConfigurationError` for one set nowhere."""
    noted = Home.at(settings.home).addresses()
    found: dict[str, SecretStr] = {}
    for name in names or SERVER_SETTINGS:
        variable = f"{PREFIX}{name.upper()}"
        if getattr(settings, name) is None and variable not in noted:
            raise ConfigurationError(
                f"{variable}: not set, and no `gateway up` has noted one in {settings.home}/servers.env; "
                "set it to a server of your own, or run `gateway up`"
            )
        found[name] = getattr(settings, name) or SecretStr(noted[variable])
    return settings.model_copy(update=found)
