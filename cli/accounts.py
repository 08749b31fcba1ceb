"""Accounts, as the settings want them: the ports of their routes, and the directory of who may come in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from api.ports import AccountPorts
from cli.credentials import BootstrapCallers
from cli.home import Home
from cli.keys import key_ring, signed_tokens
from cli.limits import cookie_origins, sign_in_limit
from cli.metrics_token import WithMetricsToken
from cli.settings import Settings
from cli.stores import Stores
from domain.accounts.marks import Marks
from domain.accounts.pauses import some_time
from domain.callers import CallerDirectory
from domain.infra.accounts.api_keys import MongoApiKeys
from domain.infra.accounts.audit import open_audit_log
from domain.infra.accounts.jobs import MongoJobsOfUser
from domain.infra.accounts.links import MongoLinks
from domain.infra.accounts.sessions import MongoSessions
from domain.infra.accounts.users import MongoUsers
from domain.infra.callers import open_fleet_callers
from domain.infra.key_uses import KeyUses
from domain.infra.passwords import open_passwords
from domain.infra.post import JobPost
from domain.infra.token_owners import TokenOwners
from domain.ports import JobIntake


@asynccontextmanager
async def open_accounts(settings: Settings, stores: Stores, intake: JobIntake) -> AsyncIterator[AccountPorts]:
    async with (
        open_passwords(threads=settings.password_threads) as passwords,
        open_audit_log(stores.database, timedelta(days=settings.audit_days)) as audit,
    ):
        yield AccountPorts(
            users=MongoUsers(stores.database),
            sessions=MongoSessions(stores.database),
            keys=MongoApiKeys(stores.database),
            links=MongoLinks(stores.database),
            audit=audit,
            passwords=passwords,
            tokens=signed_tokens(settings),
            post=JobPost(intake),
            sign_ins=sign_in_limit(stores.redis),
            user_jobs=MongoJobsOfUser(stores.database),
            pause=some_time,
            trusted_hops=settings.trusted_hops,
            marks=Marks.of(key_ring(settings).link),
            origins=cookie_origins(settings),
        )


@asynccontextmanager
async def open_callers(settings: Settings, accounts: AccountPorts) -> AsyncIterator[CallerDirectory]:
    """Sessions, keys, and the operator's bootstrap key."""
    owners = TokenOwners(accounts.tokens, accounts.users, accounts.sessions, accounts.keys)
    uses = KeyUses(accounts.keys, accounts.audit)
    async with open_fleet_callers(owners, uses, BootstrapCallers(Home.at(settings.home))) as callers:
        yield callers if settings.metrics_token is None else WithMetricsToken(settings.metrics_token, callers)
