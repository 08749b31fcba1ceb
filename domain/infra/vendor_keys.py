"""Where Redis keeps what holds for all calls to one vendor; the meaning of each stands in `domain.infra.queue`."""


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


def full_key(vendor: str) -> str:
    return f"gateway:full:{vendor}"
