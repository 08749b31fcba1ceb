"""
Forged webhooks as fast as they go, for so many seconds; what they got is printed as JSON.

    python -m loadtest.garbage HOST SECONDS
"""

import itertools
import json
import sys
import time
from collections.abc import Iterator

import uvloop

from loadtest.raw_http import blast_each, request_bytes
from loadtest.vendors.signing import Signer

PATH = "/webhooks/async"
CONNECTIONS = 32
_NOBODYS_SECRET = "whsec_bm9ib2R5IHdhcyBnaXZlbiB0aGlz"  # noqa: S105 - what a forger makes up


def forged(seconds: float) -> Iterator[bytes]:
    signer, ends_at = Signer(_NOBODYS_SECRET), time.monotonic() + seconds
    body = json.dumps({"id": "rep_forged", "status": "complete", "report": {"data": "x" * 200}}).encode()
    for number in itertools.count():
        if time.monotonic() >= ends_at:
            return
        headers = signer.headers(f"forged-{number}", body, signature="forged", timestamp=0)
        yield request_bytes("POST", PATH, body, headers)


async def main(host: str, seconds: float) -> None:
    tally, took = await blast_each(host, CONNECTIONS, forged(seconds))
    print(json.dumps({"a_second": sum(tally.statuses.values()) / took, "statuses": tally.statuses}))


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], float(sys.argv[2])))
