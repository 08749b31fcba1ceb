"""`gateway doctor`: looks at everything that a start needs, changes nothing, and says what to do."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta

from cli.addresses import with_servers
from cli.mails import tell_way
from cli.media_stores import media_files, media_folder
from cli.payments import payment_readers, payments_limit
from cli.settings import Settings, load_settings
from cli.stores import CLOCK_TOLERANCE
from cli.watching import live_vendors, table_environment
from domain.bugs import Bug
from domain.commerce.images import ORIGINAL
from domain.errors import ConfigurationError, Unavailable
from domain.infra.bug_record import RedisBugRecord
from domain.infra.inspection import keeps_append_only_file, missing_indexes, mongo_version, redis_version
from domain.infra.mongo import Database, check_mongo, mongo_clock_ahead, open_mongo
from domain.infra.redis import RedisClient, check_redis, open_redis, redis_clock_ahead
from vendors.http import VendorHttp
from vendors.services.reading import read_services

BUGS_WITHIN = timedelta(days=1)
BUGS_TOLD = 10
LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)


class Report:
    """Prints each finding as it is made, and counts those that need a remedy."""

    def __init__(self, say: Callable[[str], None] = print) -> None:
        self._say = say
        self.faults = 0

    def good(self, finding: str) -> None:
        self._say(f"ok     {finding}")

    def note(self, finding: str) -> None:
        """What is worth knowing, and may be meant."""
        self._say(f"note   {finding}")

    def bad(self, finding: str) -> None:
        self.faults += 1
        self._say(f"WRONG  {finding}")

    async def check(self, finding: str, steps: Awaitable[str | None]) -> None:
        """One check: `steps` answers what it found, or raises `ConfigurationError` with the remedy."""
        try:
            found = await steps
        except ConfigurationError as fault:
            self.bad(fault.detail)
        else:
            self.good(f"{finding}: {found}" if found else finding)


def run(flags: Mapping[str, object]) -> int:
    """The exit code: 0 when all is well."""
    report = Report()
    asyncio.run(_examine(flags, report))
    print("all is well" if not report.faults else f"{report.faults} to mend")
    return 1 if report.faults else 0


async def _examine(flags: Mapping[str, object], report: Report) -> None:
    try:
        settings = load_settings(flags)
    except ConfigurationError as fault:
        report.bad(fault.detail)
        return
    report.good("settings")
    await report.check("vendors", _vendors(settings))
    await report.check("services", _services(settings))
    _examine_mails(settings, report)
    _examine_payments(settings, report)
    await report.check("images", _images(settings))
    try:
        settings = with_servers(settings)
    except ConfigurationError as fault:
        report.bad(fault.detail)
        return
    await _examine_servers(settings, report)


async def _examine_servers(settings: Settings, report: Report) -> None:
    assert settings.mongo_url is not None  # noqa: S101 - `with_servers` filled both in
    assert settings.redis_url is not None  # noqa: S101
    await report.check("MongoDB", _mongo(settings.mongo_url.get_secret_value(), report))
    await report.check("Redis", _redis(settings.redis_url.get_secret_value(), report))


def _examine_mails(settings: Settings, report: Report) -> None:
    try:
        way = tell_way(settings)
    except ConfigurationError as fault:
        report.bad(fault.detail)
        return
    if way is None:
        report.note("mails: none is sent, and their jobs fail with email_not_configured; set SMTP_URL or GMAIL_*")
    else:
        report.good(f"mails: {way}")


def _examine_payments(settings: Settings, report: Report) -> None:
    try:
        payments_limit(settings)
        takes = bool(payment_readers(settings))
    except ConfigurationError as fault:
        report.bad(fault.detail)
        return
    if takes:
        report.good(f"payments: Stripe posts to {settings.public_base}/webhooks/payments")
    else:
        report.note("payments: none is taken (503, payments-not-configured); set STRIPE_SECRET_KEY")


async def _services(settings: Settings) -> str:
    return ", ".join(sorted(read_services(settings.vendors_files, table_environment(settings)))) or "none"


async def _images(settings: Settings) -> str:
    files = media_files(settings)
    if settings.media_bucket is None:
        return f"in {media_folder(settings)}"
    try:
        await files.remove_older(ORIGINAL, LONG_AGO)  # which lists those that wait, and removes none
    except Unavailable:
        raise ConfigurationError(
            f"GATEWAY_MEDIA_BUCKET: the bucket {settings.media_bucket} does not answer, or is not open to this key; "
            "docs/images.md lists the rights that it takes"
        ) from None
    return f"in the bucket {settings.media_bucket}"


async def _vendors(settings: Settings) -> str:
    async with VendorHttp() as http:
        vendors = live_vendors(settings, http)
    told = "".join(f"; {name} posts to {settings.public_base}/webhooks/{name}" for name in sorted(vendors.webhooks))
    return f"{', '.join(sorted(vendors)) or 'none'} (from {settings.vendors_file}){told}"


async def _mongo(url: str, report: Report) -> str:
    async with open_mongo(url) as database:
        await check_mongo(database)
        await report.check("MongoDB's clock", _clock("MongoDB", await mongo_clock_ahead(database)))
        await report.check("indexes", _indexes(database))
        return f"{await mongo_version(database)}, a replica set"


async def _redis(url: str, report: Report) -> str:
    async with open_redis(url) as client:
        await check_redis(client)
        await report.check("Redis' clock", _clock("Redis", await redis_clock_ahead(client)))
        await report.check("Redis' append-only file", _durability(client))
        await report.check("programming errors", _bugs(client))
        return f"{await redis_version(client)}, never evicts"


async def _clock(whose: str, ahead: timedelta) -> str:
    if abs(ahead) > CLOCK_TOLERANCE:
        raise ConfigurationError(
            f"{whose}'s clock is {ahead.total_seconds():+.1f} s from ours; run NTP on both (chrony, timesyncd)"
        )
    return f"{ahead.total_seconds() * 1000:+.0f} ms from ours"


async def _indexes(database: Database) -> str | None:
    missing = await missing_indexes(database)
    if missing:
        raise ConfigurationError(
            f"MongoDB lacks the indexes {', '.join(missing)}; start any gateway process once: it makes them"
        )
    return None


async def _durability(client: RedisClient) -> str:
    if not await keeps_append_only_file(client):
        raise ConfigurationError(
            "Redis keeps no append-only file, so after a crash the queue is rebuilt from MongoDB, which takes a while; "
            "set appendonly yes and appendfsync everysec"
        )
    return "on"


async def _bugs(client: RedisClient) -> str:
    """What nobody foresaw, by the record of all processes."""
    bugs = await RedisBugRecord(client).since(datetime.now(UTC) - BUGS_WITHIN)
    if not bugs:
        return "none in the last day"
    lines = [_told(bug) for bug in bugs[:BUGS_TOLD]]
    if len(bugs) > BUGS_TOLD:
        lines.append(f"and {len(bugs) - BUGS_TOLD} more")
    met = "a programming error was" if len(bugs) == 1 else f"{len(bugs)} programming errors were"
    raise ConfigurationError(
        "\n       ".join([f"{met} met in the last day; the log of the process has the stack: report it", *lines])
    )


def _told(bug: Bug) -> str:
    trace = f", trace_id {bug.trace}" if bug.trace else ""
    times = f", {bug.times} times" if bug.times > 1 else ""
    return f"{bug.type} at {bug.place} in {bug.process} ({bug.what}, {bug.at:%Y-%m-%d %H:%M:%S} UTC{trace}{times})"
