"""What the active checks say of one instance."""

FAILED_CHECKS = 2  # one lost answer takes nobody out


class Health:
    """Well until `FAILED_CHECKS` in a row say otherwise, and again with the first good one."""

    __slots__ = ("_failed",)

    def __init__(self) -> None:
        self._failed = 0

    @property
    def is_well(self) -> bool:
        return self._failed < FAILED_CHECKS

    def note(self, ok: bool) -> bool:
        """Whether it has just become well again."""
        was_well = self.is_well
        self._failed = 0 if ok else self._failed + 1
        return self.is_well and not was_well
