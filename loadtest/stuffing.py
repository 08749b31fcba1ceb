"""
Credential stuffing: names and passwords as fast as they go, for so many seconds; what they got is printed as JSON.

    python -m loadtest.stuffing HOST SECONDS anywhere|one-place
"""

import json
import sys
import time
from collections.abc import Iterator

import uvloop

from loadtest.account_requests import ONE_PLACE, new_name, sign_in
from loadtest.raw_http import blast_each

CONNECTIONS = 100


def guesses(seconds: float, address: str | None) -> Iterator[bytes]:
    """Another name each time, as leaked lists have it."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        yield sign_in(new_name(), address=address)


async def main(host: str, seconds: float, whence: str) -> None:
    address = ONE_PLACE if whence == "one-place" else None
    tally, took = await blast_each(host, CONNECTIONS, guesses(seconds, address))
    print(json.dumps({"a_second": sum(tally.statuses.values()) / took, "statuses": tally.statuses}))


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], float(sys.argv[2]), sys.argv[3]))
