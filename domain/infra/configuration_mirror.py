"""
The newest version of each configuration in Redis, from where it is read, and by which its change is told.

    gateway:config:<service>   hash: `version`, `about` and `text` of it, `checked` when MongoDB was last asked (ms)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from domain.configurations import Configuration, Version
from domain.infra.redis import RedisClient
from domain.infra.scripts import load_script

CHANGES = "gateway:config-changes"  # channel: the name of a service whose configuration has changed
CHECK_SECONDS = 5.0  # so old a copy is compared with MongoDB: what was stored and not copied is found by then

_about = msgspec.json.Decoder(Version)


@dataclass(frozen=True, slots=True)
class Copy:
    """What Redis has of one service; `fresh`: MongoDB was asked not long ago."""

    configuration: Configuration | None = None
    fresh: bool = False

    @property
    def number(self) -> int:
        return 0 if self.configuration is None else self.configuration.number

    def serves(self, least: int) -> bool:
        """Whether it may be given to a reader who has version `least`."""
        return self.configuration is not None and self.number >= least


class ConfigurationMirror:
    """All methods raise `REDIS_FAULTS`."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._keep = load_script(redis, "mirror", "clock")

    async def look(self, services: Sequence[str]) -> list[Copy]:
        """Of each, in one round trip; one that is named often is read once."""
        wanted = sorted(set(services))
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.time()
            for service in wanted:
                pipeline.hmget(_key(service), ["checked", "about", "text"])
            (seconds, micros), *rows = await pipeline.execute()
        now_ms = seconds * 1000 + micros // 1000
        found = {service: _copy(row, now_ms) for service, row in zip(wanted, rows, strict=True)}
        return [found[service] for service in services]

    async def keep(self, service: str, stored: Configuration | None, before: int = -1) -> None:
        """What MongoDB said, which was asked when Redis had version `before`; an older word changes nothing."""
        number = 0 if stored is None else stored.number
        about = b"" if stored is None else msgspec.json.encode(stored.about)
        text = "" if stored is None else stored.text
        await self._keep(keys=[_key(service)], args=[number, about, text, before, CHANGES, service])


def _key(service: str) -> str:
    return f"gateway:config:{service}"


def _copy(row: Sequence[bytes | None], now_ms: int) -> Copy:
    """What another release wrote, and this one cannot read, is no copy: MongoDB is asked, and it is replaced."""
    checked, about, text = row
    if checked is None or about is None or text is None:
        return Copy()
    try:
        version = _about.decode(about)
    except msgspec.DecodeError:
        return Copy()
    age = now_ms - int(checked)
    return Copy(Configuration(version, text.decode()), fresh=0 <= age < CHECK_SECONDS * 1000)
