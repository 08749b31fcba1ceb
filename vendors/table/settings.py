"""What a vendor's table in `vendors.toml` may say, checked field by field and then together."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from domain.backoff import Backoff
from domain.limit_notation import MOST_CALLS
from domain.vendors import VendorPolicy
from vendors.table.body import BodyTemplate, read_body
from vendors.table.fields import (
    STRICT,
    Headers,
    Lifetime,
    Limit,
    MemberPointer,
    Place,
    PointerText,
    conflict,
    is_path,
)
from vendors.table.instance_fields import Instances
from vendors.table.webhook_settings import PollTable, WebhookTable

# A job's document may hold 16 MiB, and base64 makes a third more of a reply.
MAX_REPLY_BYTES = 8 * 1024 * 1024


def _check_mode(mode: str) -> str:
    if mode not in {"sync", "async"}:
        raise ValueError('mode is neither "sync" nor "async": write mode = "sync" if its answer is the result')
    return mode


class ReplyTable(BaseModel):
    """`[vendors.x.reply]`: what of a success is the job's result or, async, the vendor's own id of the job."""

    model_config = STRICT

    result: PointerText = ""
    reference: MemberPointer | None = None
    max_bytes: int = Field(default=4 * 1024 * 1024, ge=1, le=MAX_REPLY_BYTES)


class BackoffTable(BaseModel):
    model_config = STRICT

    base_seconds: float = Field(default=0.5, gt=0, le=86400)
    cap_seconds: float = Field(default=60.0, gt=0, le=86400)

    @model_validator(mode="after")
    def _cap_is_above_base(self) -> Self:
        if self.cap_seconds < self.base_seconds:
            raise conflict("backoff's cap_seconds is below its base_seconds: raise the cap or lower the base")
        return self


class VendorTable(BaseModel):
    """
    `[vendors.x]`, interpolated.

    `limit` stays text in the notation of the limits library; only its form is checked here.
    """

    model_config = STRICT

    mode: Annotated[str, AfterValidator(_check_mode)] = "sync"
    url: Place = Field(repr=False)
    instances: Instances = ()
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    headers: Headers = Field(default={})
    body: Annotated[BodyTemplate, BeforeValidator(read_body)] = Field(default=BodyTemplate(), repr=False)
    limit: Limit | None = None
    concurrency: int | None = Field(default=None, ge=1, le=MOST_CALLS)
    burst_guard_ms: int = Field(default=25, ge=0, le=10_000)
    repeatable: bool | None = None
    key_lifetime: Lifetime = timedelta(hours=24)
    timeout_seconds: float = Field(default=10.0, gt=0, le=3600)
    attempts: int = Field(default=5, ge=1, le=100)
    backoff: BackoffTable = BackoffTable()
    reply: ReplyTable = ReplyTable()
    webhook: WebhookTable | None = None
    poll: PollTable | None = None

    @property
    def answers_later(self) -> bool:
        return self.mode == "async"

    @property
    def later(self) -> WebhookTable:
        """Where a webhook or the answer to a poll says what."""
        return self.webhook or WebhookTable()

    @property
    def policy(self) -> VendorPolicy:
        """A method that HTTP calls idempotent may be repeated unless the table says otherwise; POST and PATCH not."""
        repeatable = self.method in {"GET", "PUT", "DELETE"} if self.repeatable is None else self.repeatable
        return VendorPolicy(
            attempts=self.attempts,
            backoff=Backoff(self.backoff.base_seconds, self.backoff.cap_seconds),
            timeout=timedelta(seconds=self.timeout_seconds),
            repeatable=repeatable,
            key_lifetime=self.key_lifetime,
            limit=self.limit,
            concurrency=self.concurrency,
            burst_guard=timedelta(milliseconds=self.burst_guard_ms),
            poll_every=self.poll.every if self.poll else None,
        )

    @model_validator(mode="after")
    def _mode_fits_the_rest(self) -> Self:
        if self.answers_later:
            self._check_later()
            return self
        given = {"webhook": self.webhook, "poll": self.poll}
        for key, table in given.items():
            if table is not None:
                raise conflict(f'`{key}` is for a vendor that answers later: write mode = "async" or remove it', key)
        if self.reply.reference is not None:
            what = '`reply.reference` is for a vendor that answers later: write mode = "async" or remove it'
            raise conflict(what, "reply", "reference")
        return self

    @model_validator(mode="after")
    def _a_path_has_instances(self) -> Self:
        places = {("url",): self.url, ("poll", "url"): self.poll.url if self.poll else ""}
        for where, url in places.items():
            if is_path(url) and not self.instances:
                what = f"`{'.'.join(where)}` is a path, and no `instances` say where"
                raise conflict(f'{what}: add instances = ["https://a.acme.example"], or write it whole', *where)
        return self

    def _check_later(self) -> None:
        if self.reply.reference is None:
            what = '`reply.reference` is missing, which mode = "async" needs: add reference = "/id" under [….reply]'
            raise conflict(what, "reply")
        if self.poll is None and (self.webhook is None or self.webhook.secret is None):
            what = (
                "nothing would tell what came of a job: give [….webhook] a secret, or add a table [….poll], "
                'or write mode = "sync"'
            )
            raise conflict(what, "webhook" if self.webhook else "mode")
