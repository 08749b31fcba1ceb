"""
Idempotency keys as a good vendor keeps them: the first answer again, and nothing done a second time.

Only answers that came of an effect are remembered; what failed may be asked again. Memory is
bounded by keys and by bytes, the oldest go first.
"""

from collections import OrderedDict

from loadtest.vendors.wire import Reply

_MOST_KEYS = 200_000
_MOST_BYTES = 64 * 1024 * 1024


class RememberedReplies:
    """`honoured` off makes the vendor one that ignores Idempotency-Key."""

    def __init__(self, most_keys: int = _MOST_KEYS, most_bytes: int = _MOST_BYTES) -> None:
        self.honoured = True
        self._most_keys = most_keys
        self._most_bytes = most_bytes
        self._bytes = 0
        self._replies: OrderedDict[str, Reply] = OrderedDict()

    def find(self, key: str | None) -> Reply | None:
        return self._replies.get(key) if key is not None and self.honoured else None

    def remember(self, key: str | None, reply: Reply) -> None:
        if key is None or not self.honoured or not reply.acted or key in self._replies:
            return
        self._replies[key] = reply
        self._bytes += len(reply.body)
        while len(self._replies) > self._most_keys or self._bytes > self._most_bytes:
            _, forgotten = self._replies.popitem(last=False)
            self._bytes -= len(forgotten.body)

    def forget_all(self) -> None:
        self._replies.clear()
        self._bytes = 0
