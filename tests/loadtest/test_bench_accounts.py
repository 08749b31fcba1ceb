"""What a measurement of accounts is told by: the t of two means, and the section that is written."""

import random

import pytest

from loadtest.accounts_section import section_of, with_section
from loadtest.bench_guessing import welch

PAGE = "# Benchmarks\n\n| what |\n|---|\n| intake |\n"
SECTION = "## Accounts\n\n| what |\n|---|\n| sign-ins |\n"


def test_the_section_comes_last_and_is_replaced_as_a_whole() -> None:
    written = with_section(PAGE, SECTION)
    assert written == f"{PAGE}\n{SECTION}"
    assert with_section(with_section(PAGE, "## Accounts\n\nof last year\n"), SECTION) == written


def test_what_stood_there_is_kept_when_the_rest_is_written_anew() -> None:
    newer = PAGE.replace("intake", "drain")
    assert newer + section_of(with_section(PAGE, SECTION)) == f"{newer}\n{SECTION}"
    assert section_of(PAGE) == ""


def test_the_t_of_a_textbook_pair() -> None:
    """Of {1, 2, 3, 4} and {3, 4, 5, 6}: two apart, each mean with a variance of 5/3 over 4."""
    assert welch([1, 2, 3, 4], [3, 4, 5, 6]) == pytest.approx(-2 / (2 * 5 / 12) ** 0.5)


def test_one_millisecond_shows_in_two_hundred_tries_of_a_noise_of_three() -> None:
    noise = random.Random(1)
    known, unknown = ([noise.gauss(mean, 3) for _ in range(200)] for mean in (101, 100))
    assert welch(known, unknown) > 2
