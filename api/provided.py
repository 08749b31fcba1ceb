"""What routes ask for by type, and where it comes from. Protocols are handed over as they are: nothing to validate."""

from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation

from api.callers import caller_of
from api.cursors import Cursors
from api.ports import ApiPorts
from domain.callers import Caller
from domain.ports import JobIntake, JobReader

Asking = NamedDependency[SkipValidation[Caller]]
Intake = NamedDependency[SkipValidation[JobIntake]]
Jobs = NamedDependency[SkipValidation[JobReader]]
Vendors = NamedDependency[SkipValidation[frozenset[str]]]
Signer = NamedDependency[SkipValidation[Cursors]]


def provide(ports: ApiPorts) -> dict[str, Provide]:
    return {
        "caller": Provide(caller_of, sync_to_thread=False),
        "intake": _always(ports.intake),
        "jobs": _always(ports.jobs),
        "vendors": _always(ports.vendors),
        "cursors": _always(Cursors(ports.cursor_secret)),
    }


def _always(thing: object) -> Provide:
    return Provide(lambda: thing, use_cache=True, sync_to_thread=False)
