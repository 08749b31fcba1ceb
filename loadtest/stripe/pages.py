"""
The pages where a buyer pays and proves who they are: plain HTML, for a browser or for a form that is posted.

    GET  /stripe/pay/{session}              the checkout: a card's number, Pay and Cancel
    POST /stripe/pay/{session}/pay          card=4242…&email=…: 303 to the shop, or to the bank's page, or what is wrong
    POST /stripe/pay/{session}/cancel       303 to the shop; the session stays open
    GET  /stripe/pay/{session}/return       from the bank's page: on to the shop, or back to the checkout
    GET  /stripe/authenticate/{intent}      the bank's page: Complete and Fail
    POST /stripe/authenticate/{intent}/complete, /fail    303 to where the intent says
    GET  /stripe/receipts/{intent}          what was paid
"""

from html import escape
from urllib.parse import parse_qs, urlencode, urlsplit

from loadtest.stripe import payment_methods, sessions
from loadtest.stripe.account import Account
from loadtest.stripe.attempts import authenticate
from loadtest.stripe.currencies import written
from loadtest.stripe.intent import WANTS_ACTION, PaymentIntent
from loadtest.stripe.payment_methods import NewMethod, TypedCard
from loadtest.stripe.refusals import Refusal
from loadtest.stripe.session import COMPLETE, OPEN, Session
from loadtest.vendors.wire import Reply, Request

_HEAD = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Simulated Stripe</title>'
_HTML = b"text/html; charset=utf-8"
_CHECKOUT = """<h1>{amount}</h1><ul>{lines}</ul><p id="error" role="alert">{error}</p>
<form method="post" action="/stripe/pay/{id}/pay">
<label>Email <input name="email" type="email" value="{email}"></label>
<label>Card number <input name="card" inputmode="numeric" autocomplete="cc-number" value="4242 4242 4242 4242"></label>
<button id="pay">Pay</button></form>
<form method="post" action="/stripe/pay/{id}/cancel"><button id="cancel">Cancel</button></form>"""
_CHALLENGE = """<h1>Your bank asks whether it is you</h1><p>{amount}</p>
<form method="post" action="/stripe/authenticate/{id}/complete"><button id="complete">Complete</button></form>
<form method="post" action="/stripe/authenticate/{id}/fail"><button id="fail">Fail</button></form>"""


class Pages:
    def __init__(self, account: Account) -> None:
        self._account = account

    def answer(self, request: Request) -> Reply:
        _, _, *path = request.path.split("/")
        match request.method, path:
            case _, ["pay", sought, *rest] if (session := self._account.sessions.get(sought)) is not None:
                return self._of_session(request, rest, self._account.of_itself(sessions.look, self._account, session))
            case _, ["authenticate", sought, *rest] if (intent := self._account.intents.get(sought)) is not None:
                return self._of_intent(request.method, rest, intent)
            case "GET", ["receipts", sought] if (intent := self._account.intents.get(sought)) is not None:
                return _page(f"<h1>Paid: {written(intent.amount_received, intent.currency)}</h1>")
        return _page("<h1>There is no such page</h1>", 404)

    def _of_session(self, request: Request, rest: list[str], session: Session) -> Reply:
        if session.status != OPEN:
            return self._over(session)
        match request.method, rest:
            case "GET", []:
                return self._checkout(session)
            case "GET", ["return"]:
                return self._come_back(session)
            case "POST", ["pay"]:
                return self._pay(request, session)
            case "POST", ["cancel"]:
                return _to(session.cancel_url) if session.cancel_url else self._checkout(session)
        return _page("<h1>There is no such page</h1>", 404)

    def _over(self, session: Session) -> Reply:
        if session.status == COMPLETE:
            return _to(sessions.way_back(session))
        return _page("<h1>This checkout has expired</h1>", 410)

    def _checkout(self, session: Session, error: str = "", status: int = 200) -> Reply:
        lines = "".join(
            f"<li>{line.quantity} × {escape(line.description)}</li>" for line in self._account.bought[session.id]
        )
        amount = written(session.amount_total, session.currency)
        email = escape(session.customer_email or "")
        return _page(
            _CHECKOUT.format(amount=amount, lines=lines, error=escape(error), id=session.id, email=email), status
        )

    def _pay(self, request: Request, session: Session) -> Reply:
        told = parse_qs(request.body.decode("latin-1"))
        card, email = told.get("card", [""])[0], told.get("email", [""])[0]
        self._account.base_url = f"http://{request.header(b'host')}/stripe"
        try:
            intent = self._account.of_itself(_pay, self._account, session, card, email or None)
        except Refusal as refusal:
            return self._checkout(session, str(refusal), 402)
        if intent.status == WANTS_ACTION and intent.next_action is not None:
            return _to(intent.next_action["redirect_to_url"]["url"])
        return _to(sessions.way_back(session)) if session.status == COMPLETE else self._come_back(session)

    def _come_back(self, session: Session) -> Reply:
        """It is open still: whatever was tried has not been paid, or not yet."""
        intent = None if session.payment_intent is None else self._account.intents[session.payment_intent]
        if intent is not None and intent.last_payment_error is not None:
            return self._checkout(session, intent.last_payment_error.message, 402)
        return self._checkout(session, "" if intent is None else "Your payment is being looked at.")

    def _of_intent(self, method: str, rest: list[str], intent: PaymentIntent) -> Reply:
        match method, rest:
            case "GET", [] if intent.status == WANTS_ACTION:
                amount = written(intent.amount, intent.currency)
                return _page(_CHALLENGE.format(id=intent.id, amount=amount))
            case "POST", ["complete" | "fail" as button] if intent.status == WANTS_ACTION:
                return self._authenticate(intent, passed=button == "complete")
        return _page("<h1>There is nothing to prove</h1>", 410)

    def _authenticate(self, intent: PaymentIntent, *, passed: bool) -> Reply:
        way_back = ((intent.next_action or {}).get("redirect_to_url") or {}).get("return_url")
        self._account.of_itself(_prove, self._account, intent, passed=passed)
        if way_back is None:
            return _page("<h1>Thank you: you can go back to the shop</h1>")
        told = {
            "payment_intent": intent.id,
            "payment_intent_client_secret": intent.client_secret,
            "redirect_status": "failed" if intent.last_payment_error else "succeeded",
        }
        joint = "&" if urlsplit(way_back).query else "?"
        return _to(f"{way_back}{joint}{urlencode(told)}")


def _pay(account: Account, session: Session, number: str, email: str | None) -> PaymentIntent:
    method = payment_methods.create(account, NewMethod(type="card", card=TypedCard(number=number)))
    return sessions.pay(account, session, method, email)


def _prove(account: Account, intent: PaymentIntent, *, passed: bool) -> None:
    authenticate(account, intent, passed=passed)
    if (session := account.checkout_of.get(intent.id)) is not None:
        sessions.complete(account, session, intent)


def _page(body: str, status: int = 200) -> Reply:
    return Reply(f"{_HEAD}<body>{body}</body></html>".encode(), status, content_type=_HTML)


def _to(address: str) -> Reply:
    return Reply(b"", 303, headers=((b"location", address.encode()),))
