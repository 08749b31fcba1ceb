"""What a mail is written in: a subject, and paragraphs of which some stand for what each mail has of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from domain.accounts.links import Purpose

LINK = ""  # the paragraph that is the link
ITEMS = "\n"  # the one that lists what was ordered


@dataclass(frozen=True, slots=True)
class Words:
    """`link` is the purpose of the link that stands in it; `needs` are values that its paragraphs name in braces."""

    subject: str
    paragraphs: tuple[str, ...]
    link: Purpose | None = None
    needs: tuple[str, ...] = ()

    def filled(self, values: Mapping[str, str]) -> "Words | None":
        """With the values in their places; None where one is missing. The subject holds none: it is a header."""
        if not self.needs:
            return self
        if not values.keys() >= set(self.needs):
            return None
        return replace(self, paragraphs=tuple(paragraph.format_map(values) for paragraph in self.paragraphs))
