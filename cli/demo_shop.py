"""
The story of the shop: a product is put on sale, ordered, paid, shipped and delivered; another order is cancelled.

Each run has a product and a buyer of its own, so it may be walked through as often as one likes.
"""

import re
import secrets
from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from cli.api_client import Refused
from cli.api_options import say
from cli.demo_walk import INBOX, Json, Walk
from domain.money import Money, written

STOCK, BOUGHT, REGRETTED = 5, 2, 1
PRICE = {"amount": 1999, "currency": "USD"}
ENDED = {"complete", "failed", "cancelled"}  # of jobs

_CONFIRM = re.compile(r"PUT (/auth/confirmation/\S+)")


@dataclass(frozen=True)
class Buyer:
    email: str
    token: str


def walk_through(walk: Walk) -> None:
    """Raises `Refused`, which names the step that did not go as it should, and `Unreachable`."""
    walk.require_inbox()
    product = _put_on_sale(walk)
    picture = _add_picture(walk, product)
    buyer = _bring_in_buyer(walk)
    with walk.step("The buyer orders, and the stock is theirs"):
        order = _order(walk, buyer, product, BOUGHT)
    _pay(walk, buyer, order)
    _send_out(walk, buyer, order)
    _regret(walk, buyer, product)
    _balance(walk, product)
    left = (f"/products/{product}", picture, INBOX)
    say(["", "What is left of it, for a browser:", *(f"   {walk.api.where}{path}" for path in left)])


def _put_on_sale(walk: Walk) -> str:
    with walk.step("An admin puts a product on sale"):
        made = walk.call("POST", "/products", {"name": "Red mug", "price": PRICE, "stock": STOCK})
        product = str(made["id"])
        walk.tell(f"201 {product}, {_money(made['price'])}, stock {made['stock']}")
        return product


def _add_picture(walk: Walk, product: str) -> str:
    """The path of the large one."""
    with walk.step("The admin uploads a picture, of which a job makes two"):
        job = walk.upload(f"/products/{product}/images", "mug.png", _picture())
        walk.tell(f"202 job {job['request_id']}, {job['status']}")
        ended = walk.wait_for(f"/jobs/{job['request_id']}", lambda found: found["status"] in ENDED, "the pictures")
        if ended["status"] != "complete":
            raise Refused(f"the job ended {ended['status']}: {ended.get('error')}")
        walk.tell("200 complete")
        [image] = walk.call("GET", f"/products/{product}")["images"]
        walk.tell(f"200 with a picture of {image['width']} x {image['height']}")
        walk.picture(image["large"])
        return str(image["large"])


def _bring_in_buyer(walk: Walk) -> Buyer:
    email, password = f"demo-{secrets.token_hex(4)}@example.com", secrets.token_urlsafe(16)
    signing_in = {"email": email, "password": password}
    with walk.step("A buyer registers"):
        walk.call("POST", "/auth/register", {**signing_in, "name": "Ann Buyer"}, hidden=("password",))
        walk.tell("201")
    with walk.step("The buyer follows the link in the mail"):
        link = _CONFIRM.search(walk.mail(email, "Confirm your address"))
        if link is None:
            raise Refused("the mail has no link to confirm the address by")
        say(["   PUT /auth/confirmation/…"])
        walk.send("PUT", link[1])
        walk.tell("200 the address is confirmed")
    with walk.step("The buyer signs in"):
        session = walk.call("POST", "/auth/login", signing_in, hidden=("password",))
        walk.tell(f"200 a token, good for {session['expires_in']} s")
    return Buyer(email, str(session["token"]))


def _order(walk: Walk, buyer: Buyer, product: str, quantity: int) -> str:
    items = {"items": [{"product_id": product, "quantity": quantity}]}
    order = walk.call("POST", "/orders", items, by=buyer.token)
    walk.tell(f"201 {order['id']}, {order['status']}, in all {_money(order['total'])}")
    left = walk.call("GET", f"/products/{product}")["stock"]
    walk.tell(f"200 stock {left}")
    return str(order["id"])


def _pay(walk: Walk, buyer: Buyer, order: str) -> None:
    with walk.step("The buyer begins to pay"):
        payment = walk.until(lambda: _with_page(walk, buyer, order), "Stripe's page")
        walk.tell(f"200 payment {payment['payment_id']}")
        walk.tell(f"page {payment['redirect_url']}")
        if payment["short_url"] is not None:
            walk.tell(f"short {payment['short_url']}")
    if payment["short_url"] is not None:
        with walk.step("The buyer follows the short link"):
            walk.follow(payment["short_url"], payment["redirect_url"])
    with walk.step("The buyer pays on Stripe's page"):
        walk.pay(payment["redirect_url"])
    with walk.step("Stripe says so by webhook, and the order is paid"):
        walk.wait_for(f"/orders/{order}", lambda it: it["status"] == "Paid", "the order to be Paid", by=buyer.token)
        walk.tell("200 Paid")
        walk.mail(buyer.email, "Your order is paid")


def _send_out(walk: Walk, buyer: Buyer, order: str) -> None:
    with walk.step("The shop ships it"):
        _move(walk, order, "Shipped")
        walk.mail(buyer.email, "Your order is on its way")
    with walk.step("It arrives"):
        _move(walk, order, "Delivered")


def _regret(walk: Walk, buyer: Buyer, product: str) -> None:
    with walk.step("The buyer orders one more"):
        order = _order(walk, buyer, product, REGRETTED)
    with walk.step("The buyer changes their mind, and the stock goes back"):
        cancelled = walk.call("POST", f"/orders/{order}/cancel", {"why": "one is enough"}, by=buyer.token)
        walk.tell(f"200 {cancelled['status']}")
        walk.mail(buyer.email, "Your order was cancelled")


def _balance(walk: Walk, product: str) -> None:
    with walk.step("The books balance"):
        left = walk.call("GET", f"/products/{product}")["stock"]
        walk.tell(f"stock before {STOCK} = stock after {left} + sold {BOUGHT}")
        if left + BOUGHT != STOCK:
            raise Refused(f"there were {STOCK}, {BOUGHT} are sold, and {left} are left")


def _with_page(walk: Walk, buyer: Buyer, order: str) -> Json | None:
    payment = walk.call("POST", f"/orders/{order}/pay", by=buyer.token)
    return payment if payment["redirect_url"] is not None else None


def _move(walk: Walk, order: str, status: str) -> None:
    moved = walk.call("PATCH", f"/orders/{order}", {"status": status})
    walk.tell(f"200 {moved['status']}")


def _money(shown: Json) -> str:
    return written(Money(amount=shown["amount"], currency=shown["currency"]))


def _picture() -> bytes:
    """A red mug, seen from far away."""
    image = Image.new("RGB", (160, 120), (250, 250, 245))
    image.paste((200, 30, 30), (50, 30, 110, 100))
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
