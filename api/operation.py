"""The words in which a route is described: one `Operation` for each, drawn up into OpenAPI by `api.openapi`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """
    One answer that is no problem. Every answer carries `X-Request-ID`, so `headers` leaves it out.

    `links` name what can be done next with what it says.
    Its body is the JSON of `model` or, under another `media_type`, what `schema` says.
    """

    status: int
    description: str
    model: type | None = None
    headers: tuple[str, ...] = ()
    examples: Mapping[str, Any] | None = None
    media_type: str = "application/json"
    schema: Json | None = None
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """`problems` are the statuses that it may answer with a problem; `callbacks` what it makes us send."""

    id: str
    tag: str
    summary: str
    description: str
    answers: tuple[Answer, ...]
    problems: tuple[int, ...]
    parameters: tuple[Json, ...] = ()
    body: Json | None = None
    body_required: bool = True
    body_media_type: str = "application/json"
    callbacks: Json | None = None


Operations = Mapping[tuple[str, str], Operation]  # by method and path
