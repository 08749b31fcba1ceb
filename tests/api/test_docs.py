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


async def test_the_page_may_load_its_files_and_stands_in_no_frame(stranger: AsyncClient) -> None:
    policies = (await stranger.get("/docs")).headers.get_list("content-security-policy")
    assert len(policies) == 1
    assert {"default-src 'self'", "frame-ancestors 'none'"} <= {part.strip() for part in policies[0].split(";")}


async def test_scripts_are_served_as_scripts(stranger: AsyncClient) -> None:
    assert "javascript" in (await stranger.get("/docs/static/start.js")).headers["content-type"]


async def test_no_other_file_is_served(stranger: AsyncClient) -> None:
    assert (await stranger.get("/docs/static/index.html")).status_code == 404
    assert (await stranger.get("/docs/static/..%2Findex.html")).status_code == 404


async def test_the_document_is_served_as_json(stranger: AsyncClient) -> None:
    answer = await stranger.get("/openapi.json")
    assert answer.json()["openapi"] == build_document()["openapi"] == "3.1.0"
