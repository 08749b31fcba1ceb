"""
What a call came to is told to its vendor's circuit breaker, and heeded: see `domain.vendor_trouble`.

The claim alone asks the breaker (`lua/claim.lua`): while it is open nothing of its vendor is claimed, and then one job,
the probe. So a call costs no question, and no queued job a try.
"""

from domain.breakers import CallOutcome
from domain.counted_calls import PROBE, VENDOR
from domain.infra.queue import Lease
from domain.infra.vendor_keys import breaker_of
from domain.metrics import BREAKER_CALLS
from domain.outcomes import Outcome
from domain.unknowns import Unknown
from domain.vendor_trouble import said_by, spared
from domain.vendors import Vendor
from worker.station import Station


async def heed_trouble(station: Station, vendor: Vendor, lease: Lease, outcome: Outcome | Unknown) -> Outcome | Unknown:
    """Tell the breaker; answers the outcome, or what becomes of a probe that failed."""
    if station.breakers is None or not vendor.policy.breaker:
        return outcome
    said = said_by(outcome)
    token = lease.token if lease.probe else ""
    if token:
        station.counts.add(BREAKER_CALLS, VENDOR, vendor.name, PROBE)
    station.counts.add(BREAKER_CALLS, VENDOR, vendor.name, said.value)
    open_until = await station.breakers.tell(breaker_of(vendor.name), said, token, since=lease.claimed_at)
    if not lease.probe or said is not CallOutcome.FAILED or open_until is None:
        return outcome
    return spared(outcome, open_until, station.clock.now())
