"""Settings that say how long things are kept: ended jobs, what they hold, and the record of who did what."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings

from domain.retention import Retention

Days = Annotated[float, Field(gt=0, le=3650)]


class RetentionSettings(BaseSettings):
    """A part of `cli.settings.Settings`, which reads it."""

    retention_days: Days = Field(30, description="how long an ended job is kept, up to 3650 days")
    retention_complete_days: Days | None = Field(
        None, description="the same for complete jobs, up to 3650 days; default GATEWAY_RETENTION_DAYS"
    )
    retention_failed_days: Days | None = Field(
        None, description="the same for failed jobs, up to 3650 days; default GATEWAY_RETENTION_DAYS"
    )
    retention_cancelled_days: Days | None = Field(
        None, description="the same for cancelled jobs, up to 3650 days; default GATEWAY_RETENTION_DAYS"
    )
    redact_days: Days | None = Field(
        None, description="when payload and result of an ended job are removed, up to 3650 days after; default never"
    )
    audit_days: Days = Field(400, description="how long the record of who did what is kept, up to 3650 days")

    @property
    def retention(self) -> Retention:
        """The terms on which ended jobs are kept, for those that end from now on."""
        kept = self.retention_days
        return Retention(
            complete=timedelta(days=self.retention_complete_days or kept),
            failed=timedelta(days=self.retention_failed_days or kept),
            cancelled=timedelta(days=self.retention_cancelled_days or kept),
            redact_after=None if self.redact_days is None else timedelta(days=self.redact_days),
        )
