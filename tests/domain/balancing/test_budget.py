"""How many calls may be made again at once."""

from contextlib import ExitStack

from hypothesis import given
from hypothesis import strategies as st

from domain.balancing.budget import RetryBudget


@given(actions=st.lists(st.tuples(st.sampled_from(["call", "retry", "call ends", "retry ends"]), st.integers(1, 30))))
def test_retries_are_never_above_a_fifth_of_the_live_calls_plus_three(actions: list[tuple[str, int]]) -> None:
    budget = RetryBudget()
    calls: list[ExitStack] = []
    retries: list[ExitStack] = []
    for what, times in actions:
        for _ in range(times):
            act(budget, what, calls, retries)


def act(budget: RetryBudget, what: str, calls: list[ExitStack], retries: list[ExitStack]) -> None:
    stack = ExitStack()
    match what:
        case "call":
            stack.enter_context(budget.call())
            calls.append(stack)
        case "retry":
            if stack.enter_context(budget.retry()):
                retries.append(stack)
                assert len(retries) <= 0.2 * len(calls) + 3
            else:
                stack.close()
                assert len(retries) >= max(3, len(calls) // 5)
        case "call ends" if calls:
            calls.pop().close()
        case "retry ends" if retries:
            retries.pop().close()


def test_three_may_be_under_way_however_few_calls_live() -> None:
    budget = RetryBudget()
    with ExitStack() as stack:
        assert [stack.enter_context(budget.retry()) for _ in range(4)] == [True, True, True, False]


def test_of_a_hundred_calls_twenty_may_be_made_again_at_once() -> None:
    budget = RetryBudget()
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(budget.call())
        assert sum(stack.enter_context(budget.retry()) for _ in range(100)) == 20


def test_what_has_ended_whatever_way_gives_its_place_back() -> None:
    budget = RetryBudget()
    for _ in range(10):
        try:
            with budget.call(), budget.retry() as granted:
                assert granted
                raise ConnectionError
        except ConnectionError:
            pass
