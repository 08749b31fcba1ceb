"""What people may change of themselves."""

import pytest

from domain.accounts.doers import Doer
from domain.accounts.profiles import change_profile, read_display_name
from domain.errors import Invalid
from domain.request_ids import new_request_id
from tests.fakes_accounts import FakeAuditLog, FakeUsers
from tests.strategies import NOON


@pytest.mark.parametrize("name", ["A", "Ada Lovelace", "李小龍", "Renée O'Connor-Ñ.", "x" * 100])
def test_a_name_may_be_of_any_script(name: str) -> None:
    assert read_display_name(name) == name


@pytest.mark.parametrize("name", ["", " Ada", "Ada ", "a\tb", "a\r\nb", "a\u2028b", "\u202eadA", "\ud800", "x" * 101])
def test_a_name_holds_nothing_that_cannot_be_seen(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_display_name(name)
    assert [fault.pointer for fault in refused.value.errors] == ["/name"]


@pytest.mark.parametrize("field", ["role", "confirmed_at", "password", "version", "email", "email_key", "locked_at"])
async def test_no_other_field_can_be_changed_by_whoever_calls(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        await change_profile(new_request_id(), {field: "x"}, (FakeUsers(), FakeAuditLog()), Doer("user:1", NOON))
