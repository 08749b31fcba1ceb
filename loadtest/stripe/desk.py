"""
Where calls of the simulated Stripe arrive: written down, treated as told, answered; what happened is sent out.

`/stripe/v1/…` is the API, anything else under `/stripe/` one of its pages, which no fault touches.
"""

import asyncio
from collections import OrderedDict
from fnmatch import fnmatchcase

from loadtest.stripe.account import Account
from loadtest.stripe.faults import Script, StripeFault
from loadtest.stripe.front import REPLAYED, Front, Opened, refuse
from loadtest.stripe.pages import Pages
from loadtest.stripe.refusals import Refusal
from loadtest.stripe.webhooks import Webhooks
from loadtest.vendors.ledger import Ledger, RecordedCall
from loadtest.vendors.misbehaviour import Behaviour
from loadtest.vendors.script import NORMAL
from loadtest.vendors.wire import Exchange, Reply, TooLarge

NAME = "stripe"


class StripeDesk:
    """`scripts`: faults by the operations that they are for, as in `POST /v1/refunds` or `POST /v1/*/confirm`."""

    def __init__(self, account: Account, front: Front, webhooks: Webhooks, ledger: Ledger) -> None:
        self.scripts: OrderedDict[str, Script] = OrderedDict()
        self._front = front
        self._pages = Pages(account)
        self._webhooks = webhooks
        self._ledger = ledger

    async def take_call(self, exchange: Exchange) -> None:
        call = self._ledger.open(NAME, exchange)
        try:
            if exchange.path.startswith(f"/{NAME}/v1/"):
                await self._treat(call, exchange)
            else:
                request = await exchange.read()
                self._ledger.keep_body(call, request)
                await exchange.answer(self._pages.answer(request))
        except TooLarge:
            await exchange.answer(refuse(Refusal("The request is too large.", status=413)))
        finally:
            self._ledger.close(call, exchange.answered)

    async def _treat(self, call: RecordedCall, exchange: Exchange) -> None:
        behaviour = self._behaviour_for(exchange)
        if not behaviour.reads:
            await behaviour.play(exchange)
            return
        request = await exchange.read()
        self._ledger.keep_body(call, request)
        if isinstance(behaviour, StripeFault) and behaviour.when == "before":
            exchange.due = refuse(behaviour.refusal, *behaviour.headers)
            await behaviour.play(exchange)
            return
        opened = self._front.open(request, exchange.query)
        if isinstance(opened, Reply):
            call.replayed = REPLAYED in opened.headers
            exchange.due = opened
            await behaviour.play(exchange)
            return
        try:
            await self._begin(opened, behaviour, call, exchange)
        finally:
            self._front.shut(opened)

    async def _begin(self, opened: Opened, behaviour: Behaviour, call: RecordedCall, exchange: Exchange) -> None:
        if isinstance(behaviour, StripeFault):
            if behaviour.when == "after":
                call.effect = self._front.act(opened).acted
            exchange.due = self._front.refuse(opened, behaviour.refusal)
        elif behaviour.acts:
            exchange.due = self._front.act(opened)
            call.effect = exchange.due.acted
        if early := self._webhooks.send(opened.holding.account.take_new_events()):
            await asyncio.gather(*early)
        await behaviour.play(exchange)

    def _behaviour_for(self, exchange: Exchange) -> Behaviour:
        operation = f"{exchange.method} {exchange.path.removeprefix(f'/{NAME}')}"
        for pattern, script in self.scripts.items():
            if fnmatchcase(operation, pattern):
                return script.next()
        return NORMAL
