"""`POST /jobs/batch`: up to a thousand jobs in one request, each accepted or refused for itself."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

import msgspec
import structlog
from litestar import post
from litestar.response.base import ASGIResponse
from litestar.types import Scope
from msgspec import UNSET, UnsetType

from api.callers import caller_of
from api.headers import header
from api.ports import ApiPorts
from api.provided import Ports
from api.queries import read_query
from api.views import RequestId
from domain.batches import LARGEST_BATCH, Item, read_batch, read_item
from domain.callers import Caller
from domain.edge.answers import AnyRequest
from domain.edge.bodies import LARGEST_BODY, read_body, require_json
from domain.edge.problems import BUG, Problem, Where, headers_of, problem, status_of
from domain.edge.request_ids import request_id_of
from domain.errors import BadSyntax, FieldError, GatewayError, Invalid, TooLarge
from domain.fingerprints import fingerprint
from domain.jobs import Job
from domain.metrics import PROBLEMS
from domain.ports import Accepted
from domain.submissions import read_submission, read_traceparent

log = structlog.get_logger()


class BatchResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one job: 202 and its id, or the problem that it would have been answered with alone."""

    status: int
    request_id: RequestId | UnsetType = UNSET
    replayed: bool = False
    problem: Problem | UnsetType = UNSET
    retry_after: int | UnsetType = UNSET  # seconds, where a job alone would have been answered with Retry-After


class BatchView(msgspec.Struct, frozen=True):
    """In the order of `jobs`."""

    results: list[BatchResult]


@post("/jobs/batch", status_code=HTTPStatus.OK)
async def submit_batch(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """Accept many jobs at once. Those of one idempotency key are one job."""
    scope = request.scope
    read_query(scope)
    require_json(scope)
    _refuse_key(scope)
    body = await read_body(scope, request.receive, largest=LARGEST_BATCH)
    batch = _Batch(caller_of(request), ports, read_traceparent(header(scope, b"traceparent")))
    entries = await asyncio.to_thread(batch.read, body)  # a thousand take tens of milliseconds, 16 MiB half a second
    where = Where(request.url.path, request_id_of(scope))
    results = await asyncio.gather(*(_result(batch, entry, where) for entry in entries))
    return ASGIResponse(body=msgspec.json.encode(BatchView(results)))


@dataclass(frozen=True, slots=True)
class _Refused:
    """An item that is no submission (any more), and what it may be the repeat of."""

    fault: GatewayError
    key: str | None = None
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class _Batch:
    caller: Caller
    ports: ApiPorts
    traceparent: str | None

    def read(self, body: bytes) -> list[Job | _Refused]:
        """Every item as a job, or as what is wrong with it. Raises what is wrong with the whole."""
        now = datetime.now(UTC)
        return [self._read_item(sent, now) for sent in read_batch(body)]

    async def take_in(self, entry: Job | _Refused) -> Accepted:
        if isinstance(entry, Job):
            return await self.ports.intake.take_in(entry)
        # What was accepted once may be refused by now: a repeat is still a repeat, as it is of a job alone.
        earlier = None
        if entry.key is not None:
            earlier = await self.ports.intake.replay(self.caller.client, entry.key, entry.fingerprint)
        if earlier is None:
            raise entry.fault
        return earlier

    def _read_item(self, sent: bytes, now: datetime) -> Job | _Refused:
        try:
            if len(sent) > LARGEST_BODY:
                detail = f"the job is larger than {LARGEST_BODY} bytes, which is the most that is read of one"
                raise TooLarge(detail, errors=(FieldError("", detail),))
            item = read_item(sent)
        except GatewayError as fault:
            return _Refused(fault)
        return self._read_submission(item, now)

    def _read_submission(self, item: Item, now: datetime) -> Job | _Refused:
        try:
            submission = read_submission(
                item.body, now=now, vendors=self.ports.vendors, callbacks_anywhere=self.ports.callbacks_anywhere
            )
        except Invalid as fault:
            return _Refused(fault, item.key, "" if item.key is None else fingerprint(item.body.decode()))
        return submission.job(self.caller, key=item.key, now=now, traceparent=self.traceparent)


async def _result(batch: _Batch, entry: Job | _Refused, where: Where) -> BatchResult:
    try:
        accepted = await batch.take_in(entry)
    except GatewayError as fault:
        refusal = _refusal(fault, where)
        if refusal.status != HTTPStatus.INTERNAL_SERVER_ERROR:
            batch.ports.counts.add(PROBLEMS, str(refusal.status), fault.code)
        return refusal
    except Exception as fault:  # noqa: BLE001 - the others are stored: an answer without them would have them sent again
        return _bug(fault, where)
    return BatchResult(int(HTTPStatus.ACCEPTED), str(accepted.job.id), accepted.replayed)


def _refusal(fault: GatewayError, where: Where) -> BatchResult:
    status = status_of(fault)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return _bug(fault, where)
    told = problem(status, fault.code, fault.detail, where, fault.errors)
    wait = headers_of(fault).get("Retry-After")
    return BatchResult(int(status), problem=told, retry_after=UNSET if wait is None else int(wait))


def _bug(fault: Exception, where: Where) -> BatchResult:
    log.error("unforeseen", trace_id=where.trace_id, path=where.path, exc_info=fault)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return BatchResult(int(status), problem=problem(status, "internal", BUG, where))


def _refuse_key(scope: Scope) -> None:
    """A key of the whole batch would promise more than is kept: some of it may be stored, and some not."""
    if header(scope, b"idempotency-key") is not None:
        detail = "is not taken here; give each job its own idempotency_key"
        raise BadSyntax(f"Idempotency-Key {detail}", errors=(FieldError("/headers/Idempotency-Key", detail),))
