"""
The vendors while the gateway runs: the tables and their secrets are read again, and everybody sees the new ones.

A table that is broken then is told of and not taken: the vendors stay as they were.
"""

from collections.abc import Callable, Collection, ItemsView, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import structlog

from domain.balancing.instances import Instance
from domain.errors import ConfigurationError
from domain.vendors import HasInstances, SendsWebhooks, Vendor, VendorPolicy
from domain.webhooks import WebhookReader
from vendors.http import VendorHttp
from vendors.registry import ADAPTERS, MakeVendor, load_vendors
from vendors.signatures.secrets import KeepsSecret, SecretHistory

NOBODY: Mapping[str, WebhookReader] = MappingProxyType({})

_T = TypeVar("_T")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class VendorSources:
    """Where vendors come from. `environment` is asked at each reading; it may raise `ConfigurationError`."""

    files: Sequence[Path]
    environment: Callable[[], Mapping[str, str]]
    adapters: Mapping[str, MakeVendor] = field(default_factory=lambda: ADAPTERS)


class LiveVendors(Mapping[str, Vendor]):
    """
    All vendors by name as they are now. One that was taken out of here stays as it was, for whoever has it.

    The first reading raises `ConfigurationError`, later ones never.
    """

    def __init__(
        self,
        sources: VendorSources,
        http: VendorHttp,
        history: SecretHistory | None = None,
        readers: Mapping[str, WebhookReader] = NOBODY,
    ) -> None:
        """`readers` are of webhooks that none of these vendors sends, and are looked after likewise."""
        self._own_readers = readers
        self._sources = sources
        self._http = http
        self._history = history or SecretHistory()
        self._environment: Mapping[str, str] | None = None
        self._vendors: Mapping[str, Vendor] = {}
        self._policies: Mapping[str, VendorPolicy] = {}
        self._instances: Mapping[str, Sequence[Instance]] = {}
        self._readers: Mapping[str, WebhookReader] = {}
        self._take()

    def __getitem__(self, name: str) -> Vendor:
        return self._vendors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._vendors)

    def __len__(self) -> int:
        return len(self._vendors)

    @property
    def policies(self) -> Mapping[str, VendorPolicy]:
        """The vendors' policies, live too."""
        return _View(lambda: self._policies)

    def policies_beside(self, own: Mapping[str, VendorPolicy]) -> Mapping[str, VendorPolicy]:
        """The vendors' policies, live too, and those of vendors that are none of these."""
        return _View(lambda: {**self._policies, **own})

    @property
    def instances(self) -> Mapping[str, Sequence[Instance]]:
        """Those of vendors at several addresses, live too."""
        return _View(lambda: self._instances)

    @property
    def webhooks(self) -> Mapping[str, WebhookReader]:
        """The readers of those that send webhooks, live too; a former secret is good for a day."""
        return _View(lambda: self._readers)

    def only(self, names: Collection[str]) -> Mapping[str, Vendor]:
        """Of all vendors those of these names, live too."""
        return _View(lambda: {name: vendor for name, vendor in self._vendors.items() if name in names})

    def reload(self) -> bool:
        """Read everything again; False, and all stays as it was, where something is wrong with it."""
        try:
            self._take()
        except ConfigurationError as fault:
            log.warning("the vendors' tables are not taken, the old ones stay", fault=fault.detail)
            return False
        except Exception:  # a bug in a vendor's own code: it must not end the watch that would see it mended
            log.exception("a vendor in code cannot be made, the old ones stay")
            return False
        log.info("vendors read again", vendors=sorted(self._vendors))
        return True

    def _take(self) -> None:
        environment = self._sources.environment()
        adapters = self._adapters(environment)
        vendors = load_vendors(self._sources.files, environment, self._http, adapters=adapters, known=self._vendors)
        self._readers = _readers(vendors, self._own_readers, self._history)
        self._vendors, self._environment = vendors, environment
        self._policies = {name: vendor.policy for name, vendor in vendors.items()}
        self._instances = {
            name: vendor.instances for name, vendor in vendors.items() if isinstance(vendor, HasInstances)
        }

    def _adapters(self, environment: Mapping[str, str]) -> Mapping[str, MakeVendor]:
        """A vendor in code is made again only when the environment, and with it its settings, may have changed."""
        if environment != self._environment:
            return self._sources.adapters
        return {name: partial(_as_it_was, self._vendors[name]) for name in self._sources.adapters}


def _as_it_was(vendor: Vendor, _http: VendorHttp, _environment: Mapping[str, str]) -> Vendor:
    return vendor


def _readers(
    vendors: Mapping[str, Vendor], own: Mapping[str, WebhookReader], history: SecretHistory
) -> Mapping[str, WebhookReader]:
    sending = {name: vendor.webhooks for name, vendor in vendors.items() if isinstance(vendor, SendsWebhooks)}
    readers = {**{name: reader for name, reader in sending.items() if reader is not None}, **own}
    keeping = {name: reader for name, reader in readers.items() if isinstance(reader, KeepsSecret)}
    former = history.note({name: reader.key for name, reader in keeping.items()}, datetime.now(UTC))
    return readers | {name: reader.with_former(former.get(name)) for name, reader in keeping.items()}


class _View(Mapping[str, _T]):
    """A mapping that is looked up anew at each use."""

    def __init__(self, look: Callable[[], Mapping[str, _T]]) -> None:
        self._look = look

    def __getitem__(self, name: str) -> _T:
        return self._look()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._look())

    def __len__(self) -> int:
        return len(self._look())

    def items(self) -> ItemsView[str, _T]:
        """By one look: else each of them would cost one."""
        return self._look().items()
