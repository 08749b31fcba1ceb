"""The routes of accounts on fakes: Alice, Bob and an admin are signed in, and a test may look into every store."""

from datetime import UTC, datetime

from httpx import ASGITransport, AsyncClient

from api.ports import ApiPorts
from domain.accounts.sessions import Session
from domain.callers import Caller, Role
from domain.request_ids import new_request_id
from domain.vendor_states import VendorState
from domain.vendors import VendorPolicy
from tests.api.apps import app_of
from tests.api.everybody import Somebody, key_caller, somebody
from tests.fake_control import FakeControl
from tests.fakes import FakeCallers, FakeHealthCheck, FakeJobs, FakeVendorControls, FakeVendorStates
from tests.fakes_accounts import (
    FakeApiKeys,
    FakeAuditLog,
    FakeJobsOfUser,
    FakeLinks,
    FakePost,
    FakeSessions,
    FakeSignInLimit,
    FakeUsers,
    fake_accounts,
)
from tests.fakes_commerce import FakeFileStore, FakeProducts, fake_commerce
from tests.fakes_configurations import FakeConfigurations
from tests.fakes_notices import FakeRequestKeys, FakeShortLinks, fake_notices, fake_short_links
from tests.fakes_orders import FakeNotices, FakeOrders, FakePaymentDesk, fake_orders
from tests.fakes_payment_ports import FakeJobsOfPayments, fake_payments
from tests.fakes_payments import FakePaymentStore


class People:
    """Tokens are `alice`, `bob` and `root`; `alice-key` is an API key of hers, `service` and `operator` no person's."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.alice, self.bob, self.root = somebody("alice"), somebody("bob"), somebody("root", Role.ADMIN)
        everybody = (self.alice, self.bob, self.root)
        self.sessions = FakeSessions(*(one.session for one in everybody))
        self.keys = FakeApiKeys(*(one.key for one in everybody))
        self.users = FakeUsers(
            *(one.user for one in everybody), sessions=self.sessions, keys=self.keys, links=FakeLinks()
        )
        self.audit, self.sign_ins = FakeAuditLog(), FakeSignInLimit()
        self.user_jobs = FakeJobsOfUser(*(one.job for one in everybody))
        self.jobs, self.vendor_states = FakeJobs(*(one.job for one in everybody)), FakeVendorStates()
        self.products, self.files = FakeProducts(), FakeFileStore()
        self.orders, self.notices, self.desk = FakeOrders(self.products), FakeNotices(), FakePaymentDesk()
        self.post, self.keys_of_requests, self.short_links = FakePost(), FakeRequestKeys(), FakeShortLinks()
        self.payments, self.payment_jobs = FakePaymentStore(), FakeJobsOfPayments(self.jobs)
        self.configurations = FakeConfigurations()
        self.vendor_states.states = {"sync": VendorState("sync", VendorPolicy(), self.now)}
        self.app = app_of(self.ports())

    def client(self, token: str) -> AsyncClient:
        headers = {"Authorization": f"Bearer {token}"}
        return AsyncClient(transport=ASGITransport(self.app), base_url="http://gateway.test", headers=headers)  # type: ignore[arg-type]

    def session_of(self, one: Somebody) -> Session:
        """One more sign-in of theirs."""
        session = Session(new_request_id(), one.user.id, b"salt", created_at=self.now, refreshed_at=self.now)
        self.sessions.stored[session.id] = session
        return session

    def ports(self) -> ApiPorts:
        return ApiPorts(
            intake=self.jobs,
            jobs=self.jobs,
            control=FakeControl(self.jobs),
            vendors=frozenset({"sync"}),
            vendor_states=self.vendor_states,
            vendor_controls=FakeVendorControls(sync=VendorPolicy()),
            callers=self._callers(),
            anonymous_allowed=False,
            cursor_secret=b"s" * 32,
            health=(FakeHealthCheck("db"), FakeHealthCheck("redis")),
            accounts=fake_accounts(
                users=self.users,
                sessions=self.sessions,
                keys=self.keys,
                audit=self.audit,
                sign_ins=self.sign_ins,
                user_jobs=self.user_jobs,
                clock=lambda: self.now,
            ),
            commerce=fake_commerce(products=self.products, files=self.files),
            orders=fake_orders(orders=self.orders, notices=self.notices, desk=self.desk, clock=lambda: self.now),
            notices=fake_notices(
                orders=self.orders, users=self.users, post=self.post, keys=self.keys_of_requests, clock=lambda: self.now
            ),
            short_links=fake_short_links(links=self.short_links, clock=lambda: self.now),
            payments=fake_payments(payments=self.payments, jobs=self.payment_jobs, clock=lambda: self.now),
            configurations=self.configurations,
        )

    def _callers(self) -> FakeCallers:
        alice, root = self.alice.user, self.root.user
        tokens = {
            "alice-key": key_caller(Role.USER, client=alice.client, user=alice.id),
            "root-key": key_caller(Role.ADMIN, client=root.client, user=root.id),
            "service": key_caller(Role.SERVICE),
            "operator": Caller("admin", Role.ADMIN),
        }
        return FakeCallers(alice=self.alice.caller, bob=self.bob.caller, root=self.root.caller, **tokens)
