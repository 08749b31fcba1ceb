"""What the API needs of the outside, handed in by the composition root or, in tests, faked."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from api.limits import RequestLimits
from domain.accounts.marks import Marks, marks_of_this_process
from domain.accounts.pauses import Pause, at_once
from domain.accounts.ports import (
    ApiKeys,
    AuditLog,
    JobsOfUser,
    Links,
    Passwords,
    Post,
    Sessions,
    SignInLimit,
    Tokens,
    Users,
)
from domain.callers import CallerDirectory
from domain.commerce.following import Following
from domain.commerce.ports import FileStore, Orders, PaymentJobs, Products, RequestKeys, ShortLinks
from domain.configurations import Configurations
from domain.edge.security import USUAL, BrowserRules
from domain.metrics import Exposition
from domain.payments.following import PaymentFollowing
from domain.payments.ports import PaymentStore
from domain.ports import HealthCheck, JobControl, JobIntake, JobReader
from domain.services import Services
from domain.tallies import Tallies
from domain.vendor_control import VendorControls
from domain.vendor_states import VendorStates


@dataclass(frozen=True, slots=True)
class AccountPorts:
    users: Users
    sessions: Sessions
    keys: ApiKeys
    links: Links
    audit: AuditLog
    passwords: Passwords
    tokens: Tokens
    post: Post
    sign_ins: SignInLimit
    user_jobs: JobsOfUser
    trusted_hops: int = 0  # proxies in front of us: whose word on the client's address counts
    marks: Marks = field(default_factory=marks_of_this_process)  # of what the record may not hold
    pause: Pause = at_once  # before what is done behind an answer's back
    origins: frozenset[str] = frozenset()  # of pages that may use the cookie's routes, besides our own
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class CommercePorts:
    products: Products
    files: FileStore


@dataclass(frozen=True, slots=True)
class OrderPorts:
    orders: Orders
    following: Following
    lifetime: timedelta = timedelta(minutes=30)  # unpaid for so long, an order is cancelled
    short_links: ShortLinks | None = None  # None: a payment is answered without one
    public_base: str = ""  # where short links begin
    takes_payments: bool = True  # False: no processor is set, and whoever wants to pay is told so
    patience_seconds: float = 10.0  # until the processor says where to pay; then the answer goes without
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class PaymentPorts:
    payments: PaymentStore
    jobs: PaymentJobs
    following: PaymentFollowing
    pages: str  # below which buyers come back from the processor; without a slash at the end
    takes_payments: bool = True  # False: nobody set up a processor, and nothing begins
    patience_seconds: float = 10.0  # for what the processor makes at once; then its job is answered
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ShortLinkPorts:
    links: ShortLinks
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class NoticePorts:
    orders: Orders
    users: Users
    post: Post
    keys: RequestKeys
    memory: timedelta = timedelta(days=30)  # for so long an ended mail's job is kept, at least
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ServicePorts:
    services: Services
    trusted_hops: int = 0  # proxies in front of us: whose word on where a request came from is passed on
    look_again_seconds: float = 1.0  # at whether the caller of a request under way is still let in


@dataclass(frozen=True, slots=True)
class ApiPorts:
    intake: JobIntake
    jobs: JobReader
    control: JobControl
    vendors: Collection[str]  # for which clients may submit; live: a table may be added or taken away
    vendor_states: VendorStates
    callers: CallerDirectory
    anonymous_allowed: bool
    cursor_secret: bytes
    health: tuple[HealthCheck, ...]  # named "db" and "redis"
    accounts: AccountPorts | None = None  # None: this process has none, and their routes are not there
    commerce: CommercePorts | None = None  # likewise; who sells needs accounts, whose record tells who set which price
    orders: OrderPorts | None = None  # likewise
    notices: NoticePorts | None = None  # likewise
    payments: PaymentPorts | None = None  # likewise
    short_links: ShortLinkPorts | None = None
    configurations: Configurations | None = None  # likewise; who changes one is on record, so it needs accounts
    vendor_controls: VendorControls | None = None
    exposition: Exposition | None = None  # likewise: who has no home to keep figures in shows none
    counts: Tallies = field(default_factory=Tallies)
    services: ServicePorts | None = None  # likewise
    limits: RequestLimits = field(default_factory=RequestLimits)
    brake: Pause = at_once  # before a stranger is refused for asking too much
    browsers: BrowserRules = USUAL
    callbacks_anywhere: bool = False  # in development only: over http, and to private addresses
    stopping: asyncio.Event = field(default_factory=asyncio.Event)  # set when the process is told to stop
