"""The token of the figures: it opens what is made to be scraped, and asks no store who has it."""

from datetime import datetime

from pydantic import SecretStr

from api.access import ACCESS
from cli.metrics_token import WithMetricsToken
from domain.callers import Caller, CallerDirectory, Role
from domain.errors import Forbidden, Unavailable

TOKEN = "0123456789abcdef0123456789abcdef"


class Away(CallerDirectory):
    """Whose store is."""

    async def find(self, bearer_token: str, address: str = "", begun: datetime | None = None) -> Caller | None:
        raise Unavailable("MongoDB is away")


async def test_it_opens_the_figures_and_how_vendors_stand_and_nothing_else_though_no_key_can_be_told() -> None:
    caller = await WithMetricsToken(SecretStr(TOKEN), Away()).find(TOKEN)
    assert caller is not None
    opened = set()
    for route, rule in ACCESS.items():
        try:
            rule.admit(caller)
        except Forbidden:
            continue
        opened |= set() if rule.is_open else {route}
    assert opened == {("GET", "/metrics"), ("GET", "/vendors"), ("GET", "/vendors/{name}")}


async def test_any_other_token_is_for_the_others_to_know() -> None:
    known = Caller("acme", Role.USER)

    class Others(CallerDirectory):
        async def find(self, bearer_token: str, address: str = "", begun: datetime | None = None) -> Caller | None:
            return known if (bearer_token, address) == ("t", "10.0.0.7") else None

    directory = WithMetricsToken(SecretStr(TOKEN), Others())
    assert (await directory.find("t", "10.0.0.7"), await directory.find(TOKEN + "x")) == (known, None)
