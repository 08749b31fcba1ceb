"""
The gateway over HTTP, for the commands that clients and operators type.

What goes wrong is told in one sentence with its remedy. Exit codes: 1 where the gateway refuses, 69
(EX_UNAVAILABLE of sysexits.h) where it cannot be reached. The key is sent and never shown.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus

import click
import httpx
import msgspec
from pydantic import SecretStr

from cli.answered_json import Fields, read_fields, read_items
from cli.columns import printable
from cli.event_stream import Event, read_events
from vendors.json_slices import NotJson

UNAVAILABLE_EXIT = 69
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
SILENCE_SECONDS = 45.0  # of a stream of events: three heartbeats
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Refused(click.ClickException):
    """The gateway said no."""

    exit_code = 1


class Unreachable(click.ClickException):
    exit_code = UNAVAILABLE_EXIT


class NothingMore(Exception):
    """A stream will never tell more than what was seen: do not come back."""


class Fault(msgspec.Struct):
    pointer: str
    detail: str


class Problem(msgspec.Struct):
    """What we read of a problem (RFC 9457)."""

    detail: str
    trace_id: str = ""
    errors: list[Fault] = []


class GatewayApi:
    """One gateway. Everything raises `Refused` and `Unreachable`."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        url = http.base_url
        self.where = f"{url.scheme}://{url.netloc.decode()}"

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> httpx.Response:
        """The answer, which is a success."""
        told = {"Content-Type": "application/json"} if body is not None else {}
        with self._reaching():
            answer = self._http.request(method, path, params=query, headers={**told, **(headers or {})}, content=body)
        self._refuse(answer)
        return answer

    def fields(self, content: bytes) -> Fields:
        """The JSON object that was answered, its values as they are spelled."""
        try:
            return read_fields(content)
        except NotJson:
            raise self._odd() from None

    def items(self, text: str) -> list[Fields]:
        """The objects of an array in an answer."""
        try:
            return [read_fields(item.encode()) for item in read_items(text)]
        except NotJson:
            raise self._odd() from None

    def _odd(self) -> Refused:
        return Refused(f"{self.where} answered, but not as a gateway does; is --url right?")

    def pages(self, path: str, query: Mapping[str, str], *, every_page: bool = True) -> Iterator[list[str]]:
        """The items of a list, page by page; the first page alone unless `every_page`."""
        cursor: str | None = None
        while True:
            answer = self.fields(
                self.send("GET", path, query={**query, **({"cursor": cursor} if cursor else {})}).content
            )
            try:
                items = read_items(answer["items"])
                cursor = msgspec.json.decode(answer["next_cursor"], type=str | None)
            except (NotJson, KeyError, msgspec.DecodeError):
                raise Refused(f"{self.where} answered, but not with a list; is --url right?") from None
            yield items
            if not cursor or not every_page:
                return

    def events(self, path: str, seen: str = "") -> Iterator[Event]:
        """The events of a stream until it ends; one that breaks off ends too. Raises `NothingMore`."""
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": seen} if seen else {})}
        timeout = httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
        with self._reaching(), self._http.stream("GET", path, headers=headers, timeout=timeout) as answer:
            if not answer.is_success:
                answer.read()
            self._refuse(answer)
            if answer.status_code == HTTPStatus.NO_CONTENT:
                raise NothingMore
            try:
                yield from read_events(answer.iter_bytes())
            except httpx.ReadError:
                return

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        remedy = "start it with `gateway up`, or say where it is with --url or GATEWAY_PUBLIC_URL"
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as fault:
            why = printable(str(fault)) or "no answer"
            raise Unreachable(f"no gateway can be reached at {self.where} ({why}); {remedy}") from None
        except httpx.TimeoutException:
            raise Unreachable(f"the gateway at {self.where} does not answer; look at /health, try again") from None
        except httpx.HTTPError as fault:
            raise Unreachable(
                f"the connection to {self.where} broke off ({type(fault).__name__}); try again: "
                "with --key a job that was taken in already is found again"
            ) from None

    def _refuse(self, answer: httpx.Response) -> None:
        if answer.is_success:
            return
        try:
            problem = msgspec.json.decode(answer.content, type=Problem)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Refused(
                f"{self.where} answered {answer.status_code}, but not as a gateway does; is --url right?"
            ) from None
        raise Refused("\n".join(_told(problem, answer)))


@contextmanager
def open_api(url: str, key: SecretStr | None, transport: httpx.BaseTransport | None = None) -> Iterator[GatewayApi]:
    """`transport` is for tests. A proxy of the environment is used, but not for what runs on this machine."""
    headers = {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}
    timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    far = httpx.URL(url).host not in LOOPBACK
    with httpx.Client(base_url=url, headers=headers, timeout=timeout, transport=transport, trust_env=far) as http:
        yield GatewayApi(http)


def _told(problem: Problem, answer: httpx.Response) -> Iterator[str]:
    yield printable(problem.detail)
    for fault in problem.errors if any(fault.detail not in problem.detail for fault in problem.errors) else ():
        yield printable(f"  {fault.pointer or 'the body'}: {fault.detail}")
    match answer.status_code:
        case HTTPStatus.UNAUTHORIZED:
            yield "  give a key with GATEWAY_API_KEY or --api-key; `gateway bootstrap-key` makes the admin's"
        case HTTPStatus.FORBIDDEN:
            yield "  give an admin's key with GATEWAY_API_KEY or --api-key; `gateway bootstrap-key` makes it"
        case HTTPStatus.SERVICE_UNAVAILABLE | HTTPStatus.TOO_MANY_REQUESTS:
            yield printable(f"  try again in {answer.headers.get('retry-after', '1')} s")
        case HTTPStatus.INTERNAL_SERVER_ERROR:
            yield printable(f"  its trace_id is {problem.trace_id}")
        case _:
            pass
