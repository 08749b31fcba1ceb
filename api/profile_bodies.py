"""What somebody asks to change of themselves, read strictly: every fault named, nothing that is not theirs to say."""

from msgspec import UNSET

from api.auth_bodies import read_or_blame, read_password
from api.fields import Fields
from domain.accounts.changing_addresses import NewAddress
from domain.accounts.names import read_email, read_username
from domain.accounts.profiles import read_display_name

_TEXT = "must be a string, or null for none"
_NEEDED = "is missing; with email goes the password that you sign in with"
_ALONE = "goes with email only; PUT /auth/change-password changes the password"


def read_changes(fields: Fields) -> tuple[dict[str, str | None], NewAddress | None]:
    """The fields of `profiles.CHANGEABLE` that are to be others, and the address that is asked for."""
    changes: dict[str, str | None] = {}
    name = fields.take("name", str | None, _TEXT)
    username = fields.take("username", str | None, _TEXT)
    if name is not UNSET:
        changes["name"] = None if name is None else read_or_blame(fields, name, read_display_name)
    if username is not UNSET:
        read = None if username is None else read_or_blame(fields, username, read_username)
        changes["username"], changes["username_key"] = (None, None) if read is None else read
    address = _read_address(fields)
    fields.end()
    return changes, address


def _read_address(fields: Fields) -> NewAddress | None:
    """None where none is asked for, or where a fault was told."""
    asks, shows = fields.has("email"), fields.has("current_password")
    text = fields.take("email", str, "must be a string; an account has an address always")
    shown = fields.take("current_password", str, "must be a string")
    if asks is not shows:
        fields.blame("current_password", _NEEDED if asks else _ALONE)
    email = None if text is UNSET else read_or_blame(fields, text, read_email)
    password = None if shown is UNSET else read_or_blame(fields, shown, _read_password)
    return None if email is None or password is None else NewAddress(email, password)


def _read_password(text: str) -> str:
    return read_password(text, "current_password")
