"""
The simulated sync vendor: answers at once, and gives the payload back byte for byte.

`POST /sync` with any JSON value; `productId` is named in the answer when it is a string or a number.
"""

from datetime import UTC, datetime

import msgspec

from loadtest.vendors.wire import Reply, Request

_NOTHING = msgspec.Raw(b"null")


class _Peek(msgspec.Struct):
    """The one field that is looked at; the others are skipped, whatever they are."""

    product_id: msgspec.Raw = msgspec.field(name="productId", default=_NOTHING)


class SyncVendor:
    """A `SimulatedVendor`."""

    name = "sync"

    def __init__(self) -> None:
        self._peek = msgspec.json.Decoder(_Peek)

    async def act(self, request: Request) -> Reply:
        if request.path != "/sync":
            return Reply(b'{"error":"not found"}', 404)
        if request.method != "POST":
            return Reply(b'{"error":"method not allowed"}', 405, headers=((b"allow", b"POST"),))
        try:
            subject = self._subject(request.body)
        except (msgspec.DecodeError, RecursionError):
            return Reply(b'{"error":"the body is not JSON"}', 400)
        return Reply(_success(subject, request.body), acted=True)

    def _subject(self, body: bytes) -> bytes:
        """The productId as JSON spells it inside a string; empty where there is none. Raises `DecodeError`: no JSON."""
        try:
            spelt = bytes(self._peek.decode(body).product_id)
        except msgspec.ValidationError:  # no object; whether it is JSON was not looked at
            msgspec.json.decode(body, type=msgspec.Raw)
            return b""
        if spelt.startswith(b'"'):
            return spelt[1:-1]
        return b"" if spelt[:1] in b"{[ntf" else spelt


def _success(subject: bytes, payload: bytes) -> bytes:
    text = b"Processed sync data for " + subject if subject else b"Processed sync data"
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z").encode()
    return b'{"status":"success","vendor":"syncVendor","data":"%b","timestamp":"%b","originalPayload":%b}' % (
        text,
        moment,
        payload,
    )
