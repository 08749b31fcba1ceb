"""
Where images are kept: a folder, or a bucket of anything that speaks S3.

What opens the bucket are the variables that every S3 tool reads, from the environment or `.env`. They are secrets and
have no flags, which others would see in a list of processes.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from cli.home import Home
from cli.settings import DOTENV, Settings
from domain.commerce.ports import FileStore
from domain.errors import ConfigurationError
from domain.infra.file_store import FolderFiles

_ADDRESS = re.compile(r"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?")
_REGION = re.compile(r"[A-Za-z0-9-]+")


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
        return FolderFiles(media_folder(settings))
    if settings.media_dir is not None:
        raise ConfigurationError("GATEWAY_MEDIA_DIR, GATEWAY_MEDIA_BUCKET: images are in one place; take one away")
    return _bucket(settings.media_bucket)


def media_folder(settings: Settings) -> Path:
    """Where images are if they are in no bucket."""
    return (settings.media_dir or Home.at(settings.home).path / "media").expanduser().absolute()


def _bucket(named: str) -> FileStore:
    try:
        from domain.infra.s3_files import bucket_files  # noqa: PLC0415 - installed only where it is wanted
    except ModuleNotFoundError:
        raise ConfigurationError(
            "GATEWAY_MEDIA_BUCKET: a bucket needs the package obstore; pip install 'vendor-gateway[s3]'"
        ) from None
    told = BucketVariables().told()
    check_bucket_variables(told)
    bucket, _, prefix = named.partition("/")
    try:
        return bucket_files(bucket, prefix.strip("/"), told)
    except ValueError as fault:
        raise ConfigurationError(f"GATEWAY_MEDIA_BUCKET: {fault}; see docs/images.md") from None


def check_bucket_variables(told: Mapping[str, str]) -> None:
    """
    Raises `ConfigurationError` for what the S3 library would trip over at the first image, and not at the start.

    It panics over what makes no URL or header, such as an address without `https://`, and its errors quote addresses.
    """
    for name, value in told.items():
        if not (value.isascii() and value.isprintable()):
            raise ConfigurationError(f"{name}: holds what is no printable ASCII character; copy it again")
    if ("AWS_ACCESS_KEY_ID" in told) != ("AWS_SECRET_ACCESS_KEY" in told):
        raise ConfigurationError(
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: one is set without the other; set both, "
            "or none where the machine itself has a role that opens the bucket"
        )
    if not _ADDRESS.fullmatch(told.get("AWS_ENDPOINT_URL", "https://s3.example")):
        raise ConfigurationError("AWS_ENDPOINT_URL: write it like https://s3.example:9000, with no key in it")
    if not _REGION.fullmatch(told.get("AWS_REGION", "eu-west-1")):
        raise ConfigurationError("AWS_REGION: write it like eu-west-1, with nothing but letters, digits and hyphens")
