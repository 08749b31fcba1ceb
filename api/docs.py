"""`/docs` and `/openapi.json`: Swagger UI from files on this machine, no content network asked."""

from importlib.resources import files
from mimetypes import guess_type

import msgspec
from litestar import Response, get
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from api.openapi import build_document
from domain.errors import NotFound

_FOLDER = "vendor/swagger-ui-5.31.0"  # inside the package swagger_ui_bundle
_FILES = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
_START = """window.ui = SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, tryItOutEnabled: true, validatorUrl: null,
});
"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Vendor gateway: API</title>
<link rel="stylesheet" href="/docs/static/swagger-ui.css">
<link rel="icon" href="/docs/static/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/static/swagger-ui-bundle.js"></script>
<script src="/docs/static/start.js"></script>
</body>
</html>
"""
_POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"


def docs_routes() -> list[HTTPRouteHandler]:
    """The page, its files and the document, all read and built now, once."""
    document = msgspec.json.encode(build_document())
    folder = files("swagger_ui_bundle") / _FOLDER
    static = {name: (folder / name).read_bytes() for name in _FILES} | {"start.js": _START.encode()}

    @get("/openapi.json")
    async def show_document() -> Response[bytes]:
        return Response(document, media_type=MediaType.JSON)

    @get("/docs")
    async def show_page() -> Response[bytes]:
        return Response(_PAGE.encode(), media_type=MediaType.HTML, headers={"Content-Security-Policy": _POLICY})

    @get("/docs/static/{name:str}")
    async def show_file(name: FromPath[str]) -> Response[bytes]:
        if name not in static:
            raise NotFound("there is no such file")
        kind = guess_type(name)[0] or "application/octet-stream"
        return Response(static[name], media_type=kind, headers={"Cache-Control": "max-age=3600"})

    return [show_document, show_page, show_file]
