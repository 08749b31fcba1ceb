"""The shop: the ports of its routes."""

from api.ports import CommercePorts
from cli.media_stores import media_files
from cli.settings import Settings
from cli.stores import Stores
from domain.infra.commerce.products import MongoProducts


def commerce_ports(settings: Settings, stores: Stores) -> CommercePorts:
    return CommercePorts(products=MongoProducts(stores.database), files=media_files(settings))
