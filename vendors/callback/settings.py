"""What callbacks are signed with, whether this is a developer's machine, and how many are made at once."""

import base64
from dataclasses import dataclass

from pydantic import SecretStr

from vendors.callback.turns import SLOTS
from vendors.signatures.digests import authenticate


@dataclass(frozen=True, slots=True)
class CallbackSettings:
    """
    `master` is one secret for the whole fleet: each client's is derived from it, and nothing more has to be kept.

    `allow_private` lets callbacks go over http and to private addresses: in development only, or nobody could try
    them on one machine.
    """

    master: SecretStr
    allow_private: bool = False
    slots: int = SLOTS  # of its lane in one worker

    def key_of(self, client: str) -> bytes:
        """What this client's callbacks are signed with. It tells nothing of the master, nor of another's."""
        return authenticate(self.master.get_secret_value().encode(), client.encode())

    def secret_of(self, client: str) -> str:
        """The same as the client is told it, by Standard Webhooks 1.0."""
        return f"whsec_{base64.b64encode(self.key_of(client)).decode()}"
