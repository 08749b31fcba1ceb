"""The field `instances`: `["https://a.acme.example", {url = "https://b.acme.example", weight = 2}]`."""

from typing import Annotated

import httpx
from pydantic import BeforeValidator

from domain.balancing.instances import Instance
from vendors.table.fields import check_url, refuse_job_values

MOST_INSTANCES = 1000
HEAVIEST = 1000


def _read_instances(values: object) -> object:
    if not isinstance(values, list):
        return values
    if not 0 < len(values) <= MOST_INSTANCES:
        raise ValueError(f"instances are none, or more than {MOST_INSTANCES}: list those that there are, or remove it")
    instances = tuple(_read_instance(value) for value in values)
    if len({instance.url for instance in instances}) < len(instances):
        raise ValueError("instances holds one twice: remove it, or give it a weight = 2")
    return instances


def _read_instance(value: object) -> Instance:
    match value:
        case str(url):
            return Instance(_read_origin(url))
        case {"url": str(url), "weight": int(weight), **more} if not more and _is_weight(weight):
            return Instance(_read_origin(url), weight)
        case _:
            raise ValueError(
                'an instance is neither an address nor like {url = "https://a.acme.example", weight = 2}, '
                f"of a weight of 1 to {HEAVIEST}: mend it"
            )


def _is_weight(weight: int) -> bool:
    return not isinstance(weight, bool) and 0 < weight <= HEAVIEST


def _read_origin(url: str) -> str:
    """Without a slash at its end, and alike for addresses that are the same."""
    remedy = "remove them, and for a vendor move them into headers"
    parsed = httpx.URL(check_url(refuse_job_values(url), "an instance", credentials_go=remedy))
    if parsed.raw_path != b"/":
        raise ValueError("an instance has a path: leave https://host:port, and for a vendor move it into url")
    return str(parsed).rstrip("/")


Instances = Annotated[tuple[Instance, ...], BeforeValidator(_read_instances)]
