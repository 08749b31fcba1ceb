"""
`POST /products/{id}/images`, which takes an image in, its `DELETE`, and `GET /media/{name}`, which serves the pictures.

A picture is named by the digest of its bytes: what is under a name never changes, and caches may keep it for ever.
"""

import asyncio
from http import HTTPStatus

import msgspec
from litestar import delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse

from api.doers import doer_of
from api.fields import read_nothing
from api.forms import Turns, file_in, read_boundary, read_form
from api.headers import header, known_tags
from api.ports import ApiPorts
from api.products import catalogue_of, read_product_id
from api.provided import Ports, accounts_of, commerce_of
from api.queries import read_query
from api.views import accepted_view, path_of, retry_after
from domain.commerce.catalogue import no_such_image
from domain.commerce.images import LARGEST_IMAGE, PART, PICTURE, is_picture_name, too_large
from domain.commerce.uploading import Uploads
from domain.edge.answers import AnyRequest
from domain.errors import NotFound, TooLarge
from domain.ports import Accepted
from domain.request_ids import read_request_id
from domain.submissions import read_traceparent

AT_ONCE = 4  # uploads that one process has in memory: 10 MiB each, and a copy while it is taken apart
PATIENCE_SECONDS = 10.0  # for one's turn; nothing is read meanwhile
SERVED = {
    "Cache-Control": "public, max-age=31536000, immutable",  # a year, the longest that RFC 9111 leaves room for
    "Cross-Origin-Resource-Policy": "cross-origin",  # the shop's pages may show them, wherever they are served
}


def image_routes() -> list[HTTPRouteHandler]:
    """Routes that share their turns: how much of uploads is in memory is bounded over all of them."""
    turns = Turns(AT_ONCE, PATIENCE_SECONDS)

    @post("/products/{product_id:str}/images", status_code=HTTPStatus.ACCEPTED)
    async def upload_image(request: AnyRequest, product_id: FromPath[str], ports: Ports) -> ASGIResponse:
        """Take an image in and return at once. The same bytes for the same product are one job."""
        read_query(request.scope)
        boundary = read_boundary(request.scope)
        product, uploads = read_product_id(product_id), _uploads(ports)
        await uploads.refuse_early(product)
        traceparent = read_traceparent(header(request.scope, b"traceparent"))
        async with turns.take():
            content = await _read_image(request, boundary)
            accepted = await uploads.take_in(product, content, doer_of(request, accounts_of(ports)), traceparent)
        return _accepted(accepted)

    return [upload_image, remove_image, show_picture]


@delete("/products/{product_id:str}/images/{image_id:str}", status_code=HTTPStatus.NO_CONTENT)
async def remove_image(request: AnyRequest, product_id: FromPath[str], image_id: FromPath[str], ports: Ports) -> None:
    """Take an image off a product; its pictures stay where they are."""
    await read_nothing(request)
    product, image = read_product_id(product_id), read_request_id(image_id)
    if image is None:
        raise no_such_image()
    await catalogue_of(ports).remove_image(product, image, doer_of(request, accounts_of(ports)))


@get("/media/{name:str}")
async def show_picture(request: AnyRequest, name: FromPath[str], ports: Ports) -> ASGIResponse:
    """Serve a picture, piece by piece."""
    read_query(request.scope)
    found = await commerce_of(ports).files.find(name) if is_picture_name(name) else None
    if found is None:
        raise NotFound("there is no such picture")
    tag = f'"{name.removesuffix(PICTURE)}"'
    headers = {**SERVED, "ETag": tag}
    if known_tags(request.scope) & {tag, "*"}:
        return ASGIResponse(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    headers |= {"Content-Type": "image/webp", "Content-Length": str(found.size)}
    return ASGIStreamingResponse(iterator=found.pieces, headers=headers)


async def _read_image(request: AnyRequest, boundary: str) -> bytes:
    try:
        form = await read_form(request, LARGEST_IMAGE)
    except TooLarge:
        raise too_large() from None
    return await asyncio.to_thread(file_in, form, boundary, PART)


def _uploads(ports: ApiPorts) -> Uploads:
    shop = commerce_of(ports)
    return Uploads(shop.products, shop.files, ports.intake, ports.control, accounts_of(ports).audit)


def _accepted(accepted: Accepted) -> ASGIResponse:
    job = accepted.job
    headers = {"Location": path_of(job), "Retry-After": retry_after(job, job.created_at)}
    if accepted.replayed:
        headers["Idempotency-Replayed"] = "true"
    return ASGIResponse(body=msgspec.json.encode(accepted_view(job)), status_code=HTTPStatus.ACCEPTED, headers=headers)
