"""Who does something, whence and when: what each entry in the record says beside the act."""

from dataclasses import dataclass
from datetime import datetime

from domain.accounts.audit import Act, Entry
from domain.request_ids import new_request_id


@dataclass(frozen=True, slots=True)
class Doer:
    """`actor` is a caller's client, "" for nobody known."""

    actor: str
    at: datetime
    address: str = ""
    trace_id: str = ""

    def entry(self, act: Act, subject: str, **detail: str) -> Entry:
        """The entry that says so: under a new id each time, and with nothing secret in `detail`."""
        return Entry(new_request_id(), self.at, act, self.actor, subject, self.address, self.trace_id, detail)
