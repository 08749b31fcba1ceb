"""The words of the table in `api.aliases`: an old route, ours that it stands for, and how its client spells things."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from api.access import Route

_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Spelling:
    """
    What an earlier client calls the fields of a body, each with the one of ours that it is.

    `names` are those that are called otherwise, the usual one of several first. `parts` are one of ours together, in
    this order. `repeated` must say the same as one of ours, and are then left out. `own` must be the caller's id, and
    are then left out. `whole` are numbers of ours that may be sent as text of digits. `inner` are the spellings of
    objects in an array, by our name of it. Any other field is handed on under its own name: what our route does not
    know, it refuses, and `refused` says of some why.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    repeated: Mapping[str, str] = field(default_factory=dict)
    own: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    inner: Mapping[str, "Spelling"] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def usual(self) -> dict[str, str]:
        """Ours, by the name under which a client looks for it that did not send it."""
        return {ours: theirs for theirs, ours in reversed(tuple(self.names.items()))}


AS_OURS = Spelling()


@dataclass(frozen=True, slots=True)
class Alias:
    """
    One row: who asks for `method old` is answered by our route `ours`, whose parameters are named alike.

    `filled` are parameters of ours that this old path always means: a service, and a path below it.
    `cookie` is where a browser is to send the refresh cookie that this route sets; None: to ours. The query, the
    headers and the cookies of the request are read as they come. `named` is a parameter of ours that stands in the
    body: that body alone is read before anybody asks who sent it, under a cap of its own.
    """

    method: str
    old: str
    ours: Route
    body: Spelling = AS_OURS
    cookie: str | None = None
    named: str | None = None
    filled: Mapping[str, str] = field(default_factory=dict)

    @property
    def successor(self) -> str:
        """Our path, as far as the row itself says it."""
        return _PARAMETER.sub(lambda found: self.filled.get(found[1], found[0]), self.ours[1])
