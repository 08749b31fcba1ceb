"""
What a table sets into each payload: pointer by pointer, in the order it is written, the job's own values filled in.

The values are JSON text from the start: only `${job.request_id}`, which needs no escaping, is filled in later.
"""

import json
from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID

from vendors.json_slices import Pointer, read_pointer
from vendors.json_splices import Unfit, set_json
from vendors.table.fields import JOB_VALUE, REQUEST_ID


@dataclass(frozen=True, slots=True)
class BodyTemplate:
    """`settings` of the key `body`, ready for use."""

    changes: tuple[tuple[Pointer, str], ...] = ()

    def fill(self, payload: str, request_id: UUID) -> str:
        """The payload with everything set. Raises `Unfit` when it has something there that holds no members."""
        for pointer, value in self.changes:
            payload = set_json(payload, pointer, value.replace(REQUEST_ID, str(request_id)))
        return payload


def read_body(values: object) -> BodyTemplate:
    """The template that a table's `body` means. Raises ValueError with the remedy."""
    if not isinstance(values, dict):
        raise ValueError('body is no table: write it like { "/callback" = "https://…" }')  # noqa: TRY004 - pydantic's
    template = BodyTemplate(tuple((_pointer(key), _json(value)) for key, value in values.items()))
    try:
        template.fill("{}", UUID(int=0))
    except Unfit:
        raise ValueError("body sets one value inside another that is no table: remove one of them") from None
    return template


def _pointer(key: str) -> Pointer:
    try:
        pointer = read_pointer(key)
    except ValueError as error:
        raise ValueError(f'{error}: write a key of body like "/metadata/job"') from None
    if not pointer:
        raise ValueError('"" would replace all of the payload: name a member in body, like "/callback"')
    return pointer


def _json(value: object) -> str:
    if _holds_a_date(value):
        raise ValueError("a date in body has no JSON: put it in quotes")
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        raise ValueError("a number in body has no JSON: nan and inf are none, write another") from None
    if JOB_VALUE in text.replace(REQUEST_ID, ""):
        raise ValueError(f"body knows {REQUEST_ID} only: remove the other ${{job.…}}")
    return text


def _holds_a_date(value: object) -> bool:
    match value:
        case dict():
            return any(map(_holds_a_date, value.values()))
        case list():
            return any(map(_holds_a_date, value))
        case _:
            return isinstance(value, datetime | date | time)
