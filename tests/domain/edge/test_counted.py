"""HTTP counted: by route and status, problems by code, and bugs not among them."""

from httpx import ASGITransport, AsyncClient, Response
from litestar import get
from litestar.params import FromPath

from domain.edge.app import build_edge
from domain.edge.counted import NO_ROUTE
from domain.errors import Conflict, OutcomeUnknown
from domain.metrics import HTTP_ANSWERS, HTTP_SECONDS, PROBLEMS
from domain.tallies import Tallies


@get("/things/{name:str}")
async def show(name: FromPath[str]) -> str:
    if name == "taken":
        raise Conflict("it is taken", code="thing-taken")
    if name == "broken":
        raise RuntimeError("a bug")
    if name == "unsure":
        raise OutcomeUnknown("only a worker may meet it")
    return name


async def asked(counts: Tallies, path: str, method: str = "GET") -> Response:
    app = build_edge([show], counts=counts)
    async with AsyncClient(transport=ASGITransport(app), base_url="http://x") as client:  # type: ignore[arg-type]
        return await client.request(method, path)


async def test_answers_are_counted_by_the_routers_template() -> None:
    counts = Tallies()
    await asked(counts, "/things/a")
    await asked(counts, "/things/b", "HEAD")
    assert counts.of(HTTP_ANSWERS, "GET", "/things/{name}", "200") == 2
    assert counts.of(HTTP_SECONDS, "GET", "/things/{name}") == 2
    assert not [single for single in counts.snapshot().singles if "a" in single.labels]


async def test_a_problem_is_counted_by_its_code() -> None:
    counts = Tallies()
    await asked(counts, "/things/taken")
    await asked(counts, "/nothing")
    assert counts.of(PROBLEMS, "409", "thing-taken") == 1
    assert counts.of(PROBLEMS, "404", "not-found") == 1
    assert counts.of(HTTP_ANSWERS, "GET", NO_ROUTE, "404") == 1


async def test_a_bug_is_an_answer_and_no_problem() -> None:
    counts = Tallies()
    await asked(counts, "/things/broken")
    await asked(counts, "/things/unsure")
    assert counts.of(HTTP_ANSWERS, "GET", "/things/{name}", "500") == 2
    assert "gateway_problems_total" not in {single.name for single in counts.snapshot().singles}


async def test_a_method_that_somebody_made_up_is_another() -> None:
    counts = Tallies()
    await asked(counts, "/nothing", "BREW")
    assert counts.of(HTTP_ANSWERS, "other", NO_ROUTE, "404") == 1
