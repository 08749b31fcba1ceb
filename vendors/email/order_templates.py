"""What mails of orders say. Names of products stand in `ITEMS` alone, as they were when they were ordered."""

from collections.abc import Mapping
from types import MappingProxyType

from domain.accounts.mails import Template
from vendors.email.words import ITEMS, Words

_NEEDS = ("order", "total")
_ALL = "In all: {total}."

ORDER_WORDS: Mapping[Template, Words] = MappingProxyType(
    {
        Template.ORDER_PLACED: Words(
            "We have your order",
            (
                "we have your order {order}, and keep what is in it for you until it is paid:",
                ITEMS,
                _ALL,
            ),
            needs=_NEEDS,
        ),
        Template.ORDER_PAID: Words(
            "Your order is paid",
            (
                "thank you: your order {order} is paid.",
                ITEMS,
                _ALL,
                "You will be told when it is on its way.",
            ),
            needs=_NEEDS,
        ),
        Template.ORDER_SHIPPED: Words(
            "Your order is on its way",
            (
                "your order {order} is on its way to you.",
                ITEMS,
                _ALL,
            ),
            needs=_NEEDS,
        ),
        Template.ORDER_DELIVERED: Words(
            "Your order has arrived",
            (
                "your order {order} was delivered.",
                ITEMS,
                _ALL,
            ),
            needs=_NEEDS,
        ),
        Template.ORDER_CANCELLED: Words(
            "Your order was cancelled",
            (
                "your order {order} was cancelled: nothing of it will be sent to you.",
                ITEMS,
                _ALL,
                "If you paid for it all the same, your money goes back the way it came.",
                "If you did not cancel it yourself, it may have been left unpaid for too long: you may order again.",
            ),
            needs=_NEEDS,
        ),
        Template.ORDER_REFUNDED: Words(
            "Your money is on its way back",
            (
                "what you paid for your order {order} goes back to you, the way it came.",
                ITEMS,
                _ALL,
            ),
            needs=_NEEDS,
        ),
    }
)
