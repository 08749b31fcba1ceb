"""The table of `make mutants` follows the code: each guard stands where it says, and the test that must notice exists."""

from tests.mutants.__main__ import ROOT, all_mutants


def test_every_guard_stands_where_the_table_says() -> None:
    mutants = all_mutants()
    assert len(mutants) > 50
    assert [one.guard for one in mutants if (ROOT / one.file).read_text().count(one.was) != 1] == []


def test_every_test_that_the_table_names_exists() -> None:
    named = [(one.guard, *one.test.partition("[")[0].split("::")) for one in all_mutants()]
    assert [guard for guard, file, *_, name in named if f"def {name}(" not in (ROOT / file).read_text()] == []
