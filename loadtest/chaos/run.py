"""
One run: everything started, hurt while the load goes on, healed, waited for, and the books balanced.

After the last fault all is made well and the vendors are told to behave. Then every accepted job has to end by itself.
Nothing is helped along: a job that does not move is what the run is looking for.
"""

import asyncio
import os
import platform
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import httpx

from loadtest.chaos.evidence import Evidence, Machine
from loadtest.chaos.faults import Faults, Struck
from loadtest.chaos.fleet import Fleet
from loadtest.chaos.journal import Journal, read_journal
from loadtest.chaos.ledger import Ledger, balance
from loadtest.chaos.load import Load
from loadtest.chaos.load_orders import LoadPlan
from loadtest.chaos.programs import GATEWAY, RECEIVER, SERVERS, STRANGERS, Site
from loadtest.chaos.recovery import Probes, seconds_of_its_own
from loadtest.chaos.schedule import APIS, STORES, VENDOR, WORKERS, Fault, plan
from loadtest.chaos.servers import Away, Books, MongoSet, RedisServer
from loadtest.chaos.tables import write_tables

LOOK_SECONDS = 1.0
STILL_SECONDS = 180.0  # without progress: what is open then is lost or stuck

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wish:
    jobs: int
    minutes: float
    seed: int
    kills: int = 0


async def run(site: Site, wish: Wish, say: Say) -> Ledger:
    """Raises `RuntimeError` or `TimeoutError` where the run itself did not come about."""
    site.admit_admin()
    write_tables(site.tables, site.url(VENDOR))
    with Fleet(site.home) as fleet:
        redis, mongo = RedisServer(site), MongoSet(site)
        await _start(site, fleet, redis, mongo)
        say(f"{len(GATEWAY)} processes of the gateway run, {len(SERVERS)} servers, {len(STRANGERS)} strangers")
        journal = Journal(site.journal("probes"))
        async with mongo.books() as books, Probes([site.url(name) for name in APIS], journal) as probes:
            scene = Faults(site, fleet, redis, mongo, books, probes)
            return await _play(scene, wish, say)


async def _start(site: Site, fleet: Fleet, redis: RedisServer, mongo: MongoSet) -> None:
    for name in (*SERVERS, *STRANGERS):
        fleet.start(site.program(name))
    await fleet.listening((*SERVERS, *STRANGERS))
    await redis.ready()
    await mongo.initiate()
    for name in GATEWAY:
        fleet.start(site.program(name))
    await fleet.listening(GATEWAY)


async def _play(scene: Faults, wish: Wish, say: Say) -> Ledger:
    site, began = scene.site, time.monotonic()
    async with asyncio.TaskGroup() as group:
        keeper = group.create_task(scene.fleet.keep())
        load_plan = LoadPlan(wish.jobs, wish.minutes * 60, wish.seed, site.url(RECEIVER), site.admin_key)
        load = Load([site.url(name) for name in APIS], site.journal("load"), load_plan)
        loading = group.create_task(load.run())
        struck = await _strike_all(scene, plan(wish.seed, wish.minutes, wish.kills), say)
        await loading
        say(f"{time.monotonic() - began:6.1f} s  the load is over; waiting until every job has ended")
        await _heal(scene)
        await _until_still(scene.books, say)
        documents = await scene.books.documents()
        machine = await _machine(scene)
        keeper.cancel()
    seconds = time.monotonic() - began
    await scene.fleet.stop(GATEWAY)
    return balance(
        Evidence(
            seed=wish.seed,
            seconds=seconds,
            machine=machine,
            records=chain.from_iterable(map(read_journal, sorted((site.home / "journals").iterdir()))),
            documents=documents,
            faults=Counter(_sort(each.fault) for each in struck if each.names),
            recoveries=_recoveries(struck),
            kills=sum(each.fault.kills for each in struck if each.names),
            ended_themselves=scene.fleet.ended_themselves,
        )
    )


async def _strike_all(scene: Faults, faults: Sequence[Fault], say: Say) -> list[Struck]:
    began = time.monotonic()

    async def strike(fault: Fault) -> Struck:
        await asyncio.sleep(max(0.0, began + fault.at - time.monotonic()))
        struck = await scene.strike(fault)
        after = None if struck.recovered is None else struck.recovered - struck.counted_from
        took = "no recovery seen" if after is None else f"over it after {after:.2f} s"
        names = ", ".join(struck.names) or f"no {fault.target} to hit"
        say(f"{struck.began - began:6.1f} s  {fault.kind}: {names} for {struck.healed - struck.began:.1f} s; {took}")
        return struck

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(strike(fault)) for fault in faults]
    return [task.result() for task in tasks]


async def _heal(scene: Faults) -> None:
    """Every fault has undone itself by now; this waits until that shows, and calms the vendors."""
    await scene.redis.ready()
    await scene.mongo.healthy()
    await scene.fleet.listening((*GATEWAY, *STRANGERS))
    async with httpx.AsyncClient(timeout=10) as http:
        answer = await http.put(f"{scene.site.url(VENDOR)}/control/calm")
        answer.raise_for_status()


async def _until_still(books: Books, say: Say) -> None:
    """Until nothing is open, or nothing has ended for too long."""
    left, moved_at = await books.open_jobs(), time.monotonic()
    while left and time.monotonic() - moved_at < STILL_SECONDS:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            now = await books.open_jobs()
        except Away:
            continue
        if now != left:
            left, moved_at = now, time.monotonic()
    say("every job has ended" if not left else f"{left} jobs are open, and none has ended for {STILL_SECONDS:.0f} s")


async def _machine(scene: Faults) -> Machine:
    return Machine(
        cores=os.cpu_count() or 1,
        kernel=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        redis=await scene.redis.version(),
        mongodb=await scene.mongo.version(),
    )


def _sort(fault: Fault) -> str:
    """What the ledger calls it: processes of one sort are one line."""
    return f"{fault.target.partition('-')[0]}: {fault.kind}"


def _recoveries(struck: Iterable[Struck]) -> dict[str, list[float | None]]:
    hit = [each for each in struck if each.names]
    found: defaultdict[str, list[float | None]] = defaultdict(list)
    for each in hit:
        others = (other.healed for other in hit if other is not each and _may_delay(other.fault, each.fault))
        seen = each.recovered
        found[_sort(each.fault)].append(seen and seconds_of_its_own(each.counted_from, seen, others))
    return dict(found)


def _may_delay(other: Fault, fault: Fault) -> bool:
    """What a worker held is taken over by any other worker, as soon as the stores are there."""
    return fault.target not in WORKERS or other.target in STORES
