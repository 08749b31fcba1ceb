"""
`/dev/mail`: the local inbox, on a page for the developer at this machine.

An app of its own beside the API: it is no route of the contract, asks for no caller, and is not there at all in
production. It answers to this machine only: not through a proxy, and not under another name than this machine's, or a
page of somebody else's could have its own name lead here and read the links.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from ipaddress import ip_address
from typing import Protocol

from litestar import Response, get
from litestar.enums import MediaType
from litestar.params import FromPath
from litestar.types import ASGIApp, Scope

from domain.edge.answers import AnyRequest
from domain.edge.app import build_edge
from domain.errors import NotFound

PREFIX = "/dev/mail"
SHOWN = 50

_OF_PROXIES = frozenset({b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"})
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class LocalMail:
    """A mail as it would be read; what stands in it is anybody's word."""

    name: str
    to: str
    subject: str
    date: str
    text: str = field(repr=False)


class LocalInbox(Protocol):
    async def newest(self, limit: int) -> Sequence[LocalMail]: ...

    async def find(self, name: str) -> LocalMail | None: ...


def build_dev_mail(inbox: LocalInbox) -> ASGIApp:
    @get(PREFIX)
    async def list_mail(request: AnyRequest) -> Response[bytes]:
        _refuse_others(request.scope)
        rows = [_row(mail) for mail in await inbox.newest(SHOWN)]
        return _page("Mails", f"<ul>{''.join(rows)}</ul>" if rows else "<p>There are none yet.</p>")

    @get(f"{PREFIX}/{{name:str}}")
    async def show_mail(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
        _refuse_others(request.scope)
        mail = await inbox.find(name)
        if mail is None:
            raise NotFound("there is no such mail; /dev/mail lists those that are")
        head = f"<p>To: {escape(mail.to)}<br>Date: {escape(mail.date)}</p>"
        return _page(mail.subject, f"{head}<pre>{escape(mail.text)}</pre>")

    return build_edge([list_mail, show_mail])


def _refuse_others(scope: Scope) -> None:
    """Raises `NotFound`, with no word on what is here."""
    peer = scope["client"][0] if scope["client"] else ""
    proxied = any(name in _OF_PROXIES for name, _ in scope["headers"])
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    if proxied or not _is_here(peer) or len(hosts) != 1 or not _is_here(_without_port(hosts[0])):
        raise NotFound("nothing is served under this path; /docs lists what is")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _without_port(host: str) -> str:
    """Of `127.0.0.1:8000`, `localhost` or `[::1]:8000`."""
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _row(mail: LocalMail) -> str:
    told = f"{escape(mail.subject)}</a>, to {escape(mail.to)}, {escape(mail.date)}"
    return f'<li><a href="{PREFIX}/{escape(mail.name)}">{told}</li>'


def _page(title: str, body: str) -> Response[bytes]:
    head = f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{escape(title)}</title></head>'
    page = f"{head}\n<body>\n<h1>{escape(title)}</h1>\n{body}\n</body>\n</html>\n"
    return Response(page.encode(), media_type=MediaType.HTML, headers=_HEADERS)
