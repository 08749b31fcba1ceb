"""
How the gateway's own vendors are called, for processes that call none of them: admins see and control these too.

No client submits for one, since none is among the tables'.
"""

from collections.abc import Mapping

from cli.mails import email_policy
from cli.media import media_settings
from cli.payments import payments_policy
from cli.settings import Settings
from domain.accounts.mails import VENDOR as EMAIL
from domain.callbacks import VENDOR as CALLBACK
from domain.commerce.images import VENDOR as MEDIA
from domain.commerce.payments import VENDOR as PAYMENTS
from domain.vendors import VendorPolicy
from vendors.callback.adapter import policy_of as callback_policy
from vendors.media.adapter import policy_of as media_policy


def own_policies(settings: Settings) -> Mapping[str, VendorPolicy]:
    """As this process's settings have them, which are the workers' too. Raises `ConfigurationError`."""
    return {
        CALLBACK: callback_policy(),
        EMAIL: email_policy(settings),
        MEDIA: media_policy(media_settings(settings)),
        PAYMENTS: payments_policy(settings),
    }
