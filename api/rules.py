"""The words of the table in `api.access`: how a route is entered, and what each role may do behind its door."""

from dataclasses import dataclass
from enum import StrEnum, auto
from typing import assert_never

from domain.accounts.api_keys import Scope
from domain.callers import ANONYMOUS, Caller, Role
from domain.errors import FieldError, Forbidden


class Door(StrEnum):
    """What a request must bring."""

    OPEN = auto()  # nothing; what it brings is not looked at
    SIGNED = auto()  # a vendor's signature over the body
    LENIENT = auto()  # credentials of any kind, or none where the operator allows it
    KNOWN = auto()  # credentials of any kind
    USER = auto()  # a session, or a key of somebody with an account
    SESSION = auto()  # a person who signed in
    SERVICE = auto()  # as the service's own table says; credentials that are sent must be good
    NO_API_KEY = auto()  # a person who signed in, or the operator: a key that leaked must not beget others


class May(StrEnum):
    """What callers of one role may do."""

    ALL = auto()
    OWN = auto()  # on what is theirs: the query leaves the rest out, so that another's object is a 404
    NO = auto()


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One row. A key that is narrowed opens it with `scope` only, and not at all where there is none.

    `refusal` tells a caller of the wrong role what to do instead.
    """

    door: Door
    user: May = May.NO
    service: May = May.NO
    admin: May = May.NO
    scope: Scope | None = None
    refusal: str = "this is not for your role; ask an admin"

    @property
    def is_open(self) -> bool:
        """Nobody is asked who they are."""
        return self.door is Door.OPEN or self.door is Door.SIGNED

    def may(self, role: Role) -> May:
        match role:
            case Role.USER:
                return self.user
            case Role.SERVICE:
                return self.service
            case Role.ADMIN:
                return self.admin
            case _:
                assert_never(role)

    def admit(self, caller: Caller) -> None:
        """Raises `Forbidden`, which says what is missing."""
        if caller == ANONYMOUS and self.door is Door.LENIENT:  # the operator allows it, on a machine of their own
            return
        if self.may(caller.role) is May.NO:
            raise Forbidden(self.refusal)
        self._admit_at_the_door(caller)
        if caller.scopes is not None and self.scope not in caller.scopes:
            raise _too_narrow(self.scope)

    def _admit_at_the_door(self, caller: Caller) -> None:
        if self.door is Door.SESSION and caller.session is None:
            raise Forbidden("a key may not do this; sign in, and send the token of your session")
        if self.door is Door.NO_API_KEY and caller.key is not None:
            raise Forbidden("an API key may not do this; sign in, and send the token of your session")
        if self.door is Door.USER and caller.user is None:
            raise Forbidden("this is about a person's account, and this key is nobody's; sign in")


def _too_narrow(scope: Scope | None) -> Forbidden:
    missing = "and no scope opens this route; use a key without scopes" if scope is None else f"and lacks {scope}"
    fault = FieldError("/headers/Authorization", f"is a key that was narrowed to scopes, {missing}")
    return Forbidden(f"the API key was narrowed to scopes, {missing}", code="insufficient-scope", errors=(fault,))
