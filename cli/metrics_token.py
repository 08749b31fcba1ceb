"""The token that `/metrics` takes whatever is away: keys are in MongoDB, and its outage is when figures are wanted."""

from datetime import datetime
from hashlib import sha256
from hmac import compare_digest

from pydantic import SecretStr

from domain.accounts.api_keys import Scope
from domain.callers import Caller, CallerDirectory, Role

OF_METRICS = Caller("operator", Role.SERVICE, scopes=frozenset({Scope.READ_VENDORS}))


class WithMetricsToken:
    """A `CallerDirectory` around another, which is not asked about this token."""

    def __init__(self, token: SecretStr, others: CallerDirectory) -> None:
        self._digest = _digest(token.get_secret_value())
        self._others = others

    async def find(self, bearer_token: str, address: str = "", begun: datetime | None = None) -> Caller | None:
        if compare_digest(_digest(bearer_token), self._digest):
            return OF_METRICS
        return await self._others.find(bearer_token, address, begun)


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
