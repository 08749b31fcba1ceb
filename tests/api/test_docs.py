"""`/docs`: a page that needs nothing but this server."""

import re

from httpx import AsyncClient

from api.openapi import build_document


async def test_the_page_loads_only_files_that_are_served_here(stranger: AsyncClient) -> None:
    page = await stranger.get("/docs")
    linked = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert page.headers["content-type"].startswith("text/html")
    assert len(linked) == 4
    for url in linked:
        file = await stranger.get(url)
        assert (url.startswith("/docs/static/"), file.status_code) == (True, 200)
        assert len(file.content) > 100


async def test_scripts_are_served_as_scripts(stranger: AsyncClient) -> None:
    assert "javascript" in (await stranger.get("/docs/static/start.js")).headers["content-type"]


async def test_no_other_file_is_served(stranger: AsyncClient) -> None:
    assert (await stranger.get("/docs/static/index.html")).status_code == 404
    assert (await stranger.get("/docs/static/..%2Findex.html")).status_code == 404


async def test_the_document_is_served_as_json(stranger: AsyncClient) -> None:
    answer = await stranger.get("/openapi.json")
    assert answer.json()["openapi"] == build_document()["openapi"] == "3.1.0"
