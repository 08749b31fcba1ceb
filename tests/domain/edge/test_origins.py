"""Pages of other origins may not use what a cookie opens."""

from typing import Any

import pytest
from litestar.types import Scope

from domain.edge.origins import refuse_foreign_origin
from domain.errors import Forbidden

ALLOWED = frozenset({"https://shop.example"})


def asked(**headers: str) -> Scope:
    named = {"host": "gateway.example", **headers}
    scope: Any = {
        "type": "http",
        "headers": [(name.replace("_", "-").encode(), text.encode()) for name, text in named.items()],
    }
    return scope  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no-browser"),
        pytest.param({"sec_fetch_site": "same-origin"}, id="page-of-ours"),
        pytest.param({"sec_fetch_site": "none"}, id="own-hand"),
        pytest.param({"sec_fetch_site": "same-origin", "origin": "null"}, id="form-of-ours-without-referrer"),
        pytest.param({"origin": "https://gateway.example"}, id="old-browser-page-of-ours"),
        pytest.param({"origin": "https://shop.example"}, id="allowed"),
        pytest.param({"sec_fetch_site": "cross-site", "origin": "https://shop.example"}, id="allowed-new-browser"),
    ],
)
def test_pages_of_ours_and_of_allowed_origins_pass(headers: dict[str, str]) -> None:
    refuse_foreign_origin(asked(**headers), ALLOWED)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"origin": "https://evil.example"}, id="another"),
        pytest.param({"origin": "null"}, id="sandboxed"),
        pytest.param({"origin": ""}, id="empty"),
        pytest.param({"origin": "https://evil.shop.example"}, id="below-an-allowed-one"),
        pytest.param({"origin": "https://shop.example.evil.example"}, id="begins-like-an-allowed-one"),
        pytest.param({"origin": "http://shop.example"}, id="allowed-but-for-the-scheme"),
        pytest.param({"sec_fetch_site": "cross-site"}, id="cross-site-without-origin"),
        pytest.param({"sec_fetch_site": "same-site"}, id="neighbour"),
        pytest.param({"sec_fetch_site": "cross-site", "origin": "https://gateway.example"}, id="contradiction"),
        pytest.param({"origin": "://", "host": ""}, id="no-host"),
    ],
)
def test_other_pages_are_refused_and_told_what_may(headers: dict[str, str]) -> None:
    with pytest.raises(Forbidden) as refused:
        refuse_foreign_origin(asked(**headers), ALLOWED)
    assert refused.value.errors[0].pointer == "/headers/Origin"


def test_two_origins_are_none_of_ours() -> None:
    scope = asked(origin="https://shop.example")
    scope["headers"] = [*scope["headers"], (b"origin", b"https://evil.example")]
    with pytest.raises(Forbidden):
        refuse_foreign_origin(scope, ALLOWED)
