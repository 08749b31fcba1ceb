"""Where Redis keeps what holds for all calls to one vendor; the meaning of each stands in `domain.infra.queue`."""

from urllib.parse import quote

BREAKER = "gateway:breaker:"


def key_of_breaker(name: str) -> str:
    """In which no URL looks like one that may hold a password."""
    return BREAKER + quote(name, safe=":")


def breaker_of(vendor: str) -> str:
    """What a vendor's circuit breaker is called."""
    return f"vendor:{vendor}"


def breaker_key(vendor: str) -> str:
    return key_of_breaker(breaker_of(vendor))


def closed_key(vendor: str) -> str:
    return f"gateway:closed:{vendor}"


def paused_key(vendor: str) -> str:
    return f"gateway:paused:{vendor}"


def limiter_key(vendor: str) -> str:
    return f"gateway:limiter:{vendor}"


def grants_key(vendor: str) -> str:
    return f"gateway:grants:{vendor}"


def running_key(vendor: str) -> str:
    return f"gateway:running:{vendor}"


def control_key(vendor: str) -> str:
    return f"gateway:control:{vendor}"


def keys_of_calls(vendor: str) -> list[str]:
    """What decides whether a call may start, in the order in which the scripts take it."""
    marks = (closed_key(vendor), paused_key(vendor), limiter_key(vendor))
    return [*marks, grants_key(vendor), running_key(vendor), breaker_key(vendor)]


def switches_of(vendor: str) -> list[str]:
    """What an operator's pause, and its end, change."""
    return [paused_key(vendor), limiter_key(vendor), breaker_key(vendor)]


def full_key(vendor: str) -> str:
    return f"gateway:full:{vendor}"
