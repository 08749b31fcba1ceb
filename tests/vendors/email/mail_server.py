"""A real SMTP server on a free port, which answers as a test tells it and remembers what it took."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

USER, PASSWORD = "gateway", "open sesame"
TAKEN = "250 taken"

Answer = Callable[[SMTP], Awaitable[str]]


def say(text: str) -> Answer:
    async def answer(server: SMTP) -> str:
        return text

    return answer


async def hang_up(server: SMTP) -> str:
    assert isinstance(server.transport, asyncio.WriteTransport)
    server.transport.abort()
    await asyncio.Event().wait()
    return TAKEN


async def stay_silent(server: SMTP) -> str:
    await asyncio.Event().wait()
    return TAKEN


OK = say("250 OK")
TAKE = say(TAKEN)


@dataclass
class MailServer:
    """A handler of aiosmtpd. What `to` each command is answered; `taken` are the letters that it has."""

    to_mail: Answer = OK
    to_rcpt: Answer = OK
    to_data: Answer = TAKE
    port: int = 0
    commands: list[str] = field(default_factory=list)
    taken: list[Envelope] = field(default_factory=list)
    signed_in: list[bytes] = field(default_factory=list)
    over_tls: list[bool] = field(default_factory=list)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd looks for these names
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.commands.append("MAIL")
        self.over_tls.append(session.ssl is not None)
        envelope.mail_from = address
        return await self.to_mail(server)

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.commands.append("RCPT")
        envelope.rcpt_tos.append(address)
        return await self.to_rcpt(server)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.commands.append("DATA")
        answer = await self.to_data(server)
        if answer == TAKEN:
            self.taken.append(envelope)
        return answer

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, said: Any) -> AuthResult:
        assert isinstance(said, LoginPassword)
        self.signed_in.append(said.login)
        right = (said.login, said.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)


def answering(command: str, answer: Answer) -> MailServer:
    """A server that answers so to MAIL, RCPT or DATA."""
    server = MailServer()
    setattr(server, f"to_{command}", answer)
    return server


@asynccontextmanager
async def listening(server: MailServer, **settings: Any) -> AsyncIterator[MailServer]:
    """Run `server`; `settings` are aiosmtpd's. `implicit_tls` is a context to begin with."""
    loop, implicit_tls = asyncio.get_running_loop(), settings.pop("implicit_tls", None)
    sessions: list[SMTP] = []

    def accept() -> SMTP:
        sessions.append(SMTP(server, hostname="mail.test", loop=loop, authenticator=server.authenticate, **settings))
        return sessions[-1]

    listener = await loop.create_server(accept, "127.0.0.1", 0, ssl=implicit_tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        await listener.wait_closed()
        async with asyncio.timeout(5):  # whoever called has hung up
            while any(session.transport is not None for session in sessions):
                await asyncio.sleep(0.001)


@dataclass(frozen=True)
class Trust:
    """The server's side of TLS, and the client's, which trusts the server's certificate alone."""

    server: ssl.SSLContext
    client: ssl.SSLContext


@pytest.fixture(scope="session")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    """For 127.0.0.1."""
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    _write_certificate(file)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return Trust(server, ssl.create_default_context(cafile=str(file)))


def _write_certificate(file: Path) -> None:
    key, now = generate_private_key(SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
