"""
Every vendor that this gateway knows: those in code, a folder and one line of `ADAPTERS` each, and those of the tables.

Nothing is opened here: a vendor is given the process's HTTP client.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from domain.vendors import Vendor
from vendors.http import VendorHttp
from vendors.table.adapter import TableVendor
from vendors.table.reading import read_tables

MakeVendor = Callable[[VendorHttp, Mapping[str, str]], Vendor]  # the client, and the environment for its settings

ADAPTERS: Mapping[str, MakeVendor] = MappingProxyType({})


def load_vendors(
    files: Sequence[Path],
    environment: Mapping[str, str],
    http: VendorHttp,
    *,
    adapters: Mapping[str, MakeVendor] = ADAPTERS,
) -> dict[str, Vendor]:
    """All vendors by name. Raises `ConfigurationError` with file, line and remedy; of several files the later wins."""
    tables = read_tables(files, environment, taken=adapters)
    in_code = {name: make(http, environment) for name, make in adapters.items()}
    return in_code | {name: TableVendor(name, table, http) for name, table in tables.items()}


def load_vendor_names(
    files: Sequence[Path], environment: Mapping[str, str], *, adapters: Mapping[str, MakeVendor] = ADAPTERS
) -> frozenset[str]:
    """The names alone, for a process that calls nobody; refuses what `load_vendors` refuses in the tables."""
    return frozenset(adapters) | frozenset(read_tables(files, environment, taken=adapters))
