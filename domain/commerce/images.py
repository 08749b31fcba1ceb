"""
Images of products: what is taken in, and the job that makes two pictures of each.

The bytes wait in the file store under a digest before the job is stored, which knows them by that alone: no job
carries 10 MiB, and whoever runs it finds them there. A digest is of the product's id and the bytes together, so that
what waits for one product is never taken away by another's job; and it is what the job's key is made of: the same
bytes for the same product are one job, however often they are sent, until what it made is taken off the product.
"""

import re
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal
from uuid import UUID

import msgspec

from domain.errors import FieldError, Invalid, TooLarge, UnsupportedMedia
from domain.jobs import Job
from domain.request_ids import new_request_id
from domain.submissions import QUEUED_WITHIN
from domain.submitted_fields import to_milliseconds

VENDOR = "media"  # the vendor's name, which no table may take and no client may ask for
CLIENT = "gateway"  # whose jobs they are: ourselves; admins see everybody's
PART = "image"  # what the file is called in the form
LARGEST_IMAGE = 10 * 1024 * 1024
LIFETIME = timedelta(hours=24)
ORIGINAL, PICTURE = ".original", ".webp"
KEPT = timedelta(days=7)  # an original of which no picture was made: its job may be retried so long

_PICTURE_NAME = re.compile(r"[0-9a-f]{64}\.webp")
_BEGINNINGS = (
    re.compile(rb"\xff\xd8\xff"),  # JPEG
    re.compile(rb"\x89PNG\r\n\x1a\n"),
    re.compile(rb"GIF8[79]a"),
    re.compile(rb"RIFF....WEBP", re.DOTALL),
)


class Compression(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The payload of an image's job."""

    kind: Literal["media.compress"]
    product_id: UUID
    source: str  # the digest


def check_image(content: bytes) -> None:
    """
    By its size and its first bytes, whatever name and type it came under.

    Raises `Invalid`, `TooLarge`, `UnsupportedMedia`. What it is in truth, the job finds out.
    """
    if not content:
        detail = "is empty; send the file's bytes"
        raise Invalid(f"/{PART} {detail}", errors=(FieldError(f"/{PART}", detail),))
    if len(content) > LARGEST_IMAGE:
        raise too_large()
    if not any(beginning.match(content) for beginning in _BEGINNINGS):
        detail = "is neither JPEG, PNG, WebP nor GIF by its first bytes; convert it to one of these"
        raise UnsupportedMedia(f"/{PART} {detail}", errors=(FieldError(f"/{PART}", detail),))


def too_large() -> TooLarge:
    detail = f"is larger than {LARGEST_IMAGE} bytes (10 MiB); send a smaller file"
    return TooLarge(f"/{PART} {detail}", errors=(FieldError(f"/{PART}", detail),))


def digest_of(product_id: UUID, content: bytes) -> str:
    return sha256(product_id.bytes + content).hexdigest()


def original_name(digest: str) -> str:
    """What the bytes are called in the file store while they wait."""
    return f"{digest}{ORIGINAL}"


def picture_name(content: bytes) -> str:
    return f"{sha256(content).hexdigest()}{PICTURE}"


def is_picture_name(name: str) -> bool:
    """Whether it is one under which a picture may be asked for. An original never is."""
    return _PICTURE_NAME.fullmatch(name) is not None


def path_of_picture(name: str) -> str:
    return f"/media/{name}"


def name_in_path(path: str) -> str:
    return path.removeprefix("/media/")


def image_job(
    product_id: UUID, digest: str, now: datetime, traceparent: str | None = None, *, after: UUID | None = None
) -> Job:
    """The job that makes the pictures; the first one of this digest is the only one, and so is the one `after` it."""
    created = to_milliseconds(now)
    key = f"{VENDOR}:{digest}" if after is None else f"{VENDOR}:{digest}:{after}"
    return Job(
        id=new_request_id(),
        client=CLIENT,
        vendor=VENDOR,
        payload=msgspec.json.encode(Compression("media.compress", product_id, digest)).decode(),
        metadata={"product_id": str(product_id)},
        traceparent=traceparent,
        run_at=created,
        deadline=created + LIFETIME,
        idempotency_key=key,
        fingerprint=sha256(key.encode()).hexdigest(),  # the key alone says what is the same
        created_at=created,
        updated_at=created,
        sweep_at=created + QUEUED_WITHIN,
    )
