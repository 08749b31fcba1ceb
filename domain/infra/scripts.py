"""The Lua scripts beside this module, each put together from the preludes it names and its own text."""

from importlib import resources

from redis.commands.core import AsyncScript

from domain.infra.redis import RedisClient


def load_script(redis: RedisClient, name: str, *preludes: str) -> AsyncScript:
    """A script that runs by its hash. The preludes stand before it in the order given: they define local functions."""
    folder = resources.files("domain.infra.lua")
    text = "\n".join(folder.joinpath(f"{part}.lua").read_text() for part in (*preludes, name))
    return redis.register_script(text)
