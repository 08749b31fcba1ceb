"""What a table says of a vendor that answers later: its webhooks, and how to ask it."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr, model_validator

from vendors.signatures.schemes import SCHEMES
from vendors.table.fields import (
    JOB_VALUE,
    REFERENCE,
    REQUEST_ID,
    STRICT,
    MemberPointer,
    PointerText,
    check_place,
    conflict,
    is_path,
    refuse_job_values,
)

_SCHEME_AND_HOST = 3  # pieces of a URL between slashes
LONGEST_WAIT_SECONDS = 366 * 86400


def _read_words(words: object) -> object:
    """What a status may be, as text: TOML knows numbers and booleans, and so may the vendor."""
    if not isinstance(words, list):
        return words
    return tuple(str(word).lower() if isinstance(word, bool | int) else word for word in words)


def _check_poll_url(url: str) -> str:
    if REFERENCE not in url and REQUEST_ID not in url:
        raise ValueError(f"poll's url names no job: put {REFERENCE} or {REQUEST_ID} into it")
    plain = url.replace(REFERENCE, "x").replace(REQUEST_ID, "x")
    if JOB_VALUE in plain:
        raise ValueError(f"poll's url knows {REFERENCE} and {REQUEST_ID} only: remove the other ${{job.…}}")
    host = [] if is_path(url) else url.split("/", _SCHEME_AND_HOST)[:_SCHEME_AND_HOST]
    if any(JOB_VALUE in piece for piece in host):
        raise ValueError("poll's url has ${job.…} in its host: move it into the path or the query")
    check_place(plain, "poll's url")
    return url


def _refuse_job_values(secret: SecretStr) -> SecretStr:
    refuse_job_values(secret.get_secret_value())
    return secret


Words = Annotated[tuple[str, ...], BeforeValidator(_read_words)]


class WebhookTable(BaseModel):
    """
    `[vendors.x.webhook]`: how its webhooks are signed, and where they say what.

    Without a secret none is taken; the pointers then serve the polls alone.
    """

    model_config = STRICT

    scheme: Literal["standard", "stripe", "github", "hmac"] = "standard"
    secret: Annotated[SecretStr, AfterValidator(_refuse_job_values)] | None = None
    reference: MemberPointer | None = None
    request_id: MemberPointer | None = None
    result: PointerText = ""
    id: MemberPointer | None = None
    status: MemberPointer | None = None
    done: Words = ()
    failed: Words = ()
    error: MemberPointer | None = None
    deadline_seconds: float = Field(default=3600.0, gt=0, le=LONGEST_WAIT_SECONDS)

    @property
    def deadline(self) -> timedelta:
        return timedelta(seconds=self.deadline_seconds)

    @property
    def key(self) -> bytes | None:
        """What the secret means to its scheme."""
        return None if self.secret is None else SCHEMES[self.scheme].read_secret(self.secret.get_secret_value())

    @model_validator(mode="after")
    def _secret_is_of_its_scheme(self) -> Self:
        try:
            signed = self.key is not None
        except ValueError as error:
            raise conflict(f"webhook's secret {error}", "secret") from None
        if signed and self.reference is None and self.request_id is None:
            raise conflict('webhook says of no job: add reference = "/id", the vendor\'s id of it, or request_id, ours')
        return self

    @model_validator(mode="after")
    def _words_go_with_a_status(self) -> Self:
        for key in ("done", "failed"):
            if getattr(self, key) and self.status is None:
                raise conflict(f'webhook\'s {key} needs to know where the status is: add status = "/status"', key)
        if self.status is not None and not self.done:
            raise conflict('webhook\'s status never means done: add done = ["complete"], or remove status', "status")
        if both := set(self.done) & set(self.failed):
            raise conflict(f"webhook's done and failed both hold {min(both)!r}: remove it from one", "failed")
        return self


class PollTable(BaseModel):
    """`[vendors.x.poll]`: where and how often to ask for what the vendor has not told yet."""

    model_config = STRICT

    url: Annotated[str, AfterValidator(_check_poll_url)] = Field(repr=False)
    every_seconds: float = Field(ge=0.1, le=LONGEST_WAIT_SECONDS)

    @property
    def every(self) -> timedelta:
        return timedelta(seconds=self.every_seconds)
