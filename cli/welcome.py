"""What `gateway up` prints once everything runs: addresses, and lines to copy."""

from urllib.parse import urlsplit

from pydantic import SecretStr

from cli.home import Home
from cli.mail_servers import keeps_mails_here
from cli.settings import Settings

SYNC_JOB = '{"vendorType": "sync", "vendorPayload": {"productId": "PROD-ABC-123", "action": "fetch_details"}}'
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
LOCAL = LOOPBACK | frozenset({"0.0.0.0", "::"})  # what a browser here calls localhost


def local_base(settings: Settings) -> str:
    """Where the HTTP server is reached from this machine."""
    host = "localhost" if settings.host in LOCAL else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def welcome(settings: Settings, home: Home) -> str:
    base = local_base(settings)
    addresses = {
        "API": base,
        "description": f"{base}/docs",
        "MongoDB": _shown(settings.mongo_url),
        "Redis": _shown(settings.redis_url),
        "demo vendors": settings.demo_vendors_url if settings.demo_vendors else "not started",
        "mails": f"{base}/dev/mail" if keeps_mails_here(settings) else "sent",
        "logs": str(home.logs),
        "bootstrap key": "shown when it was made; for a new one: gateway bootstrap-key --renew",
    }
    authorization = "" if settings.anonymous else " -H 'Authorization: Bearer BOOTSTRAP_KEY'"
    return "\n".join(
        [
            "The gateway runs. Ctrl-C stops it.",
            *(f"  {name:<14} {value}" for name, value in addresses.items()),
            *_warnings(settings),
            "Submit a job:",
            f"  curl -X POST {base}/jobs -H 'Content-Type: application/json'{authorization} -d '{SYNC_JOB}'",
            "Ask for it by the request_id of the answer, and wait up to 10 s for its end:",
            f"  curl{authorization} -H 'Prefer: wait=10' {base}/jobs/REQUEST_ID",
        ]
    )


def _warnings(settings: Settings) -> list[str]:
    if not settings.anonymous or settings.host in LOOPBACK:
        return []
    return [
        f"Everybody who reaches {settings.host}:{settings.port} may submit jobs, and see those of all who bring no",
        "credentials: set GATEWAY_ANONYMOUS=0 to have credentials asked for, or GATEWAY_HOST to 127.0.0.1.",
    ]


def _shown(url: SecretStr | None) -> str:
    """An address without its credentials."""
    parts = urlsplit(url.get_secret_value() if url else "")
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
