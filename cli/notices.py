"""Mails of orders, and short links, as the settings want them."""

from api.ports import AccountPorts, NoticePorts, ShortLinkPorts
from cli.settings import Settings
from cli.stores import Stores
from cli.stripe_variables import payment_pages
from domain.accounts.ports import Post
from domain.commerce.notices import MailedNotices
from domain.commerce.ports import ShortLinks
from domain.commerce.short_links import Destinations, hosts_of
from domain.infra.accounts.users import MongoUsers
from domain.infra.commerce.orders import MongoOrders
from domain.infra.commerce.request_keys import MongoRequestKeys
from domain.infra.commerce.short_links import MongoShortLinks


def mailed_notices(stores: Stores, post: Post) -> MailedNotices:
    return MailedNotices(MongoUsers(stores.database), post)


def notice_ports(settings: Settings, stores: Stores, accounts: AccountPorts) -> NoticePorts:
    orders, keys, kept = MongoOrders(stores.database), MongoRequestKeys(stores.database), settings.retention
    memory = min(kept.complete, kept.failed, kept.cancelled)
    return NoticePorts(orders, accounts.users, accounts.post, keys, memory)


def short_link_ports(settings: Settings, stores: Stores) -> ShortLinkPorts:
    return ShortLinkPorts(short_links(settings, stores))


def short_links(settings: Settings, stores: Stores) -> ShortLinks:
    return MongoShortLinks(stores.database, destinations(settings))


def destinations(settings: Settings) -> Destinations:
    """The hosts that the operator lists, and the processor's own: the simulated one's, where it is started."""
    hosts = settings.short_link_hosts | hosts_of(payment_pages(settings))
    return Destinations(hosts, https_only=settings.env == "production")
