"""
By which server mails leave: `SMTP_URL` or `GMAIL_*`, from the environment or `.env`.

They are secrets and have no flags, which others would see in a list of processes. With none of them mails stay here.
"""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from cli.settings import DOTENV, Settings
from domain.errors import ConfigurationError
from vendors.email.settings import GmailAccount, SmtpServer, read_smtp_url


class MailVariables(BaseSettings):
    """Read as they are; `mail_server` checks them."""

    model_config = SettingsConfigDict(
        frozen=True, env_file=DOTENV, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    smtp_url: SecretStr | None = None
    gmail_client_id: str | None = None
    gmail_client_secret: SecretStr | None = None
    gmail_refresh_token: SecretStr | None = None
    gmail_from: str | None = Field(None, description="the account's address")


Server = SmtpServer | GmailAccount | None


def mail_server() -> tuple[Server, str | None]:
    """The server that is set, None where none is, and the sender that goes with it. Raises `ConfigurationError`."""
    said = MailVariables()
    gmail = _gmail(said)
    if said.smtp_url is None:
        return gmail, said.gmail_from
    if gmail is not None:
        raise ConfigurationError("SMTP_URL, GMAIL_CLIENT_ID: mails leave by one of them; take the other away")
    try:
        return read_smtp_url(said.smtp_url.get_secret_value()), None
    except ValueError as fault:
        raise ConfigurationError(f"SMTP_URL: {fault}") from None


def keeps_mails_here(settings: Settings) -> bool:
    """Whether mails go into the local inbox: in development, where no server is set. Raises `ConfigurationError`."""
    return settings.env == "development" and mail_server()[0] is None


def _gmail(said: MailVariables) -> GmailAccount | None:
    given = {name: getattr(said, name) for name in MailVariables.model_fields if name.startswith("gmail_")}
    missing = [name.upper() for name, value in given.items() if value is None]
    if len(missing) == len(given):
        return None
    if missing or said.gmail_client_id is None or not said.gmail_client_secret or not said.gmail_refresh_token:
        raise ConfigurationError(f"{', '.join(missing)}: Gmail needs all of GMAIL_*; set it too, or none of them")
    secret, token = said.gmail_client_secret.get_secret_value(), said.gmail_refresh_token.get_secret_value()
    return GmailAccount(said.gmail_client_id, secret, token)
