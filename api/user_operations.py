"""What the routes of people's accounts take and answer."""

from typing import Any

from api.account_views import SessionList, UserList, UserView
from api.exports import Export
from api.operation import Answer, Json, Operation, Operations
from api.shared_parts import IF_MATCH, NOTHING, PAGE_QUERY, SESSION_ID, USER_ID
from domain.accounts.names import LONGEST_EMAIL
from domain.accounts.passwords import LONGEST
from domain.accounts.profiles import LONGEST_NAME

_ID = "0198f0c2-7d00-7000-8000-3f1a5b2c4d6e"
_AT = "2026-11-21T09:00:00Z"
_USER: dict[str, Any] = {
    "id": _ID,
    "email": "jane@example.com",
    "pending_email": None,
    "pending_email_until": None,
    "username": "jane.doe",
    "name": "Jane Doe",
    "role": "user",
    "confirmed_at": _AT,
    "locked_at": None,
    "created_at": _AT,
    "updated_at": _AT,
    "version": 1,
}
_SESSION: dict[str, Any] = {
    "id": _ID,
    "created_at": _AT,
    "refreshed_at": _AT,
    "expires_at": "2026-12-21T09:00:00Z",
    "address": "203.0.113.7",
    "agent": "Mozilla/5.0",
    "current": True,
}
_USER_ANSWER = Answer(200, "The user.", UserView, ("ETag", "Cache-Control"), {"user": _USER})
_CHANGES: Json = {
    "schema": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "name": {"type": ["string", "null"], "minLength": 1, "maxLength": LONGEST_NAME},
            "username": {"type": ["string", "null"], "minLength": 3, "maxLength": 32},
            "email": {"type": "string", "maxLength": LONGEST_EMAIL, "description": "Another address, in ASCII."},
            "current_password": {"type": "string", "maxLength": LONGEST, "format": "password"},
        },
        "dependentRequired": {"email": ["current_password"], "current_password": ["email"]},
    },
    "examples": {
        "name": {"value": {"name": "Jane Doe"}},
        "email": {"value": {"email": "jane@example.org", "current_password": "four unrelated words here"}},
    },
}
_PASSWORD: Json = {
    "schema": {
        "type": "object",
        "additionalProperties": False,
        "required": ["password"],
        "properties": {"password": {"type": "string", "format": "password", "maxLength": LONGEST}},
    }
}
_OF_A_BODY = (400, 401, 403, 404, 413, 415, 422, 500, 503)


def _switch(name: str, summary: str, description: str) -> Operation:
    return Operation(
        id=name,
        tag="users",
        summary=summary,
        description=f"{description} Admins only; done twice it changes nothing more.",
        parameters=(USER_ID,),
        body=NOTHING,
        body_required=False,
        answers=(_USER_ANSWER,),
        problems=(*_OF_A_BODY, 409),
    )


_OF_ONESELF: Operations = {
    ("get", "/users/me"): Operation(
        id="show_me",
        tag="users",
        summary="Show oneself",
        description="The profile of who asks: a person who signed in, or the holder of a key of theirs.",
        answers=(_USER_ANSWER,),
        problems=(401, 403, 404, 422, 500, 503),
    ),
    ("patch", "/users/me"): Operation(
        id="change_me",
        tag="users",
        summary="Change oneself",
        description="Name and username; null removes either, and what is left out stays. A username that somebody else "
        "has: 409 with the code `taken`. An `email` takes the `current_password`: a wrong one is a 403 "
        "(`wrong-password`), and counts as a failed sign-in. It stands in `pending_email` until the link in a mail to "
        "it is followed (`PUT /auth/confirmation/{token}`), for 24 hours; another one takes its place, and a new "
        "password or a lock ends it. The answer is the same where another account has the address: then its owner is "
        "told by mail, once a day at most. The present address is told at once, and when it has changed. After 5 of "
        "them in 15 minutes: 429.",
        parameters=(IF_MATCH,),
        body=_CHANGES,
        answers=(_USER_ANSWER,),
        problems=(*_OF_A_BODY, 409, 412, 429),
    ),
    ("delete", "/users/me"): Operation(
        id="delete_me",
        tag="users",
        summary="Delete one's account",
        description="For good, with all sessions, keys and links; what jobs, orders and payments hold of it is removed "
        "too. An unpaid order ends, and what was sold and paid stays in the books, under an id that is nobody's by "
        "then. Keys that an admin made for services stay, each with an entry in the record (`key.left`): who left may "
        "know them, so make new ones. It takes the password: a wrong one is a 403 (`wrong-password`), and counts as a "
        "failed sign-in.",
        body=_PASSWORD,
        answers=(Answer(204, "It is gone."),),
        problems=(*_OF_A_BODY, 429),
    ),
    ("get", "/users/me/export"): Operation(
        id="export_me",
        tag="users",
        summary="Export one's data",
        description="The profile, sessions and keys that live, every job, order, payment and transaction, and what the "
        "record says of who asks, in one document. It is written as it is read: one that was cut short is no JSON.",
        answers=(Answer(200, "All of it.", Export, ("Cache-Control", "Content-Disposition")),),
        problems=(401, 403, 404, 422, 500, 503),
    ),
    ("get", "/users/me/sessions"): Operation(
        id="list_sessions",
        tag="users",
        summary="List one's sessions",
        description="Where one is signed in.",
        answers=(
            Answer(
                200,
                "All that live.",
                SessionList,
                ("Cache-Control",),
                {"sessions": {"items": [_SESSION], "next_cursor": None}},
            ),
        ),
        problems=(401, 403, 404, 422, 500, 503),
    ),
    ("delete", "/users/me/sessions"): Operation(
        id="end_other_sessions",
        tag="users",
        summary="End all other sessions",
        description="All but the one that asks. Their access tokens open nothing within 10 s.",
        body=NOTHING,
        body_required=False,
        answers=(Answer(204, "They have ended."),),
        problems=_OF_A_BODY,
    ),
    ("delete", "/users/me/sessions/{session_id}"): Operation(
        id="end_session",
        tag="users",
        summary="End a session",
        description="One of one's own, the present one too. Its access tokens open nothing within 10 s.",
        parameters=(SESSION_ID,),
        body=NOTHING,
        body_required=False,
        answers=(Answer(204, "It has ended."),),
        problems=_OF_A_BODY,
    ),
}
_OF_OTHERS: Operations = {
    ("get", "/users"): Operation(
        id="list_users",
        tag="users",
        summary="List users",
        description="All of them, newest first. Admins only.",
        parameters=PAGE_QUERY,
        answers=(
            Answer(
                200, "A page.", UserList, ("Link", "Cache-Control"), {"page": {"items": [_USER], "next_cursor": None}}
            ),
        ),
        problems=(401, 403, 422, 500, 503),
    ),
    ("get", "/users/{user_id}"): Operation(
        id="show_user",
        tag="users",
        summary="Show a user",
        description="Oneself; for services and admins anybody.",
        parameters=(USER_ID,),
        answers=(_USER_ANSWER,),
        problems=(401, 403, 404, 422, 500, 503),
    ),
    ("post", "/users/{user_id}/lock"): _switch(
        "lock_user",
        "Lock a user out",
        "Ends all sessions; within 10 s nothing of theirs opens a door, no key either. Nobody locks themselves (403).",
    ),
    ("post", "/users/{user_id}/unlock"): _switch("unlock_user", "Let a user in again", "They have to sign in anew."),
}
USER_OPERATIONS: Operations = {**_OF_ONESELF, **_OF_OTHERS}
