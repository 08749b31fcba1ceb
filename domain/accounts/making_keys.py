"""
Who may make which key, and revoke it.

A person makes keys for what is theirs; only an admin makes those of a service, which has a client of its own, named
after it, so that its next key finds the same jobs. No key is named like the gateway itself, whoever makes it. A rate is
an admin's to give, or anybody could take themselves as much as they like. That no key makes keys is the door's to see
to.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never
from uuid import UUID

from domain.accounts.api_keys import ApiKey, Scope
from domain.accounts.audit import Act
from domain.accounts.doers import Doer
from domain.accounts.key_format import new_key
from domain.accounts.names import is_own_name
from domain.accounts.ports import ApiKeys, AuditLog
from domain.callers import SERVICE_NAME, Caller, Role, service_client
from domain.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from domain.request_ids import new_request_id

MOST_KEYS = 50  # that live, of one person
MOST_RUN_OUT = 450  # and not revoked: behind more of them a list of bounded length could hide one that lives


@dataclass(frozen=True, slots=True)
class KeyWish:
    """What is asked for, each field checked by itself."""

    name: str
    role: Role = Role.USER
    scopes: frozenset[Scope] | None = None
    rate: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyRing:
    keys: ApiKeys
    audit: AuditLog

    async def make(self, wish: KeyWish, caller: Caller, doer: Doer) -> tuple[ApiKey, str]:
        """The key as stored, and its text, which nobody can show again. Raises `Forbidden`, `Invalid`, `Conflict`."""
        _refuse_beyond(wish, caller)
        await self._refuse_too_many(caller, doer, MOST_KEYS - 1)
        key_id = new_request_id()
        text, digest = new_key(key_id)
        key = _key_of(wish, caller, doer, key_id, digest)
        await self.audit.write(
            doer.entry(Act.KEY_MADE, _subject(key), name=key.name, role=key.role.value, client=key.client)
        )
        await self.keys.add(key)
        try:
            await self._refuse_too_many(caller, doer, MOST_KEYS)
        except Conflict:  # made by several requests at the same moment: better one key fewer than one too many
            await self.keys.revoke(key.id, key.created_by, doer.at)
            raise
        return key, text

    async def list(self, caller: Caller) -> list[ApiKey]:
        """The caller's; an admin's are everybody's."""
        return list(await self.keys.list(caller.owner))

    async def revoke(self, key_id: UUID, caller: Caller, doer: Doer) -> None:
        """Raises `NotFound`, for another's too."""
        key = await self.keys.find(key_id)
        if key is None or key.revoked_at is not None or caller.owner not in (None, key.created_by):
            raise no_such_key()
        await self.audit.write(doer.entry(Act.KEY_REVOKED, _subject(key), name=key.name, client=key.client))
        if not await self.keys.revoke(key_id, caller.owner, doer.at):
            raise no_such_key()

    async def _refuse_too_many(self, caller: Caller, doer: Doer, most: int) -> None:
        if caller.role is Role.ADMIN:
            return
        listed = await self.keys.list(caller.client)
        if sum(key.is_live(doer.at) for key in listed) > most:
            raise Conflict(f"you have {MOST_KEYS} keys, which is the most; revoke one", code="too-many-keys")
        if len(listed) > most + MOST_RUN_OUT:
            raise Conflict("you have too many keys that ran out; revoke some of those", code="too-many-keys")


def no_such_key() -> NotFound:
    return NotFound("API key not found")


def _refuse_beyond(wish: KeyWish, caller: Caller) -> None:
    """What this caller may not give, or has nobody to give it to."""
    if wish.role is Role.USER and caller.user is None:
        raise _refusal("role", "must be service or admin: this caller is no person whose key it could be")
    if wish.role is Role.SERVICE and not SERVICE_NAME.fullmatch(wish.name):
        raise _refusal("name", "must be 1 to 63 of a-z 0-9 . _ - for a service: its client is named after it")
    if is_own_name(wish.name):
        raise _refusal("name", "is one that the gateway itself goes by; choose another")
    if caller.role is Role.ADMIN:
        return
    if wish.role is not Role.USER:
        raise Forbidden("only an admin may make a key of the role service or admin; ask one")
    if wish.rate is not None:
        raise Forbidden("only an admin may give a key a rate; leave it out")


def _key_of(wish: KeyWish, caller: Caller, doer: Doer, key_id: UUID, digest: str) -> ApiKey:
    client, user = _owner_of(wish, caller, key_id)
    return ApiKey(
        id=key_id,
        name=wish.name,
        client=client,
        role=wish.role,
        digest=digest,
        created_at=doer.at,
        created_by=caller.client,
        user=user,
        scopes=wish.scopes,
        rate=wish.rate,
        expires_at=wish.expires_at,
    )


def _owner_of(wish: KeyWish, caller: Caller, key_id: UUID) -> tuple[str, UUID | None]:
    """
    Whose jobs it submits, and whose lock stops it: a service goes on when the admin who made its key has left.

    What the operator makes by the bootstrap key goes by its own name: in the record it is not the operator.
    """
    match wish.role:
        case Role.USER | Role.ADMIN:
            return (f"key:{key_id}" if caller.user is None else caller.client), caller.user
        case Role.SERVICE:
            return service_client(wish.name), None
        case _:
            assert_never(wish.role)


def _subject(key: ApiKey) -> str:
    return f"key:{key.id}"


def _refusal(field: str, detail: str) -> Invalid:
    return Invalid(f"/{field} {detail}", errors=(FieldError(f"/{field}", detail),))
