"""What of the settings is told when it changes: plainly where it is harmless, as a secret else. What is unset is ""."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, SecretStr

from cli.keys import key_ring
from cli.mail_servers import MailVariables
from cli.options import EVERY, HTTP, WORKER
from cli.settings import PREFIX, Settings
from domain.accounts.settings_changes import TOKENS, VENDORS, Fact, Facts
from domain.page_origins import origin_of
from domain.vendors import Vendor
from vendors.table.settings import VendorTable

API_KIND, WORKER_KIND = "http", "worker"

_OF_A_MACHINE = frozenset(
    {"host", "port", "home", "metrics_port", "metrics_host", "demo_vendors_url", "demo_users", "demo_products"}
)  # each has its own, and none is the fleet's
_NAMES = {
    API_KIND: set(EVERY) - (set(WORKER) - set(HTTP)) - _OF_A_MACHINE,
    WORKER_KIND: set(EVERY) - (set(HTTP) - set(WORKER)) - _OF_A_MACHINE,
}


def facts_of(settings: Settings, vendors: Mapping[str, Vendor], kind: str) -> Facts:
    """What a process of this kind goes by."""
    facts = {f"{PREFIX}{name.upper()}": _fact(getattr(settings, name)) for name in sorted(_NAMES[kind])}
    facts |= _of_tokens(settings)
    if kind == WORKER_KIND:
        mails = MailVariables()
        facts |= {name.upper(): _fact(getattr(mails, name)) for name in MailVariables.model_fields}
    return {**facts, **_of_vendors(vendors)}


def _of_tokens(settings: Settings) -> Facts:
    """By what tokens are signed: the setting or what the home keeps, and which keys (ids, which every token names)."""
    ring = key_ring(settings)
    secrets = " ".join(key.hex() for key in ring.link)
    return {
        TOKENS: Fact(secrets, secret=True),
        f"{PREFIX}JWT_KEYS.kids": Fact(" ".join(key.kid for key in ring.access)),
    }


def _of_vendors(vendors: Mapping[str, Vendor]) -> Facts:
    tables = {name: getattr(vendor, "settings", None) for name, vendor in vendors.items()}
    facts: dict[str, Fact] = {}
    for name, table in tables.items():
        if isinstance(table, VendorTable):
            facts |= _of_model(table, f"{VENDORS}{name}")
            facts[f"{VENDORS}{name}.url.origin"] = Fact(origin_of(table.url))
    return facts


def _of_model(model: BaseModel, name: str) -> Facts:
    """What does not show itself (`repr=False`) is a secret: an address may hold one."""
    facts: dict[str, Fact] = {}
    for key, field in type(model).model_fields.items():
        facts |= dict(_flat(f"{name}.{key}", getattr(model, key), secret=not field.repr))
    return {key: fact for key, fact in facts.items() if fact.text}


def _flat(name: str, value: object, *, secret: bool) -> Iterator[tuple[str, Fact]]:
    match value:
        case BaseModel():
            yield from _of_model(value, name).items()
        case dict():
            for key, inner in value.items():
                yield from _flat(f"{name}.{key}", inner, secret=secret)
        case _:
            yield name, _fact(value, secret=secret)


def _fact(value: object, *, secret: bool = False) -> Fact:
    if isinstance(value, SecretStr):
        return Fact(value.get_secret_value(), secret=True)
    return Fact("" if value is None else str(value), secret=secret)
