"""
One walk through a running gateway: every step has a title, every request is told, and so is the essence of its answer.

The browser is a client apart: the key that opens the gateway is never sent to anybody else.
"""

import html
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import httpx

from cli.api_client import GatewayApi, Refused, Unreachable
from cli.api_options import say
from cli.columns import printable

INBOX = "/dev/mail"
TRIES = 150
PAUSE_SECONDS = 0.2

_MAIL = re.compile(r'<li><a href="(/dev/mail/[^"]+)">([^<]*)</a>, to ([^<,]*),')
_PAY = re.compile(r'action="([^"]+/pay)"')

CARD = "4242424242424242"

Json = dict[str, Any]


@dataclass
class Walk:
    """Everything raises `Refused`, which names the step, and `Unreachable`."""

    api: GatewayApi
    browser: httpx.Client
    pause: Callable[[float], None]
    steps: int = 0

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        self.steps += 1
        say([*([""] if self.steps > 1 else []), f"{self.steps}. {title}"])
        try:
            yield
        except Refused as refusal:
            raise Refused(f"step {self.steps}, {title}: {refusal.message}") from None

    def require_inbox(self) -> None:
        """Before anything is put on sale, or anybody is mailed in earnest."""
        try:
            self.send("GET", INBOX)
        except Refused as refusal:
            raise Refused(
                f"there is no inbox at {self.api.where}{INBOX}, and nothing was done: this walk sells things and has "
                "mails sent, so it takes a gateway in development on this machine, as `gateway up` starts it\n"
                f"  the answer was: {refusal.message}"
            ) from None

    def call(
        self, method: str, path: str, body: Json | None = None, *, by: str | None = None, hidden: tuple[str, ...] = ()
    ) -> Json:
        """As the admin, or `by` a buyer's token. What is `hidden` of the body is sent and not shown."""
        shown = None if body is None else {name: "…" if name in hidden else value for name, value in body.items()}
        self._say_request(method, path, shown)
        content = None if body is None else json.dumps(body).encode()
        return _read(self.send(method, path, content=content, headers=_of(by)))

    def look(self, path: str, *, by: str | None = None) -> Json:
        """What is there, without a word on it."""
        return _read(self.send("GET", path, headers=_of(by)))

    def send(
        self, method: str, path: str, *, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        return self.api.send(method, path, body=content, headers=headers)

    def upload(self, path: str, name: str, content: bytes) -> Json:
        self._say_request("POST", path, None, f"(a form with {name}, {len(content)} bytes)")
        form = httpx.Request("POST", "http://form.invalid", files={"image": (name, content, "image/png")})
        sent = {"Content-Type": form.headers["Content-Type"]}
        return _read(self.send("POST", path, content=form.read(), headers=sent))

    def picture(self, path: str) -> None:
        self._say_request("GET", path, None)
        shown = self.send("GET", path)
        self.tell(f"200 {shown.headers['content-type']}, {len(shown.content)} bytes")

    def wait_for(self, path: str, done: Callable[[Json], bool], what: str, *, by: str | None = None) -> Json:
        """What is there once it is `done`; it is asked for as often as it takes, and told once."""
        self._say_request("GET", path, None)

        def look() -> Json | None:
            found = self.look(path, by=by)
            return found if done(found) else None

        return self.until(look, what)

    def until(self, look: Callable[[], Json | None], what: str) -> Json:
        """What `look` finds, once it does."""
        for _ in range(TRIES):
            found = look()
            if found is not None:
                return found
            self.pause(PAUSE_SECONDS)
        raise Refused(f"waited {TRIES * PAUSE_SECONDS:.0f} s for {what}, in vain; do the workers run?")

    def mail(self, to: str, subject: str) -> str:
        """The text of a mail in the local inbox, once it is there."""
        self._say_request("GET", INBOX, None)
        found = self.until(lambda: self._find_mail(to, subject), f"the mail “{subject}”")
        self.tell(f"a mail to {to}: “{subject}”")
        page = self.send("GET", found["path"]).text
        return html.unescape(page.partition("<pre>")[2].partition("</pre>")[0])

    def follow(self, path: str, to: str) -> None:
        """A short link, as a browser follows it."""
        self._say_request("GET", path, None)
        answer = self._browse("GET", path)
        _expect(answer, 302)
        if answer.headers.get("location") != to:
            raise Refused("the short link leads somewhere else than to the payment page")
        self.tell("302 to the payment page")

    def pay(self, page: str) -> None:
        """As a buyer does it: open the page, and press the button."""
        self._say_request("GET", page, None)
        opened = self._browse("GET", page)
        _expect(opened, 200)
        button = _PAY.search(opened.text)
        if button is None:
            raise Refused(
                f"{page} has no button to pay by; this walk takes the simulated Stripe: set no STRIPE_SECRET_KEY"
            )
        self.tell("200 a page with a button to pay")
        action = urljoin(page, html.unescape(button[1]))
        self._say_request("POST", action, None, f"(card {CARD})")
        _expect(self._browse("POST", action, {"card": CARD}), 303)
        self.tell("303 back to the shop")

    def tell(self, essence: str) -> None:
        say([f"      {printable(essence)}"])

    def _find_mail(self, to: str, subject: str) -> Json | None:
        listed = self.send("GET", INBOX).text
        for path, shown, address in _MAIL.findall(listed):
            if (html.unescape(shown), html.unescape(address)) == (subject, to):
                return {"path": path}
        return None

    def _browse(self, method: str, url: str, form: Mapping[str, str] | None = None) -> httpx.Response:
        try:
            return self.browser.request(method, url, data=form)
        except httpx.HTTPError as fault:
            raise Unreachable(f"{url} cannot be reached ({type(fault).__name__}); is the processor up?") from None

    def _say_request(self, method: str, path: str, body: Json | None, more: str = "") -> None:
        told = more if body is None else json.dumps(body, ensure_ascii=False)
        say([printable(f"   {method} {path} {told}".rstrip())])


def _of(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def _read(answer: httpx.Response) -> Json:
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refused("the answer is no JSON object; is --url right?")
    return found


def _expect(answer: httpx.Response, status: int) -> None:
    if answer.status_code != status:
        raise Refused(f"{answer.request.url} answered {answer.status_code}, and not {status}")
