"""
The queue: arq's keys and formats, moved by a few Lua scripts.

    arq:queue:<vendor>:<class>:<client>   sorted set of ids; the score is when to look (ms): due, or the lease's end
    gateway:lanes:<vendor>:<class>  whose turn it is of the clients; `lua/lanes.lua` has this and what is counted
    arq:in-progress:<id>            the lease: its holder's token, with an expiry
    arq:retry:<id>                  arq's own count of tries, written by a plain arq worker only
    arq:job:<id>                    arq's row, JSON: the function's name and the id, never the payload
    gateway:idle:<vendor>           a worker waits: the next enqueue publishes a wake-up
    gateway:closed:<vendor>         nobody calls this vendor before then (ms)
    gateway:paused:<vendor>         nobody calls it until somebody resumes it; the truth stands in MongoDB
    gateway:grants:<vendor>         the newest permits of its limit: sorted set, the score is the start (µs)
    gateway:running:<vendor>        the ids of its calls at once, where it bounds them; the score is the lease's end
    gateway:limiter:<vendor>        the marker: of which Redis, and for which limit, the two above are whole
    gateway:breaker:<name>          a circuit breaker, such as `vendor:<vendor>`; see `lua/circuit.lua`
    gateway:full:<vendor>           a worker waits for one of the calls at once to end
    gateway:control:<vendor>        the newest version of an operator's word on it that anybody has gone by
    gateway:pulse, gateway:grace    when a claim or renewal last ran; until when expired leases stay their holders'
    gateway:memory:lanes            missing, Redis has forgotten everything: a flush, or a new server
    gateway:turn:<name>             somebody has just done what need be done once over the fleet

Everything that enqueues goes through these scripts, so no wake-up is lost and none is sent under
load. The clock is Redis' own. A plain `arq.Worker` can run any job that is queued here.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.infra.limiter import CIRCUIT, why_held
from domain.infra.limits import UNLIMITED, CallLimits
from domain.infra.queue_keys import APART, ROTATION, class_of, is_former, ring_key
from domain.infra.queue_looks import QueueLooks
from domain.infra.redis import RedisClient
from domain.infra.scripts import load_script
from domain.infra.ticks import Tick, moment_of, seconds_since_boot
from domain.infra.vendor_keys import closed_key, full_key, keys_of_calls, switches_of
from domain.ports import Queued

FUNCTION = "gateway.run"  # one name for ever: rows of every age carry it
WAKE_CHANNEL = "gateway:wake"
WAKE_ALL = ""
CHANGES_CHANNEL = "gateway:changes"
ROW_LIFETIME = timedelta(days=30)  # after it is due; arq's own default of a day would expire a long backlog
IDLE_PREFIX = "gateway:idle:"
CLOSED, PAUSED = "closed:", "paused:"  # how a message on the wake channel begins: closed:<vendor>:<until, ms>
OPENED = "opened:"  # and opened:vendor:<vendor>:<until, ms>
LEASE_MARK = ".5"  # among the scores of a lane: a lease's end
PULSE = ("gateway:pulse", "gateway:grace")
MEMORY = "gateway:memory:lanes"  # another name, when jobs stand elsewhere: they are then queued again there
FILLING = "gateway:filling:"
FILLING_SECONDS = 3600
TURN = "gateway:turn:"


def idle_key(vendor: str) -> str:
    return IDLE_PREFIX + vendor


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run one job, until somebody else's token stands at its key."""

    request_id: str
    vendor: str
    priority: str  # or `APART`
    token: str
    claimed_at: float = 0.0  # on this machine's clock, before the claim was sent
    permit: int = 0  # microseconds of Redis' clock: when the vendor's limit lets the call start; 0: it has none
    counted: bool = False  # one of its vendor's calls at once, over the fleet
    client: str = ""
    probe: bool = False  # the one call that its vendor's half-open breaker lets through, known by the token

    @property
    def ring(self) -> str:
        return ring_key(self.vendor, self.priority)


@dataclass(frozen=True, slots=True)
class Filling:
    """The mark of who queues everything again."""

    mark: str


@dataclass(frozen=True, slots=True)
class Held:
    """What keeps due jobs of a vendor from being claimed, for people, and how many jobs."""

    why: str
    due: int
    kind: str = ""  # the script's own word: closed, paused, circuit, window, concurrency, restoring, behind


@dataclass(frozen=True, slots=True)
class Claim:
    """
    What a claim got; `ask_again_at` is when something may be claimed next, None when nobody can tell.

    A `notice` asks for what Redis has forgotten of the vendor: `Limiter.restore` takes it. One that is `behind` went by
    an older word of the operators than others do, and must hear the new one first.
    """

    leases: list[Lease]
    tick: Tick
    ask_again_at: datetime | None
    held: Held | None = None
    closed: bool = False
    behind: bool = False
    notice: str = ""

    @property
    def now(self) -> datetime:
        return self.tick.now


@dataclass(frozen=True, slots=True)
class Return:
    """
    A lease given back. `due_again` is None when the job has ended; `tell` wakes those who wait for it.

    `permit` is the start that its limit gave it (0: none was needed), `arrived_by` when its call had reached
    the vendor at the latest, both in microseconds of Redis' clock (0: no call was made, the permit is given up).
    """

    lease: Lease
    due_again: datetime | None = None
    tell: bool = False
    permit: int = 0
    arrived_by: int = 0


class Queue:
    """All queues of all vendors on one Redis."""

    def __init__(self, redis: RedisClient, *, lease: timedelta) -> None:
        self._redis = redis
        self._lease_ms = round(lease.total_seconds() * 1000)
        self._enqueue = load_script(redis, "enqueue", "clock", "lanes")
        self._claim = load_script(redis, "claim", "clock", "pulse", "permits", "marker", "running", "lanes", "circuit")
        self._renew = load_script(redis, "renew", "clock", "pulse", "lanes")
        self._finish = load_script(redis, "finish", "clock", "permits", "lanes")
        self._forget = load_script(redis, "forget", "clock", "lanes")
        self._close = load_script(redis, "close", "clock")
        self._pause = load_script(redis, "pause")
        self._remember = load_script(redis, "remember")
        self.looks = QueueLooks(redis, lease=lease)
        self._turns: Counter[str] = Counter()  # of each vendor, how many claims got something

    async def enqueue(self, jobs: Sequence[Queued]) -> int:
        """Queue jobs; those that Redis already holds are left as they are. Answers how many were added."""
        lanes = sorted({(job.vendor, class_of(job), job.client) for job in jobs})
        number = {lane: index for index, lane in enumerate(lanes, start=1)}
        keys = [ring_key(vendor, place) for vendor, place, _ in lanes] + [idle_key(vendor) for vendor, *_ in lanes]
        keys.append(MEMORY)
        args: list[str | int] = [len(lanes), WAKE_CHANNEL, FUNCTION, _ms(ROW_LIFETIME)]
        args += [client for *_, client in lanes]
        for job in jobs:
            score = f"{_epoch_ms(job.due_at)}{LEASE_MARK if job.held else ''}"
            args += (number[job.vendor, class_of(job), job.client], str(job.request_id), score)
        return int(await self._enqueue(keys=keys, args=args))

    async def claim(
        self, vendor: str, how_many: int, token: str, limits: CallLimits | None = None, *, apart: bool = False
    ) -> Claim:
        """
        Lease up to `how_many` due jobs of a vendor under `token`, which must be new for every claim.

        Of a vendor with `limits` none is leased that may not start within the look-ahead; each then has its permit.
        None is for a queue that is no vendor's: it has neither limits nor pauses. `apart` takes the jobs that must
        run apart from all others, which are claimed in no other way.
        """
        order = (APART,) if apart else ROTATION[self._turns[vendor] % len(ROTATION)]
        keys = [idle_key(vendor), *keys_of_calls(vendor), full_key(vendor), *PULSE]
        keys += [ring_key(vendor, place) for place in order]
        kept_to = limits or UNLIMITED
        args: list[str | int] = [how_many, token, self._lease_ms, int(limits is not None), *kept_to.args]
        sent = seconds_since_boot()
        now, again, bar, due, notice, flat = await self._claim(keys=keys, args=args)
        counted, probe = kept_to.concurrency > 0, bar == CIRCUIT.encode()
        leases = [
            Lease(request_id.decode(), vendor, order[number - 1], token, sent, permit, counted, client.decode(), probe)
            for request_id, number, permit, client in zip(*[iter(flat)] * 4, strict=True)
        ]
        # One that got nothing keeps its turn: else those of a limited vendor may never be low's.
        if leases and not apart:
            self._turns[vendor] += 1
        return Claim(
            leases,
            Tick(now, sent, seconds_since_boot()),
            None if again < 0 else moment_of(again * 1000),
            Held(why_held(bar.decode(), kept_to), due, bar.decode().partition(" ")[0]) if bar else None,
            closed=bar == b"closed",
            behind=bar == b"behind",
            notice=notice.decode(),
        )

    async def renew(self, leases: Sequence[Lease]) -> set[str]:
        """Prolong all of `leases`; answers the ids that are another's by now. Of none, it is the pulse alone."""
        args: list[str | int] = [self._lease_ms, FUNCTION, _ms(ROW_LIFETIME)]
        for lease in leases:
            args += (lease.request_id, lease.token, lease.vendor if lease.counted else "", lease.client)
        lost = await self._renew(keys=[*PULSE, *(lease.ring for lease in leases)], args=args)
        return {request_id.decode() for request_id in lost}

    async def still_held(self, leases: Sequence[Lease]) -> list[bool]:
        """
        Which of `leases` are ours at this moment.

        One that was claimed less than half a lease ago, by a clock that goes on while this process
        or machine is suspended, cannot have expired: Redis is not asked about it.
        """
        youngest = seconds_since_boot() - self._lease_ms / 2000
        if all(lease.claimed_at > youngest for lease in leases):
            return [True] * len(leases)
        return await self.confirmed(leases)

    async def confirmed(self, leases: Sequence[Lease]) -> list[bool]:
        """Which of `leases` are ours by Redis' own word."""
        holders = await self._redis.mget([f"arq:in-progress:{lease.request_id}" for lease in leases])
        return [holder == lease.token.encode() for holder, lease in zip(holders, leases, strict=True)]

    async def give_back(self, returns: Sequence[Return]) -> None:
        """Finish or postpone leases and tell who waits. Done twice it changes nothing more."""
        keys: list[str] = []
        args: list[str | int] = [WAKE_CHANNEL, CHANGES_CHANNEL]
        for back in returns:
            keys += (back.lease.ring, idle_key(back.lease.vendor))
            due = -1 if back.due_again is None else _epoch_ms(back.due_again)
            args += (back.lease.request_id, back.lease.token, due, int(back.tell))
            args += (back.permit, back.arrived_by, back.lease.client)
        await self._finish(keys=keys, args=args)

    async def forgotten(self, vendors: Sequence[str]) -> list[str]:
        """Of which of these vendors Redis does not know what was queued: after a flush of all, until `remember`."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.smismember(MEMORY, list(vendors))
            [known] = await pipeline.execute()
        return [vendor for vendor, is_known in zip(vendors, known, strict=True) if not is_known]

    async def begin_to_fill(self, who: str) -> Filling:
        """From now on `who` queues everything that Redis has forgotten; what forgets this forgot that too."""
        filling = Filling(FILLING + who)
        await self._redis.set(filling.mark, "1", ex=FILLING_SECONDS)
        return filling

    async def remember(self, vendors: Sequence[str], filling: Filling) -> bool:
        """
        Redis knows of these vendors again, and whoever waits looks. False where it forgot once more since `filling`.

        What an earlier version queued elsewhere goes: it has been queued again.
        """
        async for key in self._redis.scan_iter(match="arq:queue:*", count=1000, _type="zset"):
            if is_former(key.decode()):
                await self._redis.unlink(key)
        return bool(await self._remember(keys=[MEMORY, filling.mark], args=[WAKE_CHANNEL, WAKE_ALL, *vendors]))

    async def take_turn(self, name: str, span: timedelta) -> bool:
        """Whether nobody in the fleet took this turn within the last `span`; if so, it is ours."""
        return bool(await self._redis.set(TURN + name, "1", nx=True, px=round(span.total_seconds() * 1000)))

    async def tell(self, request_ids: Sequence[str]) -> None:
        """Wake those who wait for any of these jobs."""
        if request_ids:
            await self._redis.publish(CHANGES_CHANNEL, ",".join(request_ids))

    async def forget(self, jobs: Sequence[Queued]) -> int:
        """Take jobs out of the queue that have ended; answers how many. One that is leased stays its holder's."""
        if not jobs:
            return 0
        keys = [ring_key(job.vendor, class_of(job)) for job in jobs]
        args = [part for job in jobs for part in (str(job.request_id), job.client)]
        return int(await self._forget(keys=keys, args=args))

    async def close_vendor(self, vendor: str, wait: timedelta) -> None:
        """Let nobody call `vendor` for `wait`; a closing that lasts longer stands. Workers hear of it at once."""
        await self._close(keys=[closed_key(vendor)], args=[max(_ms(wait), 1), WAKE_CHANNEL, f"{CLOSED}{vendor}:"])

    async def pause_vendor(self, vendor: str) -> None:
        """Let nobody call `vendor` until `resume_vendor`. To outlast a flush it must stand in MongoDB first."""
        await self._pause(keys=switches_of(vendor), args=["1", WAKE_CHANNEL, f"{PAUSED}{vendor}"])

    async def resume_vendor(self, vendor: str) -> None:
        """Let it be called again; where its breaker is open, by one call at once."""
        await self._pause(keys=switches_of(vendor), args=["0", WAKE_CHANNEL, idle_key(vendor)])


def _ms(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)


def _epoch_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
