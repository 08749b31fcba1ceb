"""The table of `make mutants` follows the code: each guard stands where it says, and its test exists."""

from tests.mutants.__main__ import ROOT, Mutant, all_mutants


def is_there(mutant: Mutant) -> bool:
    file, _, within = mutant.test.partition("[")[0].partition("::")
    path = ROOT / file
    return path.is_file() and (not within or f"def {within.rpartition('::')[2]}(" in path.read_text())


def test_every_guard_stands_where_the_table_says() -> None:
    mutants = all_mutants()
    assert len(mutants) > 50
    assert [one.guard for one in mutants if (ROOT / one.file).read_text().count(one.was) != 1] == []


def test_every_test_that_the_table_names_exists() -> None:
    assert [one.guard for one in all_mutants() if not is_there(one)] == []
