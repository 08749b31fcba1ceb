"""What the routes of `/auth` take and answer."""

from typing import Any

from api.auth_answers import COOKIE, TokenView, Told
from api.operation import Answer, Json, Operation, Operations
from api.shared_parts import NOTHING
from domain.accounts.names import LONGEST_EMAIL, LONGEST_USERNAME
from domain.accounts.passwords import LONGEST, SHORTEST
from domain.accounts.profiles import LONGEST_NAME

AUTH_MODELS = (Told, TokenView)

_NOT_READ = (400, 413, 415, 422)
_OF_ALL = (*_NOT_READ, 429, 500, 503)
_UNKEPT = ("Cache-Control",)
_COOKIE = ("Cache-Control", "Set-Cookie")

_EMAIL: Json = {
    "type": "string",
    "maxLength": LONGEST_EMAIL,
    "description": "One address in ASCII; compared without regard to case.",
}
_USERNAME: Json = {
    "type": "string",
    "minLength": 3,
    "maxLength": LONGEST_USERNAME,
    "pattern": "^[A-Za-z][A-Za-z0-9._-]+$",
}
_PASSWORD: Json = {"type": "string", "maxLength": LONGEST, "format": "password"}
_NEW_PASSWORD: Json = {
    **_PASSWORD,
    "minLength": SHORTEST,
    "description": "Of any characters; not one of those that are guessed first, and not mostly one's own name.",
}
_TOKENS: Json = {"token": "eyJhbGciOiJIUzI1NiIs…", "token_type": "Bearer", "expires_in": 600}
_SENTENCE: Json = {"done": {"message": "the address is confirmed; sign in"}}
_LINK: Json = {
    "in": "path",
    "name": "token",
    "description": "What the mail's link ends in. Good once, and the newest one only.",
    "required": True,
    "schema": {"type": "string"},
}
_BY_COOKIE: Json = {
    "in": "query",
    "name": "cookie",
    "description": "`false`: the refresh token comes in the body, and no cookie is set.",
    "required": False,
    "schema": {"type": "string", "enum": ["true", "false"], "default": "true"},
}
_ORIGINS = "A browser may send it from the gateway's own pages, and from those of GATEWAY_CORS_ORIGINS (else 403)."


def _body(example: dict[str, Any], *, required: tuple[str, ...] = (), also: Json | None = None, **fields: Json) -> Json:
    schema: Json = {"type": "object", "additionalProperties": False, "properties": fields, **(also or {})}
    if required:
        schema["required"] = list(required)
    return {"schema": schema, "examples": {"usual": {"value": example}}}


_REFRESH_BODY = _body({}, refresh_token={"type": "string", "description": "Of a sign-in with `?cookie=false`."})
_REFRESHED = (Answer(200, "The tokens of the session's next step.", TokenView, _COOKIE, {"cookie": _TOKENS}),)

REGISTER = Operation(
    id="register",
    tag="auth",
    summary="Register",
    description="Mails a link that confirms the address. The answer, and its time, are the same where the address has "
    "an account: then its owner is told by mail, once a day at most. A username that another user has is 409 "
    "(`taken`); it is one's own from the confirmation on.",
    body=_body(
        {"email": "jane@example.com", "username": "jane.doe", "password": "four unrelated words here"},
        required=("email", "password"),
        email=_EMAIL,
        username=_USERNAME,
        password=_NEW_PASSWORD,
        name={"type": "string", "minLength": 1, "maxLength": LONGEST_NAME, "description": "What to call this person."},
    ),
    answers=(Answer(201, "A mail is on its way.", Told, _UNKEPT, _SENTENCE),),
    problems=(*_OF_ALL, 409),
)
CONFIRM = Operation(
    id="confirm_address",
    tag="auth",
    summary="Confirm an address",
    description="By the link of a mail, once: the address that was registered, or the one that `PATCH /users/me` asked "
    "for, and then every session ends. Used, expired, replaced, unknown and forged are one 404 (`void-link`): signing "
    "in mails a new link, and so does asking for the address again. One that another account has by now is 409 "
    "(`taken`).",
    parameters=(_LINK,),
    body=NOTHING,
    body_required=False,
    answers=(Answer(200, "Confirmed.", Told, _COOKIE, _SENTENCE),),
    problems=(*_OF_ALL, 404, 409),
)
LOGIN = Operation(
    id="sign_in",
    tag="auth",
    summary="Sign in",
    description="By the address or the username. A wrong password, a name that nobody has and a locked account are one "
    "401 (`sign-in-refused`), and after 5 failures of a name or 20 of an address within 15 minutes one 429. With "
    "the right password an address that is not confirmed is 403 (`unconfirmed`), and gets a new link. The refresh "
    f"token is set as the cookie `{COOKIE}` (HttpOnly, Secure, SameSite=Strict, for /auth). {_ORIGINS}",
    parameters=(_BY_COOKIE,),
    body=_body(
        {"email": "jane@example.com", "password": "four unrelated words here"},
        required=("password",),
        also={"oneOf": [{"required": ["email"]}, {"required": ["username"]}]},
        email=_EMAIL,
        username=_USERNAME,
        password=_PASSWORD,
    ),
    answers=(
        Answer(
            200,
            "A session has begun.",
            TokenView,
            _COOKIE,
            {"cookie": _TOKENS, "body": {**_TOKENS, "refresh_token": "AZxX…"}},
        ),
    ),
    problems=(*_OF_ALL, 401, 403),
)
REFRESH = Operation(
    id="refresh_token",
    tag="auth",
    summary="Get the next tokens",
    description="A refresh token is good once. Whoever lost the answer sends it again within 10 s, and is given the "
    "same successor; one that is shown later was copied, and ends the session. It is read from the body or else from "
    f"the cookie, and its successor goes the same way. {_ORIGINS}",
    body=_REFRESH_BODY,
    body_required=False,
    answers=_REFRESHED,
    problems=(*_OF_ALL, 401, 403),
)
LOGOUT = Operation(
    id="sign_out",
    tag="auth",
    summary="Sign out",
    description="Ends the session that the access token, or the refresh token, speaks of, and takes the cookie back. "
    f"Where there is none, or it has ended, it changes nothing. {_ORIGINS}",
    body=_REFRESH_BODY,
    body_required=False,
    answers=(Answer(200, "Signed out.", Told, _COOKIE, {"done": {"message": "signed out"}}),),
    problems=(*_OF_ALL, 403),
)
FORGOT = Operation(
    id="forget_password",
    tag="auth",
    summary="Ask for a new password",
    description="Mails a link to the address if it has an account, one in 5 minutes at most. The answer is the same "
    "where it has none, and does not wait to know.",
    body=_body({"email": "jane@example.com"}, required=("email",), email=_EMAIL),
    answers=(Answer(202, "If there is an account, a mail is on its way.", Told, _UNKEPT, _SENTENCE),),
    problems=_OF_ALL,
)
RESET = Operation(
    id="reset_password",
    tag="auth",
    summary="Choose a new password by a link",
    description="By the link of a mail, once; a password that is refused does not use it up. Every session ends, and "
    "the API keys of this person are revoked: whoever had got in could have made one.",
    parameters=(_LINK,),
    body=_body({"password": "four unrelated words here"}, required=("password",), password=_NEW_PASSWORD),
    answers=(Answer(200, "It is changed.", Told, _COOKIE, _SENTENCE),),
    problems=(*_OF_ALL, 404, 409),
)
CHANGE = Operation(
    id="change_password",
    tag="auth",
    summary="Choose a new password by the old one",
    description="Every session ends, the one that asks too. A wrong old one is 403 (`wrong-password`) and counted as a "
    "failed sign-in.",
    body=_body(
        {"old_password": "four unrelated words here", "new_password": "and quite another four"},
        required=("old_password", "new_password"),
        old_password=_PASSWORD,
        new_password=_NEW_PASSWORD,
    ),
    answers=(Answer(200, "It is changed.", Told, _COOKIE, _SENTENCE),),
    problems=(*_OF_ALL, 401, 403, 404, 409),
)

AUTH_OPERATIONS: Operations = {
    ("post", "/auth/register"): REGISTER,
    ("put", "/auth/confirmation/{token}"): CONFIRM,
    ("post", "/auth/login"): LOGIN,
    ("post", "/auth/refresh-token"): REFRESH,
    ("put", "/auth/logout"): LOGOUT,
    ("put", "/auth/forgot-password"): FORGOT,
    ("put", "/auth/reset-password/{token}"): RESET,
    ("put", "/auth/change-password"): CHANGE,
}
