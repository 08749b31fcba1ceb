"""What all fakes of stores have in common: they may be away."""

from domain.errors import Unavailable


class MayBeDown:
    """`down`: set, every method that answers raises `Unavailable`."""

    def __init__(self) -> None:
        self.down = False

    def _answer(self) -> None:
        if self.down:
            raise Unavailable("the store does not answer just now")
