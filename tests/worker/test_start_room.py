"""How many limited calls are claimed ahead of a start: no more than the loop bears, and what is taken comes back."""

from domain.infra.queue import Lease
from worker.start_room import FEWEST, FIRST, LATE_SECONDS, MOST, WORTH_A_CLAIM, StartRoom


def leases(how_many: int) -> list[Lease]:
    return [Lease(f"job-{number}", "acme", "normal", "token") for number in range(how_many)]


class Lanes:
    """Who stood in line, and was woken."""

    def __init__(self) -> None:
        self.woken: list[str] = []

    def first(self) -> None:
        self.woken.append("first")

    def second(self) -> None:
        self.woken.append("second")

    def third(self) -> None:
        self.woken.append("third")


def full_room() -> tuple[StartRoom, Lanes, list[Lease]]:
    room, lanes, held = StartRoom(), Lanes(), leases(FIRST)
    room.fill(room.reserve(FIRST, lanes.first), held)
    return room, lanes, held


def test_what_a_claim_did_not_use_is_given_back() -> None:
    room, lanes = StartRoom(), Lanes()
    reserved = room.reserve(10, lanes.first)
    assert (reserved, room.free) == (10, FIRST - 10)
    room.fill(reserved, leases(3))
    assert room.free == FIRST - 3


def test_a_lease_leaves_once_however_often_it_is_told() -> None:
    room, _, held = full_room()
    for _ in range(2):
        room.leave(held[0])
    room.leave(Lease("another", "acme", "normal", "never inside"))
    assert room.free == 1


def test_who_finds_it_full_is_woken_in_turn_as_places_come_free() -> None:
    room, lanes, held = full_room()
    assert room.reserve(5, lanes.first) == room.reserve(5, lanes.second) == 0
    for lease in held[:WORTH_A_CLAIM]:
        assert lanes.woken == []
        room.leave(lease)
    assert lanes.woken == ["first"]
    assert room.reserve(5, lanes.first) == WORTH_A_CLAIM
    for lease in held[WORTH_A_CLAIM : 2 * WORTH_A_CLAIM - 1]:
        room.leave(lease)
    assert room.reserve(5, lanes.third) == 0  # there are places, for whom stands before it
    room.leave(held[-1])
    assert lanes.woken == ["first", "second"]


def test_a_loop_in_time_adds_a_place_where_all_were_wanted_and_a_late_one_takes_a_third() -> None:
    room, lanes, _ = full_room()
    room.note(0.0)
    assert room.free == 0  # nobody had wanted more
    room.reserve(1, lanes.first)
    room.note(0.0)
    assert room.free == 1
    room.note(LATE_SECONDS * 2)
    assert room.free == 0


def test_there_are_always_some_and_never_too_many() -> None:
    room, lanes = StartRoom(), Lanes()
    for _ in range(50):
        room.note(1.0)
    assert room.free == FEWEST
    for _ in range(MOST):
        reserved = room.reserve(MOST, lanes.first)
        room.reserve(1, lanes.second)
        room.note(0.0)
        room.fill(reserved, [])
    assert room.free == MOST
