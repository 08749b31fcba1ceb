"""The sample services: what an instance does when it is told to, and that it comes back."""

import pytest

from loadtest.services.samples import Samples
from loadtest.services.wishes import Wish
from tests.contracts.service_world import samples
from tests.loadtest.client import Vendors


async def test_an_instance_is_told_and_looked_at_by_its_number() -> None:
    known = Samples({"user": ["http://127.0.0.1:0", "http://127.0.0.1:0"]})
    async with known.running():
        told = await known.answer("PUT", ["user", "2"], b'{"mode": "fail", "status": 503, "times": 2}')
        assert (told["instance"], told["wish"]) == ("user-2", Wish("fail", status=503, times=2))
        assert [each["wish"].mode for each in known.look()["user"]] == ["well", "fail"]
        await known.answer("DELETE", [], b"")
        assert [each["wish"].mode for each in known.look()["user"]] == ["well", "well"]


@pytest.mark.parametrize("path", [["user", "0"], ["user", "3"], ["nobody", "1"], ["user", "x"], ["user"]])
async def test_there_is_nobody_else_to_tell(path: list[str]) -> None:
    known = Samples({"user": ["http://127.0.0.1:0", "http://127.0.0.1:0"]})
    assert await known.answer("PUT", path, b"{}") is None


async def test_one_that_was_dead_listens_where_it_did() -> None:
    async with samples(1) as (instance,):
        before = instance.url
        await instance.follow(Wish("dead"))
        await instance.follow(Wish())
        assert instance.url == before


def test_the_simulated_vendors_show_their_services(vendors: Vendors) -> None:
    assert vendors.ask("GET", "/control/services").json == {}
    assert vendors.ask("PUT", "/control/services/user/1", b"{}").status == 404
    assert vendors.ask("GET", "/control/services").status == 200
