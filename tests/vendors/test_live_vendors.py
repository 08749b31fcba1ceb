"""Vendors that change while the gateway runs: new ones are seen, broken ones refused, former secrets good for a day."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog.testing

from domain.balancing.instances import Instance
from domain.errors import BadSignature, ConfigurationError
from domain.outcomes import Done, Outcome
from domain.vendors import Call, VendorPolicy
from tests.vendors.test_signatures import BODY, plain
from vendors.http import VendorHttp
from vendors.live import LiveVendors, VendorSources
from vendors.signatures.secrets import FormerSecret, SecretHistory
from vendors.table.webhooks import TableWebhooks

SYNC = '[vendors.a]\nurl = "http://x"\n'
ASYNC = (
    '[vendors.b]\nurl = "http://x"\nmode = "async"\nreply.reference = "/id"\n'
    '[vendors.b.webhook]\nscheme = "hmac"\nsecret = "${SECRET}"\nreference = "/id"\n'
)
NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)


class InCode:
    """A vendor with an adapter, which counts how often it was made."""

    name = "coded"
    policy = VendorPolicy()
    made = 0

    def __init__(self) -> None:
        type(self).made += 1

    async def call(self, call: Call) -> Outcome:
        return Done("null")


class World:
    """A table file and an environment that a test changes, and the vendors made of them."""

    def __init__(self, file: Path, text: str, **environment: str) -> None:
        self.file = file
        self.environment = environment
        self.write(text)
        InCode.made = 0
        sources = VendorSources([file], lambda: dict(self.environment), {"coded": lambda http, env: InCode()})
        self.vendors = LiveVendors(sources, VendorHttp())

    def write(self, text: str) -> None:
        self.file.write_text(text, encoding="utf-8")

    def rotate(self, secret: str) -> None:
        self.environment["SECRET"] = secret
        assert self.vendors.reload()

    def takes(self, secret: str) -> bool:
        try:
            self.vendors.webhooks["b"].verify(plain(key=secret.encode()), BODY, datetime.now(UTC))
        except BadSignature:
            return False
        return True


MakeWorld = Callable[..., World]


@pytest.fixture
def world(tmp_path: Path) -> MakeWorld:
    return lambda text, **environment: World(tmp_path / "vendors.toml", text, **environment)


def test_a_table_that_is_added_changed_or_removed_is_seen_by_everybody(world: MakeWorld) -> None:
    it = world(SYNC)
    names, policies, readers = it.vendors, it.vendors.policies, it.vendors.webhooks
    it.environment["SECRET"] = "one"
    it.write(SYNC + "attempts = 7\n" + ASYNC)
    assert it.vendors.reload()
    assert (set(names), set(readers), policies["a"].attempts) == ({"a", "b", "coded"}, {"b"}, 7)
    it.write("")
    it.vendors.reload()
    assert (set(names), set(policies), len(readers)) == ({"coded"}, {"coded"}, 0)


def test_where_a_vendor_is_reached_is_seen_as_it_is_now(world: MakeWorld) -> None:
    it = world(SYNC)
    instances = it.vendors.instances
    assert instances.get("a", ()) == ()
    assert "coded" not in instances
    it.write(SYNC + 'instances = ["https://a.example", { url = "https://b.example", weight = 2 }]\n')
    assert it.vendors.reload()
    assert instances["a"] == (Instance("https://a.example"), Instance("https://b.example", 2))


def test_policies_beside_others_are_live_and_those_win(world: MakeWorld) -> None:
    it = world(SYNC)
    beside = it.vendors.policies_beside({"own": VendorPolicy(attempts=1), "coded": VendorPolicy(attempts=2)})
    it.write(SYNC + "attempts = 7\n")
    assert it.vendors.reload()
    assert {name: policy.attempts for name, policy in beside.items()} == {"a": 7, "coded": 2, "own": 1}


@pytest.mark.parametrize("broken", ["[vendors.a", "[vendors.a]\n", '[vendors.a]\nurl = "${SECRET}"\n', None])
def test_a_broken_table_is_told_of_and_the_old_one_stays(world: MakeWorld, broken: str | None) -> None:
    it = world(SYNC)
    before = dict(it.vendors)
    it.file.unlink() if broken is None else it.write(broken)
    with structlog.testing.capture_logs() as logs:
        assert not it.vendors.reload()
    assert dict(it.vendors) == before
    assert f"{it.file}:" in logs[0]["fault"]


def test_a_vendor_in_code_that_cannot_be_made_again_is_told_of_and_stays(tmp_path: Path) -> None:
    environment = {"TOKEN": "one"}

    def make(_http: VendorHttp, environment: Mapping[str, str]) -> InCode:
        assert environment["TOKEN"]
        return InCode()

    it = LiveVendors(VendorSources([], lambda: dict(environment), {"coded": make}), VendorHttp())
    before = it["coded"]
    environment.clear()
    with structlog.testing.capture_logs() as logs:
        assert not it.reload()
    assert (it["coded"], logs[0]["log_level"]) == (before, "error")


def test_the_first_reading_refuses_a_broken_table(world: MakeWorld) -> None:
    with pytest.raises(ConfigurationError):
        world("[vendors.a")


def test_a_vendor_whose_table_is_the_same_stays_the_same(world: MakeWorld) -> None:
    it = world(SYNC + ASYNC, SECRET="one")
    before = dict(it.vendors)
    it.vendors.reload()
    assert dict(it.vendors) == before
    it.rotate("two")
    assert it.vendors["a"] is before["a"]
    assert it.vendors["b"] is not before["b"]


def test_a_vendor_in_code_is_made_again_when_the_environment_has_changed(world: MakeWorld) -> None:
    it = world(SYNC)
    it.write(SYNC + "attempts = 7\n")
    it.vendors.reload()
    assert InCode.made == 1
    it.rotate("one")
    assert InCode.made == 2


def test_a_former_secret_stays_good_through_any_other_change(world: MakeWorld) -> None:
    it = world(ASYNC, SECRET="one")
    it.rotate("two")
    it.write(ASYNC + 'result = "/r"\n')
    it.vendors.reload()
    assert (it.takes("one"), it.takes("two"), it.takes("three")) == (True, True, False)


def test_of_two_changes_only_the_last_former_secret_is_good(world: MakeWorld) -> None:
    it = world(ASYNC, SECRET="one")
    it.rotate("two")
    it.rotate("three")
    assert (it.takes("one"), it.takes("two"), it.takes("three")) == (False, True, True)


def test_a_secret_that_was_never_changed_has_no_former_one(world: MakeWorld) -> None:
    reader = world(ASYNC, SECRET="one").vendors.webhooks["b"]
    assert isinstance(reader, TableWebhooks)
    assert reader.former is None


class FakeSecretFile:
    def __init__(self, text: str = "", fault: Exception | None = None) -> None:
        self.text = text
        self.fault = fault

    def read(self) -> str:
        if self.fault:
            raise self.fault
        return self.text

    def write(self, text: str) -> None:
        if self.fault:
            raise self.fault
        self.text = text


def test_a_former_secret_is_good_for_24_h_from_the_change() -> None:
    history = SecretHistory()
    history.note({"b": b"one"}, NOW)
    changed = history.note({"b": b"two"}, NOW + timedelta(hours=1))
    assert changed == {"b": FormerSecret(b"one", NOW + timedelta(hours=25))}
    assert history.note({"b": b"two"}, NOW + timedelta(hours=24)) == changed
    assert history.note({"b": b"two"}, NOW + timedelta(hours=25)) == {}


def test_a_change_over_a_restart_is_noticed_and_kept() -> None:
    file = FakeSecretFile()
    SecretHistory(file).note({"b": b"one", "c": b"\x00\xff"}, NOW)
    changed = SecretHistory(file).note({"b": b"two", "c": b"\x00\xff"}, NOW)
    assert changed == {"b": FormerSecret(b"one", NOW + timedelta(hours=24))}
    assert SecretHistory(file).note({"b": b"two", "c": b"\x00\xff"}, NOW + timedelta(hours=1)) == changed


@pytest.mark.parametrize(
    "text", ["rubbish", "[]", "5", '{"b": 1}', '{"b": {}}', '{"b": {"key": "!"}}', '{"b": {"key": 1}}']
)
def test_a_file_that_is_spoiled_is_written_anew(text: str) -> None:
    file = FakeSecretFile(text)
    assert SecretHistory(file).note({"b": b"one"}, NOW) == {}
    assert SecretHistory(file).note({"b": b"two"}, NOW)["b"].key == b"one"


def test_a_file_that_cannot_be_used_leaves_what_this_process_has_seen() -> None:
    history = SecretHistory(FakeSecretFile(fault=OSError("hunter2")))
    with structlog.testing.capture_logs() as logs:
        history.note({"b": b"one"}, NOW)
        assert history.note({"b": b"two"}, NOW)["b"].key == b"one"
    assert "hunter2" not in str(logs)
