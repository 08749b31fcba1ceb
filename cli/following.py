"""A stream of events, followed through restarts of the gateway."""

from collections.abc import Callable, Iterator

from cli.api_client import GatewayApi, NothingMore, Unreachable
from cli.event_stream import Event

COME_BACK_SECONDS = 1.0
PATIENT_TRIES = 30  # to come back to a gateway that is being started again


def follow(api: GatewayApi, path: str, pause: Callable[[float], None]) -> Iterator[Event]:
    """Each event once, until the gateway says that there are no more; whoever has seen enough stops listening."""
    seen, tries = "", 0
    while True:
        try:
            for event in api.events(path, seen):
                yield event
                seen, tries = event.id, 0
        except NothingMore:
            return
        except Unreachable:
            if not seen or tries == PATIENT_TRIES:
                raise
        tries += 1
        pause(COME_BACK_SECONDS)
