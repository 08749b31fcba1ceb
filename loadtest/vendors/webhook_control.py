"""The control routes of webhooks: what was delivered, and the secret that signs it. See `loadtest.vendors.control`."""

from collections.abc import Iterator

import msgspec

from loadtest.vendors.deliveries import DeliveryLog, RecordedDelivery
from loadtest.vendors.signing import Signer


class Secret(msgspec.Struct, forbid_unknown_fields=True):
    secret: str


class WebhookControl:
    def __init__(self, log: DeliveryLog, signer: Signer) -> None:
        self._log = log
        self._signer = signer

    def listed(self, vendor: str | None, since: int, request_id: str | None) -> Iterator[RecordedDelivery]:
        return self._log.listed(vendor=vendor, since=since, request_id=request_id)

    def forget(self) -> None:
        self._log.clear()

    def change_secret(self, body: bytes) -> None:
        """Raises `msgspec.ValidationError` or `DecodeError`."""
        told = msgspec.json.decode(body, type=Secret)
        try:
            self._signer.change(told.secret)
        except ValueError as fault:
            raise msgspec.ValidationError(f"{fault} - at `$.secret`") from None
