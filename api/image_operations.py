"""What the routes of images take and answer."""

from api.job_examples import ACCEPTED
from api.operation import Answer, Json, Operation, Operations
from api.shared_parts import IF_NONE_MATCH, NOTHING, PRODUCT_ID, TRACEPARENT
from api.views import AcceptedView
from domain.commerce.images import LARGEST_IMAGE, PART

_FORM: Json = {
    "schema": {
        "type": "object",
        "additionalProperties": False,
        "required": [PART],
        "properties": {
            PART: {
                "type": "string",
                "format": "binary",
                "description": f"JPEG, PNG, WebP or GIF (its first frame), at most {LARGEST_IMAGE} bytes. "
                "What it is, its bytes say; the file's name and type are not looked at.",
            }
        },
    },
    "encoding": {PART: {"contentType": "image/jpeg, image/png, image/webp, image/gif"}},
}
_IMAGE_ID: Json = {
    "in": "path",
    "name": "image_id",
    "description": "As the product's `images` have it.",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
}
_NAME: Json = {
    "in": "path",
    "name": "name",
    "description": "As a product's `images` have it.",
    "required": True,
    "schema": {"type": "string", "pattern": "^[0-9a-f]{64}\\.webp$"},
}
_KEPT_FOR_EVER = ("ETag", "Cache-Control")

IMAGE_OPERATIONS: Operations = {
    ("post", "/products/{product_id}/images"): Operation(
        id="upload_image",
        tag="products",
        summary="Upload an image",
        description="Keeps the file durably, then answers. A job makes two WebP pictures of it, at most 1600 and 400 "
        "pixels on the longer side, upright, in sRGB, without metadata, and adds them to the product's `images`. The "
        "same bytes for the same product are one job; one that failed runs once more, and one whose image was taken "
        "off the product is followed by another. Admins only.",
        parameters=(PRODUCT_ID, TRACEPARENT),
        body=_FORM,
        body_media_type="multipart/form-data",
        answers=(
            Answer(
                202,
                "Accepted, or found again: the file and its job are stored.",
                AcceptedView,
                ("Location", "Retry-After", "Idempotency-Replayed"),
                {"accepted": ACCEPTED},
                links=("Show", "Watch", "Cancel", "Retry", "Delete"),
            ),
        ),
        problems=(400, 401, 403, 404, 409, 413, 415, 422, 500, 503),
    ),
    ("delete", "/products/{product_id}/images/{image_id}"): Operation(
        id="remove_image",
        tag="products",
        summary="Take an image off a product",
        description="Admins only. The product shows it no longer. Its files stay and are still served by their names: "
        "another image may have the same ones. Done twice it is 404.",
        parameters=(PRODUCT_ID, _IMAGE_ID),
        body=NOTHING,
        body_required=False,
        answers=(Answer(204, "The product has it no longer."),),
        problems=(400, 401, 403, 404, 413, 415, 422, 500, 503),
    ),
    ("get", "/media/{name}"): Operation(
        id="show_picture",
        tag="products",
        summary="Show a picture",
        description="What is under a name never changes: it may be kept for ever.",
        parameters=(_NAME, IF_NONE_MATCH),
        answers=(
            Answer(
                200,
                "The picture.",
                None,
                _KEPT_FOR_EVER,
                media_type="image/webp",
                schema={"type": "string", "format": "binary"},
            ),
            Answer(304, "As the client has it.", None, _KEPT_FOR_EVER),
        ),
        problems=(404, 422, 500, 503),
    ),
}
