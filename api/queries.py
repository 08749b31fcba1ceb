"""Query strings, read strictly: what a route does not know it refuses, and each fault is named."""

from collections import Counter
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qsl

from litestar.types import Scope

from domain.errors import FieldError, Invalid
from domain.json_text import pointer_to


def read_query(scope: Scope, *known: str) -> dict[str, str]:
    """The query's parameters, each given once. Raises `Invalid`."""
    sent = scope["query_string"]
    if not sent:
        return {}
    pairs = parse_qsl(sent.decode("latin-1"), keep_blank_values=True)
    query = dict(pairs)
    faults = [query_fault(name, f"is no parameter here; {_list(known)}") for name in query if name not in known]
    times = Counter(name for name, _ in pairs)
    faults += [query_fault(name, "is given twice; give it once") for name in query if times[name] > 1]
    refuse(faults)
    return query


def query_fault(name: str, detail: str) -> FieldError:
    """A fault in a query parameter: those are pointed at under `/query`."""
    return FieldError(pointer_to("query", name), detail)


def refuse(faults: Iterable[FieldError]) -> None:
    """Raises `Invalid` if there are any."""
    told = tuple(faults)[:100]  # an answer need not be larger than the request
    if told:
        raise Invalid(sum_up(told), errors=told)


def sum_up(faults: Sequence[FieldError]) -> str:
    """The first of them in a sentence, for clients that read no further."""
    return "; ".join(f"{fault.pointer} {fault.detail}" for fault in faults[:3])[:300]


def _list(known: tuple[str, ...]) -> str:
    return f"those are {', '.join(known)}" if known else "there are none"
