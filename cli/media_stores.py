"""
Where images are kept: a folder, or a bucket of anything that speaks S3.

What opens the bucket are the variables that every S3 tool reads, from the environment or `.env`. They are secrets and
have no flags, which others would see in a list of processes.
"""

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from cli.home import Home
from cli.settings import DOTENV, Settings
from domain.commerce.ports import FileStore
from domain.errors import ConfigurationError
from domain.infra.file_store import FolderFiles


class BucketVariables(BaseSettings):
    """Each may be left out where the machine itself has a role that opens the bucket."""

    model_config = SettingsConfigDict(
        frozen=True, env_file=DOTENV, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    aws_access_key_id: str | None = None
    aws_secret_access_key: SecretStr | None = None
    aws_session_token: SecretStr | None = None
    aws_region: str | None = None
    aws_endpoint_url: str | None = None  # of another S3 than Amazon's

    def told(self) -> dict[str, str]:
        """Those that are set, by their names."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            name.upper(): value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            for name, value in values.items()
            if value is not None
        }


def media_files(settings: Settings) -> FileStore:
    """Raises `ConfigurationError`."""
    if settings.media_bucket is None:
        return FolderFiles((settings.media_dir or Home.at(settings.home).path / "media").expanduser().absolute())
    if settings.media_dir is not None:
        raise ConfigurationError("GATEWAY_MEDIA_DIR, GATEWAY_MEDIA_BUCKET: images are in one place; take one away")
    return _bucket(settings.media_bucket)


def _bucket(named: str) -> FileStore:
    try:
        from domain.infra.s3_files import bucket_files  # noqa: PLC0415 - installed only where it is wanted
    except ModuleNotFoundError:
        raise ConfigurationError(
            "GATEWAY_MEDIA_BUCKET: a bucket needs the package obstore; pip install 'vendor-gateway[s3]'"
        ) from None
    bucket, _, prefix = named.partition("/")
    try:
        return bucket_files(bucket, prefix.strip("/"), BucketVariables().told())
    except ValueError as fault:
        raise ConfigurationError(f"GATEWAY_MEDIA_BUCKET: {fault}; see docs/images.md") from None
