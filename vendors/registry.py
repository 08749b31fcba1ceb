"""
Every vendor that this gateway knows: those in code, a folder and one line of `ADAPTERS` each, and those of the tables.

Nothing is opened here: a vendor is given the process's HTTP client.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from domain.accounts.mails import VENDOR as EMAIL
from domain.callbacks import VENDOR as CALLBACK
from domain.commerce.images import VENDOR as MEDIA
from domain.commerce.payments import VENDOR as PAYMENTS
from domain.vendors import Vendor
from vendors.http import VendorHttp
from vendors.table.adapter import TableVendor
from vendors.table.reading import read_tables
from vendors.table.settings import VendorTable

MakeVendor = Callable[[VendorHttp, Mapping[str, str]], Vendor]  # the client, and the environment for its settings

ADAPTERS: Mapping[str, MakeVendor] = MappingProxyType({})
OUR_OWN = frozenset({CALLBACK, EMAIL, MEDIA, PAYMENTS})  # what the gateway itself has jobs for: no table's names


def load_vendors(
    files: Sequence[Path],
    environment: Mapping[str, str],
    http: VendorHttp,
    *,
    adapters: Mapping[str, MakeVendor] = ADAPTERS,
    known: Mapping[str, Vendor] = MappingProxyType({}),
) -> dict[str, Vendor]:
    """
    All vendors by name; of several files the later wins. A `known` one whose table is the same is kept.

    Raises `ConfigurationError` with file, line and remedy.
    """
    tables = read_tables(files, environment, taken=OUR_OWN.union(adapters))
    in_code = {name: make(http, environment) for name, make in adapters.items()}
    return in_code | {name: _of_table(name, table, http, known.get(name)) for name, table in tables.items()}


def load_vendor_names(
    files: Sequence[Path], environment: Mapping[str, str], *, adapters: Mapping[str, MakeVendor] = ADAPTERS
) -> frozenset[str]:
    """The names alone, for a process that calls nobody; refuses what `load_vendors` refuses in the tables."""
    return frozenset(adapters) | frozenset(read_tables(files, environment, taken=OUR_OWN.union(adapters)))


def _of_table(name: str, table: VendorTable, http: VendorHttp, known: Vendor | None) -> TableVendor:
    return known if isinstance(known, TableVendor) and known.settings == table else TableVendor(name, table, http)
