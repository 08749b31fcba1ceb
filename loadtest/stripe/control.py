"""
The control routes of the simulated Stripe, under `/control/stripe`: its faults, its webhooks, its time, its people.

    PUT    ?on=POST /v1/refunds              a script of faults for those operations (all without `on`); GET, DELETE
    PUT    /idempotency                      {"honoured": false}; forgets the keys either way
    PUT    /keys                             {"accepted": ["sk_test_…"]}: no other is taken; [] is every sk_test_…
    PUT    /accounts                         {"sk_test_…": "acct_…"}: whose account is another one; all are new
    PUT    /webhooks                         [{"url", "secret", "events"?}]: the endpoints; GET
    PUT    /webhooks/plans                   [{"types"?, "events"?, "never"?, "after"?, …}]; GET, DELETE
    POST   /events/{id}/send                 {…a plan…}: an event again, now
    PUT    /outcomes                         {"confirmations"?, "refunds"?, "refund_seconds"?}; GET
    POST   /payment_intents/{id}/settle      {"succeeded": true}: one that is processing
    POST   /refunds                          {"payment_intent" or "charge", "amount"?, "reason"?}: a person's, by hand
    POST   /refunds/{id}/settle              {"status": "succeeded" or "failed", "failure_reason"?}
    POST   /checkout/sessions/{id}/expire    its time is up
    POST   /clock                            {"seconds": 86400}: that much later from now on
    GET    /totals                           ?job=… (any metadata): charged, refunded, left, by currency; ?account=…
    DELETE /everything                       what the account holds; endpoints, plans and faults stay
"""

from typing import Any, Literal

import msgspec

from loadtest.stripe import refunds, sessions
from loadtest.stripe.account import Account, Outcomes
from loadtest.stripe.attempts import settle
from loadtest.stripe.desk import StripeDesk
from loadtest.stripe.faults import Script, read_script
from loadtest.stripe.front import Front, Holding
from loadtest.stripe.keys import Keys
from loadtest.stripe.refusals import Refusal
from loadtest.stripe.session import OPEN
from loadtest.stripe.totals import totals
from loadtest.stripe.webhooks import Endpoint, Plan, Webhooks
from loadtest.vendors.misbehaviour import Behaviour
from loadtest.vendors.webhook_plans import WELL_BEHAVED
from loadtest.vendors.wire import Reply

_DONE = Reply(b"", 204)
_NOT_FOUND = Reply(b'{"error":"no such control route, or nothing of that id"}', 404)
_ALL = "*"


class _Strict(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a control route takes."""


class _Idempotency(_Strict, frozen=True):
    honoured: bool


class _Keys(_Strict, frozen=True):
    accepted: tuple[str, ...]


class _Settled(_Strict, frozen=True):
    succeeded: bool


class _RefundSettled(_Strict, frozen=True):
    status: Literal["succeeded", "failed"]
    failure_reason: str = "expired_or_canceled_card"


class _Later(_Strict, frozen=True):
    seconds: int


class StripeControl:
    def __init__(self, account: Account, front: Front, desk: StripeDesk, webhooks: Webhooks) -> None:
        self._account = account
        self._front = front
        self._desk = desk
        self._webhooks = webhooks

    def answer(self, method: str, path: list[str], query: dict[str, str], body: bytes) -> Reply:
        """Raises `msgspec.DecodeError` for a body that is not what the route takes."""
        if not path:
            return self._faults(method, query.get("on", _ALL), body)
        try:
            match path[0]:
                case "webhooks" | "events":
                    return self._of_webhooks(method, path, body)
                case "accounts":
                    self._have_accounts(msgspec.json.decode(body, type=dict[str, str]))
                    return _DONE
                case "idempotency" | "keys" | "outcomes" | "clock" | "everything" | "totals":
                    return self._of_account(method, path, query, body)
                case _:
                    return self._of_people(method, path, body)
        except Refusal as refusal:
            return Reply(refusal.body("req_control"), refusal.status)

    def _faults(self, method: str, operations: str, body: bytes) -> Reply:
        scripts = self._desk.scripts
        match method:
            case "PUT":
                scripts[operations] = Script(_faults_of(body))
                if _ALL in scripts:
                    scripts.move_to_end(_ALL)
            case "DELETE" if operations == _ALL:
                scripts.clear()
                return _DONE
            case "DELETE":
                scripts.pop(operations, None)
                return _DONE
        return _json({name: script.faults for name, script in scripts.items()})

    def _of_webhooks(self, method: str, path: list[str], body: bytes) -> Reply:
        webhooks = self._webhooks
        match method, path:
            case "GET" | "PUT", ["webhooks"]:
                if method == "PUT":
                    webhooks.endpoints = msgspec.json.decode(body, type=tuple[Endpoint, ...])
                return _json(webhooks.endpoints)
            case "GET" | "PUT" | "DELETE", ["webhooks", "plans"]:
                if method != "GET":
                    webhooks.follow(msgspec.json.decode(body or b"[]", type=tuple[Plan, ...]))
                return _json(webhooks.plans)
            case "POST", ["events", sought, "send"]:
                event = self._account.events.find(sought, "id")
                webhooks.send_again(event, msgspec.json.decode(body or b"{}", type=Plan))
                return _json(event)
        return _NOT_FOUND

    def _of_account(self, method: str, path: list[str], query: dict[str, str], body: bytes) -> Reply:
        account, front, keys = self._account, self._front, self._front.usual.keys
        match method, path:
            case "PUT", ["idempotency"]:
                keys.honoured = msgspec.json.decode(body, type=_Idempotency).honoured
                keys.forget_all()
            case "PUT", ["keys"]:
                front.accepted = frozenset(msgspec.json.decode(body, type=_Keys).accepted)
            case "PUT", ["outcomes"]:
                account.outcomes = msgspec.json.decode(body, type=Outcomes)
                return _json(account.outcomes)
            case "GET", ["outcomes"]:
                return _json(account.outcomes)
            case "POST", ["clock"]:
                account.clock.put_forward(msgspec.json.decode(body, type=_Later).seconds)
                account.of_itself(sessions.look_at_all, account)
            case "DELETE", ["everything"]:
                account.forget()
                keys.forget_all()
            case "GET", ["totals"]:
                return _json(totals(self._account_of(query.pop("account", account.id)), query))
            case _:
                return _NOT_FOUND
        return _DONE

    def _have_accounts(self, named: dict[str, str]) -> None:
        """Beside the usual one, on its clock, and with its endpoints. Of a key that is not named it is the usual."""
        made = {account: self._another(account) for account in named.values() if account != self._account.id}
        self._front.others = {key: made[account] for key, account in named.items() if account in made}

    def _another(self, account_id: str) -> Holding:
        usual = self._account
        account = Account(account_id, usual.clock, heard=usual.heard, send=usual.send)
        return Holding(account, Keys(usual.clock))

    def _account_of(self, account_id: str) -> Account:
        others = (holding.account for holding in self._front.others.values())
        return next((account for account in others if account.id == account_id), self._account)

    def _of_people(self, method: str, path: list[str], body: bytes) -> Reply:
        account = self._account
        match method, path:
            case "POST", ["payment_intents", sought, "settle"]:
                intent = account.intents.find(sought, "intent")
                told = msgspec.json.decode(body, type=_Settled)
                account.of_itself(settle, account, intent, succeeded=told.succeeded)
                account.of_itself(sessions.hear_of, account, intent)
                return _json(intent)
            case "POST", ["refunds"]:
                asked = msgspec.json.decode(body, type=refunds.NewRefund)
                return _json(account.of_itself(refunds.create, account, asked))
            case "POST", ["refunds", sought, "settle"]:
                refund, decided = account.refunds.find(sought, "id"), msgspec.json.decode(body, type=_RefundSettled)
                account.of_itself(refunds.settle, account, refund, decided.status, decided.failure_reason)
                return _json(refund)
            case "POST", ["checkout", "sessions", sought, "expire"]:
                session = account.sessions.find(sought, "session")
                if session.status == OPEN:
                    account.of_itself(sessions.close, account, session)
                return _json(session)
        return _NOT_FOUND


def _faults_of(body: bytes) -> tuple[Behaviour, ...]:
    faults = read_script(body)
    if any(fault.webhook != WELL_BEHAVED for fault in faults):
        raise msgspec.ValidationError("events are planned by PUT /control/stripe/webhooks/plans - at `$.webhook`")
    return faults


def _json(value: Any) -> Reply:
    return Reply(msgspec.json.encode(value))
