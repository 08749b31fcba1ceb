"""One time for all workers: Redis' own. A worker whose clock is wrong breaks no due time and no deadline."""

from datetime import UTC, datetime, timedelta


class FleetClock:
    """The local clock, corrected by what every claim says of Redis' clock."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def hear(self, redis_now: datetime) -> None:
        self._ahead = redis_now - datetime.now(UTC)

    def now(self) -> datetime:
        """To the millisecond, which is what BSON keeps."""
        moment = datetime.now(UTC) + self._ahead
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
