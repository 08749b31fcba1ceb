"""The ledger as a page of Markdown: the figures, what must be 0, the limits, recovery, and what was done to it all."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from loadtest.load_check import percentiles

if TYPE_CHECKING:
    from loadtest.chaos.ledger import Ledger


def page(ledger: "Ledger") -> str:
    parts = (_head(ledger), _jobs(ledger), _zeros(ledger), _limits(ledger), _faults(ledger), _answers(ledger))
    return "\n".join(line for part in parts for line in part) + "\n"


def _head(ledger: "Ledger") -> Iterator[str]:
    machine = ledger.machine
    yield f"# Ledger of a chaos run, seed {ledger.seed}: {'sound' if ledger.sound else 'BROKEN'}"
    yield ""
    yield (
        f"{ledger.counts.accepted} jobs accepted, {sum(ledger.faults.values())} faults, {ledger.kills} processes "
        f"killed, {ledger.seconds:.0f} s, on {machine.cores} cores ({machine.kernel}, Python {machine.python}, "
        f"Redis {machine.redis}, MongoDB {machine.mongodb})."
    )
    yield ""


def _jobs(ledger: "Ledger") -> Iterator[str]:
    counts, callbacks = ledger.counts, ledger.callbacks
    unknown = ", ".join(f"{vendor} {count}" for vendor, count in sorted(counts.unknown.items()))
    rows: list[tuple[str, object]] = [
        ("accepted", counts.accepted),
        ("stored, though its client never heard of it", counts.unheard),
        *((f"{status}", count) for status, count in sorted(counts.statuses.items())),
        *((f"failed: `{code}`", count) for code, count in sorted(counts.failures.items())),
        ("`outcome_unknown` by vendor", unknown or 0),
        ("calls that vendors received", counts.calls),
        ("calls beyond the first of a job and generation", counts.repeated),
        ("jobs somebody cancelled; retries by hand", f"{counts.cancels}; {counts.retries}"),
        ("submissions given up", counts.given_up),
        ("callbacks owed, arrived", f"{callbacks.owed}, {callbacks.arrived}"),
        ("callbacks on their schedule at the end", callbacks.under_way),
        ("deliveries of callbacks", callbacks.deliveries),
    ]
    yield from _table(("what", "count"), rows)


def _zeros(ledger: "Ledger") -> Iterator[str]:
    rows = [
        (what, len(ids) if not ids else f"**{len(ids)}** {', '.join(ids[:3])}") for what, ids in ledger.wrong.items()
    ]
    yield from _table(("must be 0", "count"), rows)


def _limits(ledger: "Ledger") -> Iterator[str]:
    rows = [
        (each.vendor, each.what, each.bound, each.worst if each.kept else f"**{each.worst}**") for each in ledger.limits
    ]
    yield from _table(("vendor", "bound", "allowed", "worst seen"), rows)


def _faults(ledger: "Ledger") -> Iterator[str]:
    """Seconds until the gateway was itself again."""
    rows = [(kind, count, *_spread(ledger.recoveries, kind)) for kind, count in sorted(ledger.faults.items())]
    yield from _table(("fault", "times", "recovery p50, s", "p99, s"), rows)
    if ledger.unrecovered:
        yield f"No recovery was seen after {ledger.unrecovered} of them."
        yield ""
    yield from _table(("what ended by itself and was started again", "times"), sorted(ledger.ended_themselves.items()))


def _spread(recoveries: Mapping[str, Sequence[float]], kind: str) -> tuple[str, str]:
    seconds = recoveries.get(kind, ())
    if not seconds:
        return "–", "–"
    p50, _, p99 = percentiles(seconds)
    return f"{p50:.2f}", f"{p99:.2f}"


def _answers(ledger: "Ledger") -> Iterator[str]:
    yield from _table(("what clients were answered", "times"), sorted(ledger.counts.answers.items()))


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    if not rows:
        return
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(map(str, row))} |"
    yield ""
