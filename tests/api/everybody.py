"""Everybody who may come to the API, each with things of their own: Alice, Bob, a service and an admin."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from litestar import Litestar
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp

import webhooks.app
from api.app import build_app
from api.ports import AccountPorts, ApiPorts
from domain.accounts.api_keys import ApiKey, Scope
from domain.accounts.key_format import new_key
from domain.accounts.sessions import Session
from domain.accounts.users import User
from domain.callers import Caller, Role, service_client
from domain.commerce.orders import Order
from domain.commerce.products import Product
from domain.edge.split import SplitByPath
from domain.jobs import Job
from domain.payments.payments import Payment
from domain.request_ids import new_request_id
from domain.vendor_states import VendorState
from domain.vendors import VendorPolicy
from tests.api.samples import ended, pending_job
from tests.fake_control import FakeControl
from tests.fakes import (
    FakeCallers,
    FakeExposition,
    FakeFailureLimit,
    FakeHealthCheck,
    FakeInbox,
    FakeJobs,
    FakeVendorControls,
    FakeVendorStates,
    FakeWebhookReader,
)
from tests.fakes_accounts import (
    FakeApiKeys,
    FakeLinks,
    FakeSessions,
    FakeUsers,
    fake_accounts,
)
from tests.fakes_commerce import FakeProducts, a_product, an_image, fake_commerce
from tests.fakes_configurations import FakeConfigurations, a_configuration
from tests.fakes_notices import fake_notices, fake_short_links
from tests.fakes_orders import FakeOrders, an_order, fake_orders
from tests.fakes_payment_ports import FakeJobsOfPayments, fake_payments
from tests.fakes_payments import FakePaymentStore, a_paid_payment
from tests.fakes_services import fake_services
from webhooks.ports import WebhookPorts

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person, or a machine that has no session, and one thing of theirs of each kind."""

    user: User
    session: Session
    key: ApiKey
    key_text: str
    job: Job
    product: Product
    order: Order
    payment: Payment

    @property
    def name(self) -> str:
        return self.key.name

    @property
    def client(self) -> str:
        """A service's is named after it, and no person's."""
        return self.key.client

    @property
    def caller(self) -> Caller:
        return Caller(self.client, self.user.role, user=self.user.id, session=self.session.id)

    def path(self, template: str) -> str:
        """The route's path, to what is theirs."""
        names = {
            "request_id": self.job.id,
            "user_id": self.user.id,
            "session_id": self.session.id,
            "key_id": self.key.id,
            "product_id": self.product.id,
            "image_id": self.product.images[0].id,
            "order_id": self.order.id,
            "payment_id": self.payment.id,
            "token": "A" * 64,
            "code": "A" * 16,
            "service": self.name,
            "version": 1,
            "part": "db",
            "vendor": "acme",
            "path": "profile",
            "name": "swagger-ui.css" if template.startswith("/docs") else "sync",
        }
        return template.format_map({name: str(value) for name, value in names.items()})


def somebody(name: str, role: Role = Role.USER) -> Somebody:
    now = datetime.now(UTC)
    user_id, key_id = new_request_id(), new_request_id()
    email = f"{name}@example.com"
    user = User(
        id=user_id, email=email, email_key=email, username=name, username_key=name, password=f"hash:{PASSWORD}",
        role=role, confirmed_at=now, created_at=now, updated_at=now,
    )  # fmt: skip
    session = Session(new_request_id(), user_id, b"salt", created_at=now, refreshed_at=now)
    text, digest = new_key(key_id)
    client = service_client(name) if role is Role.SERVICE else user.client
    key = ApiKey(
        id=key_id, name=name, client=client, role=role, digest=digest, created_at=now, created_by=user.client,
        user=user_id,
    )  # fmt: skip
    product = a_product(images=[an_image()])
    order = an_order((product, 1), client=client, user=user.id)
    payment = a_paid_payment(client=client)
    return Somebody(user, session, key, text, ended(pending_job(client=client)), product, order, payment)


def key_caller(
    role: Role, scopes: frozenset[Scope] | None = None, *, client: str = "service:acme", user: UUID | None = None
) -> Caller:
    return Caller(client, role, user=user, key=new_request_id(), scopes=scopes)


class Town:
    """Both apps behind one port, as `gateway up` serves them. Everything in it can be put back as it was."""

    def __init__(self, callers: FakeCallers, *people: Somebody, anonymous_allowed: bool = False) -> None:
        self._people = people
        self._jobs = FakeJobs()
        self._vendor_states = FakeVendorStates()
        self._products = FakeProducts()
        self._orders = FakeOrders(self._products)
        self._payments = FakePaymentStore()
        self._configurations = FakeConfigurations()
        self._sessions, self._keys, self._links = FakeSessions(), FakeApiKeys(), FakeLinks()
        self._users = FakeUsers(sessions=self._sessions, keys=self._keys, links=self._links)
        self.app: ASGIApp = self._build(callers, anonymous_allowed=anonymous_allowed)
        self.restore()

    def restore(self) -> None:
        now = datetime.now(UTC)
        self._jobs.stored = {one.job.id: one.job for one in self._people}
        self._vendor_states.states = {"sync": VendorState("sync", VendorPolicy(), now)}
        self._products.stored = {one.product.id: one.product for one in self._people}
        self._payments.stored = {one.payment.id: one.payment for one in self._people}
        self._configurations.stored = {one.name: [a_configuration(one.name)] for one in self._people}
        self._orders.stored = {one.order.id: one.order for one in self._people}
        self._users.stored = {one.user.id: one.user for one in self._people}
        self._sessions.stored = {one.session.id: one.session for one in self._people}
        self._keys.stored = {one.key.id: one.key for one in self._people}

    def _build(self, callers: FakeCallers, *, anonymous_allowed: bool) -> ASGIApp:
        stopping = asyncio.Event()
        stopping.set()  # a stream ends once it has begun: nobody waits for what it would tell
        api = ApiPorts(
            intake=self._jobs,
            jobs=self._jobs,
            control=FakeControl(self._jobs),
            vendors=frozenset({"sync"}),
            vendor_states=self._vendor_states,
            vendor_controls=FakeVendorControls(sync=VendorPolicy()),
            callers=callers,
            anonymous_allowed=anonymous_allowed,
            cursor_secret=b"s" * 32,
            health=(FakeHealthCheck("db"), FakeHealthCheck("redis")),
            accounts=self._accounts(),
            commerce=fake_commerce(products=self._products),
            orders=fake_orders(orders=self._orders),
            notices=fake_notices(orders=self._orders, users=self._users),
            short_links=fake_short_links(),
            services=fake_services("user", "product", "sync"),
            payments=fake_payments(payments=self._payments, jobs=FakeJobsOfPayments(self._jobs)),
            configurations=self._configurations,
            stopping=stopping,
            exposition=FakeExposition(),
        )
        ports = WebhookPorts({"acme": FakeWebhookReader()}, FakeInbox(), FakeFailureLimit(1_000))
        receiver, main = webhooks.app.build_app(ports), build_app(api)
        self.routes = routes_of(receiver) | routes_of(main)
        return SplitByPath("/webhooks", receiver, main)

    def _accounts(self) -> AccountPorts:
        return fake_accounts(
            users=self._users,
            sessions=self._sessions,
            keys=self._keys,
            links=self._links,
        )


def routes_of(app: ASGIApp) -> frozenset[tuple[str, str]]:
    """What an app serves, besides the answers to OPTIONS that every path has."""
    inside: Any = app
    while not isinstance(inside, Litestar):
        inside = getattr(inside, "app", None) or inside._app
    return frozenset(
        (method, route.path_format.rstrip("/") or "/")
        for route in inside.routes
        if isinstance(route, HTTPRoute)
        for method in route.methods
        if method != "OPTIONS" or route.path_format.startswith("/services/")  # there it is the instances'
    )
