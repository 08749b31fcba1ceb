"""The section "Accounts" of `docs/benchmarks.md`: two commands write the page, and each leaves the other's part."""

HEADING = "## Accounts"


def section_of(page: str) -> str:
    """The section as it stands; "" where there is none. It is the last of the page."""
    _, heading, behind = page.partition(f"\n{HEADING}\n")
    return f"{heading}{behind}" if heading else ""


def with_section(page: str, section: str) -> str:
    return f"{page.removesuffix(section_of(page)).rstrip()}\n\n{section}"
