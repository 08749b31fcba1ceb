"""The services of the tables, checked. Every fault is `file:line: what, and the remedy`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from vendors.services.settings import ServiceTable
from vendors.table.reading import find_tables, validated


def read_services(files: Sequence[Path], environment: Mapping[str, str]) -> dict[str, ServiceTable]:
    """Every service by name; of several files the later wins. Raises `ConfigurationError` for the first fault."""
    return {name: validated(found, environment, ServiceTable) for name, found in find_tables(files, "services").items()}
