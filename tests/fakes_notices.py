"""What mails of orders and short links need of the outside, faked: in memory, with the ports' own promises."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from api.ports import NoticePorts, ShortLinkPorts
from domain.commerce.short_links import LIFETIME, Destinations, ShortLink, new_code
from domain.errors import Unavailable
from tests.fakes_accounts import FakePost, FakeUsers
from tests.fakes_commerce import FakeProducts
from tests.fakes_orders import FakeOrders
from tests.outages import MayBeDown

PAY = "https://pay.example"  # where short links of the tests may lead to
DESTINATIONS = Destinations(frozenset({"pay.example"}))


class FakeShortLinks(MayBeDown):
    """A `ShortLinks` over one dictionary; `followed` says how often each was, unless it `cannot_count`."""

    def __init__(self, destinations: Destinations = DESTINATIONS) -> None:
        super().__init__()
        self.stored: dict[str, ShortLink] = {}
        self.followed: Counter[str] = Counter()
        self.cannot_count = False
        self._destinations = destinations

    async def make(self, url: str, now: datetime, *, key: str | None = None, lifetime: timedelta = LIFETIME) -> str:
        self._destinations.check(url)
        self._answer()
        same = (code for code, link in self.stored.items() if key is not None and link.key == key)
        code = next(same, None) or new_code()
        self.stored[code] = ShortLink(code, url, now + lifetime, key)
        return code

    async def find(self, code: str, now: datetime) -> str | None:
        self._answer()
        link = self.stored.get(code)
        good = link is not None and now < link.expires_at and self._destinations.allow(link.url)
        return link.url if link is not None and good else None

    async def count(self, code: str) -> None:
        if self.cannot_count:
            raise Unavailable("the store does not answer just now")
        self._answer()
        if code in self.stored:
            self.followed[code] += 1


class FakeRequestKeys(MayBeDown):
    """A `RequestKeys` over one dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.stored: dict[tuple[str, str], str] = {}

    async def claim(self, client: str, key: str, fingerprint: str, now: datetime) -> str:
        self._answer()
        return self.stored.setdefault((client, key), fingerprint)


def fake_notices(**parts: Any) -> NoticePorts:
    """Fakes of all that the route of mails needs, but for `parts`."""
    fakes: dict[str, Any] = {
        "orders": FakeOrders(FakeProducts()),
        "users": FakeUsers(),
        "post": FakePost(),
        "keys": FakeRequestKeys(),
    }
    return NoticePorts(**{**fakes, **parts})


def fake_short_links(**parts: Any) -> ShortLinkPorts:
    return ShortLinkPorts(**{"links": FakeShortLinks(), **parts})
