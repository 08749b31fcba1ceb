"""Rewrites docs/access.md from the table of `api.access`: `python -m tests.api.access_page`."""

from pathlib import Path
from typing import assert_never

from api.access import ACCESS
from api.rules import Door, May, Rule

PAGE = Path(__file__).parents[2] / "docs" / "access.md"
_HEAD = """# Who may do what

Drawn up from the one table that the gate asks, `api/access.py`, by `make openapi`; a test compares the two, and calls
every route as everybody. What is not in the table is not served: nobody may, before somebody has said who may.

- **yes**: on whatever there is. **own**: on what is theirs; the query leaves the rest out.
- **401**: who are you? **403**: you may not; the answer says what is missing.
- **404**: there is none of yours, and no more is said of another's. "Other user" is who asks for what is another's;
  where they have **own**, the route names nothing of another's.

Somebody comes in by a *session* (the access token of a person who signed in), by an *API key* of theirs, or by the key
of a service, which is nobody's. The operator's *bootstrap key* is an admin without an account. A narrowed key opens
only routes that name one of its scopes; any other key may what its role may. What a lock, a logout, a revocation, or
another password or address closes is closed 10 s later at the latest, in every process. While a process cannot reach
MongoDB, where nothing can be closed either, it still takes a service's key that was good for up to 10 minutes more.

Who leaves takes their sessions and keys with them. Keys that an admin made for services stay, since a service is
nobody's: `GET /audit?act=key.left` lists those whose secret somebody who left may know.

| route | nobody | user | other user | service | admin | comes in by | scope |
|---|---|---|---|---|---|---|---|
"""

_FOOT = """
¹ As the one client `anonymous`, where the operator allows it (`GATEWAY_ANONYMOUS=1`) and no proxy is in between.

² As `access` of the service's table says: `public` lets anybody in, `service` those with a service's key and admins,
`admin` admins alone, and `authenticated`, which holds where nothing is said, whoever is known.
"""


def main() -> None:
    PAGE.write_text(draw_page())


def draw_page() -> str:
    return _HEAD + "".join(_row(method, path, rule) for (method, path), rule in ACCESS.items()) + _FOOT


def _row(method: str, path: str, rule: Rule) -> str:
    cells = (f"`{method} {path}`", nobody(rule), *known(rule, path), _door(rule.door), _scope(rule))
    return f"| {' | '.join(cells)} |\n"


def nobody(rule: Rule) -> str:
    match rule.door:
        case Door.OPEN:
            return "yes"
        case Door.SIGNED:
            return "401"
        case Door.LENIENT:
            return "401, or own¹" if rule.user is May.OWN else "401, or yes¹"
        case Door.SERVICE:
            return "401, or yes²"
        case Door.KNOWN | Door.USER | Door.SESSION | Door.NO_API_KEY:
            return "401"
        case _:
            assert_never(rule.door)


def known(rule: Rule, path: str) -> tuple[str, str, str, str]:
    """The cells of user, other user, service and admin."""
    if rule.door is Door.SIGNED:
        return "401", "401", "401", "401"
    other = "404" if rule.user is May.OWN and names_an_object(path) else _may(rule.user)
    return _may(rule.user), other, _may(rule.service), _may(rule.admin)


def names_an_object(path: str) -> bool:
    return "{" in path


def _may(may: May) -> str:
    match may:
        case May.ALL:
            return "yes"
        case May.OWN:
            return "own"
        case May.NO:
            return "403"
        case _:
            assert_never(may)


def _door(door: Door) -> str:
    match door:
        case Door.OPEN:
            return "anything"
        case Door.SIGNED:
            return "the vendor's signature"
        case Door.LENIENT | Door.KNOWN | Door.SERVICE:
            return "session, key"
        case Door.USER:
            return "session, own key"
        case Door.SESSION:
            return "session"
        case Door.NO_API_KEY:
            return "session, bootstrap key"
        case _:
            assert_never(door)


def _scope(rule: Rule) -> str:
    if rule.scope is not None:
        return f"`{rule.scope}`"
    return "" if rule.is_open or rule.door is Door.SESSION or rule.door is Door.NO_API_KEY else "none"


if __name__ == "__main__":
    main()
