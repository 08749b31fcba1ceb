"""What the health routes take and answer."""

from api.operation import Answer, Operation, Operations
from api.shared_parts import PART
from domain.edge.health import Health


def _health(name: str, summary: str, *, asks: bool = True) -> Operation:
    down = Answer(503, "A part does not answer.", Health, ("Retry-After", "Cache-Control"))
    return Operation(
        id=name,
        tag="health",
        summary=summary,
        description="Public. `parts` says which part answers, and how fast.",
        answers=(Answer(200, "Up.", Health, ("Cache-Control",)), *([down] if asks else [])),
        problems=(404, 500) if name == "health_part" else (500,),
        parameters=(PART,) if name == "health_part" else (),
    )


HEALTH_OPERATIONS: Operations = {
    ("get", "/health"): _health("health", "Do all parts answer?"),
    ("get", "/health/live"): _health("health_live", "Is the process alive?", asks=False),
    ("get", "/health/ready"): _health("health_ready", "Do all parts answer, as a load balancer asks?"),
    ("get", "/health/{part}"): _health("health_part", "Does one part answer?"),
}
