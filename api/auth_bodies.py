"""The bodies of `/auth`, read strictly: text where text belongs, every fault named, nothing that was not asked for."""

from collections.abc import Callable
from typing import TypeVar

from msgspec import UNSET

from api.fields import Fields
from domain.accounts.changing_passwords import PasswordChange
from domain.accounts.names import Name, read_email, read_username
from domain.accounts.passwords import LONGEST, check_new_password, is_possible
from domain.accounts.profiles import read_display_name
from domain.accounts.registering import Registration
from domain.accounts.signing_in import Credentials
from domain.errors import FieldError, Invalid

_TEXT = "must be a string"
_NOBODY = Name("", "")

T = TypeVar("T")


def read_registration(fields: Fields) -> Registration:
    email = _require(fields, "email", read_email, _NOBODY)
    username = _take(fields, "username", read_username)
    name = _take(fields, "name", read_display_name)
    names = (email.shown, None if username is None else username.shown)
    password = _require(fields, "password", lambda text: _new_password(text, names), "")
    fields.end()
    return Registration(email, password, username, name)


def read_credentials(fields: Fields, agent: str) -> Credentials:
    """One name, of either kind, and a password that may be anybody's."""
    email, username = _take(fields, "email", str), _take(fields, "username", str)
    password = _require(fields, "password", read_password, "")
    if (email is None) is (username is None):
        fields.blame("email", "must be given, or username, and not both")
    email_key = None if email is None else _key(fields, email, read_email)
    username_key = None if username is None else _key(fields, username, read_username)
    fields.end()
    return Credentials(password, email_key, username_key, agent)


def read_address(fields: Fields) -> Name:
    email = _require(fields, "email", read_email, _NOBODY)
    fields.end()
    return email


def read_new_password(fields: Fields) -> str:
    password = _require(fields, "password", _new_password, "")
    fields.end()
    return password


def read_password_change(fields: Fields) -> PasswordChange:
    old = _require(fields, "old_password", lambda text: read_password(text, "old_password"), "")
    new = _require(fields, "new_password", lambda text: _new_password(text, field="new_password"), "")
    fields.end()
    return PasswordChange(old, new)


def read_refresh_token(fields: Fields) -> str | None:
    """None where there is none: then it is in the cookie."""
    token = _take(fields, "refresh_token", str)
    fields.end()
    return token


def read_password(text: str, field: str = "password") -> str:
    """What is too long to be anybody's is not hashed, and told so whoever it is for."""
    if is_possible(text):
        return text
    detail = f"is longer than any password: {LONGEST} characters are the most"
    raise Invalid(f"/{field} {detail}", errors=(FieldError(f"/{field}", detail),))


def read_or_blame(fields: Fields, text: str, read: Callable[[str], T]) -> T | None:
    """None where `read` refuses it, which is told in the end."""
    try:
        return read(text)
    except Invalid as fault:
        fields.take_over(fault)
        return None


def _take(fields: Fields, name: str, read: Callable[[str], T]) -> T | None:
    text = fields.take(name, str, _TEXT)
    return None if text is UNSET else read_or_blame(fields, text, read)


def _require(fields: Fields, name: str, read: Callable[[str], T], otherwise: T) -> T:
    """`otherwise` where it is missing, or has a fault: nobody sees it, since that is told in the end."""
    text = fields.require(name, str, _TEXT)
    found = None if text is UNSET else read_or_blame(fields, text, read)
    return otherwise if found is None else found


def _key(fields: Fields, text: str, read: Callable[[str], Name]) -> str | None:
    name = read_or_blame(fields, text, read)
    return None if name is None else name.key


def _new_password(text: str, names: tuple[str | None, ...] = (), field: str = "password") -> str:
    check_new_password(text, names, field=field)
    return text
