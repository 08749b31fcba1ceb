"""`/products`: the catalogue, which everybody may read and admins change."""

from dataclasses import replace
from http import HTTPStatus
from uuid import UUID

import msgspec
from litestar import delete, get, patch, post
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.callers import caller_of
from api.cursors import Cursors
from api.doers import doer_of
from api.fields import Fields, read_fields, read_nothing
from api.headers import header, known_tags, tags_asked
from api.pages import Page, Query, link_to_next, read_cursor, read_limit
from api.ports import ApiPorts
from api.product_bodies import read_changes, read_product
from api.product_views import ProductList, product_view
from api.provided import Ports, accounts_of, commerce_of
from api.queries import read_query, refuse
from api.views import etag_of
from domain.commerce.catalogue import Catalogue, no_such_product
from domain.commerce.listing import read_category, read_words
from domain.commerce.ports import ProductFilter
from domain.commerce.products import Product, tag_of
from domain.edge.answers import AnyRequest
from domain.edge.bodies import read_body, require_json
from domain.errors import FieldError, Invalid
from domain.fingerprints import fingerprint
from domain.json_text import read_object
from domain.request_ids import read_request_id
from domain.submissions import read_idempotency_key

PARAMETERS = ("q", "category", "limit", "cursor")
# So long may a cache show a former price or stock; an order asks the store, and nobody buys what is sold out.
PUBLIC = {"Cache-Control": "public, max-age=10"}
CHANGED = {"Cache-Control": "private, no-cache"}


@get("/products")
async def list_products(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """List products, newest first; `q` and `category` narrow the list."""
    query = read_query(request.scope, *PARAMETERS)
    which = _read_filter(query)
    cursors = Cursors(ports.cursor_secret)
    listed = ("products", which.words, which.category)
    before = read_cursor(query, cursors, listed)
    found = await commerce_of(ports).products.list(replace(which, limit=which.limit + 1, before=before))
    page = Page.of(found, which.limit, cursors, listed)
    body = msgspec.json.encode(ProductList([product_view(product) for product in page.items], page.next_cursor))
    return _unless_known(request, body, etag_of(body), link_to_next("/products", query, page.next_cursor))


@get("/products/{product_id:str}")
async def show_product(request: AnyRequest, product_id: FromPath[str], ports: Ports) -> ASGIResponse:
    """Show a product."""
    read_query(request.scope)
    product = await commerce_of(ports).products.find(read_product_id(product_id))
    if product is None:
        raise no_such_product()
    return _unless_known(request, msgspec.json.encode(product_view(product)), tag_of(product), {})


@post("/products", status_code=HTTPStatus.CREATED)
async def make_product(request: AnyRequest, ports: Ports) -> ASGIResponse:
    """Put something on sale. Repeating an `Idempotency-Key` returns the first product."""
    read_query(request.scope)
    key = header(request.scope, b"idempotency-key")
    key = None if key is None else read_idempotency_key(key)
    require_json(request.scope)
    body = await read_body(request.scope, request.receive)
    doer = doer_of(request, accounts_of(ports))
    product = read_product(Fields(read_object(body)), doer.at)
    if key is not None:
        keyed = {"idempotency_key": key, "fingerprint": fingerprint(body.decode())}
        product = product.model_copy(update=keyed)
    made = await catalogue_of(ports).make(product.model_copy(update={"made_by": caller_of(request).client}), doer)
    headers = {"Location": f"/products/{made.product.id}"}
    if made.replayed:
        headers["Idempotency-Replayed"] = "true"
    return _shown(made.product, HTTPStatus.CREATED, headers)


@patch("/products/{product_id:str}")
async def change_product(request: AnyRequest, product_id: FromPath[str], ports: Ports) -> ASGIResponse:
    """Change a product; with `If-Match`, only where nothing of it changed meanwhile."""
    read_query(request.scope)
    asked = read_product_id(product_id)
    changes = read_changes(await read_fields(request))
    doer = doer_of(request, accounts_of(ports))
    return _shown(await catalogue_of(ports).change(asked, changes, doer, tags_asked(request.scope)), HTTPStatus.OK, {})


@delete("/products/{product_id:str}", status_code=HTTPStatus.NO_CONTENT)
async def delete_product(request: AnyRequest, product_id: FromPath[str], ports: Ports) -> None:
    """Take a product out of the catalogue; orders that name it keep it."""
    await read_nothing(request)
    await catalogue_of(ports).delete(read_product_id(product_id), doer_of(request, accounts_of(ports)))


def read_product_id(text: str) -> UUID:
    """Raises `NotFound`: what is no id names no product."""
    product_id = read_request_id(text)
    if product_id is None:
        raise no_such_product()
    return product_id


def catalogue_of(ports: ApiPorts) -> Catalogue:
    return Catalogue(commerce_of(ports).products, accounts_of(ports).audit)


def _read_filter(query: Query) -> ProductFilter:
    faults: list[FieldError] = []
    limit = read_limit(query, faults)
    words, category = query.get("q"), query.get("category")
    try:
        words = None if words is None else read_words(words)
    except Invalid as fault:
        faults += fault.errors
    try:
        category = None if category is None else read_category(category, "query/category")
    except Invalid as fault:
        faults += fault.errors
    refuse(faults)
    return ProductFilter(limit=limit, words=words, category=category)


def _unless_known(request: AnyRequest, body: bytes, tag: str, headers: dict[str, str]) -> ASGIResponse:
    """For everybody's caches; 304 for who has it already."""
    headers = {**PUBLIC, "ETag": tag, **headers}
    known = known_tags(request.scope)
    if "*" in known or tag in known:
        return ASGIResponse(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return ASGIResponse(body=body, headers=headers)


def _shown(product: Product, status: HTTPStatus, headers: dict[str, str]) -> ASGIResponse:
    body = msgspec.json.encode(product_view(product))
    return ASGIResponse(body=body, status_code=status, headers={**CHANGED, "ETag": tag_of(product), **headers})
