"""The page for the owners of earlier clients says what the table of aliases says."""

from tests.api.aliases_page import PAGE, draw_table, table_in


def test_the_page_says_what_the_table_says() -> None:
    """`make openapi` rewrites it; the difference belongs in the review."""
    assert table_in(PAGE.read_text()) == draw_table()
