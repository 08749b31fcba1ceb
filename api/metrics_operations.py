"""What `/metrics` answers."""

from api.operation import Answer, Operation, Operations

METRICS_OPERATIONS: Operations = {
    ("get", "/metrics"): Operation(
        id="show_metrics",
        tag="metrics",
        summary="Show the figures for Prometheus",
        description="Of all processes on this machine, and how the vendors stand over the whole fleet.",
        answers=(
            Answer(
                200,
                "The figures, in Prometheus' text format.",
                headers=("Cache-Control",),
                media_type="text/plain",
                schema={"type": "string"},
            ),
        ),
        problems=(401, 403, 422, 500),
    ),
}
