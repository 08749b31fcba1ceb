"""A service's part of a path: passed on byte for byte, or refused."""

import pytest

from domain.errors import BadSyntax, NotFound
from domain.service_paths import split_path, target_of


@pytest.mark.parametrize(
    ("raw", "service", "path"),
    [
        (b"/services/user", "user", b"/"),
        (b"/services/user/", "user", b"/"),
        (b"/services/user/profile", "user", b"/profile"),
        (b"/services/user/a%2Fb//c/", "user", b"/a%2Fb//c/"),
        (b"/services/user-2_x/a", "user-2_x", b"/a"),
    ],
)
def test_a_path_is_a_service_and_what_is_below_it(raw: bytes, service: str, path: bytes) -> None:
    assert split_path(raw) == (service, path)


@pytest.mark.parametrize(
    "raw",
    [
        b"//services/user/x",
        b"/services//user/x",
        b"/%73ervices/user/x",
        b"/services/us%65r/x",
        b"/services/User/x",
        b"/services/user%2Fx",
        b"/services/../user",
        b"/services/",
        b"/services/user\\x",
        b"/services/user;v=1/x",
    ],
)
def test_a_name_that_is_spelled_in_another_way_is_nobodys(raw: bytes) -> None:
    with pytest.raises(NotFound):
        split_path(raw)


@pytest.mark.parametrize(
    ("path", "query", "target"),
    [
        (b"/", b"", "/"),
        (b"/a%2Fb/c%20d", b"q=%2e%2e&x=/../", "/a%2Fb/c%20d?q=%2e%2e&x=/../"),
        (b"/a//b/", b"", "/a//b/"),
        (b"/..a/b../...", b"", "/..a/b../..."),
        (b"/%C3%A9;v=1,2:@!$&'()*+~|^`", b"?", "/%C3%A9;v=1,2:@!$&'()*+~|^`??"),
    ],
)
def test_what_is_clear_is_passed_on_byte_for_byte(path: bytes, query: bytes, target: str) -> None:
    assert target_of(path, query) == target


@pytest.mark.parametrize(
    "path",
    [
        *(b"/..", b"/../x", b"/a/../b", b"/./a", b"/a/.", b"/%2e%2e/x", b"/%2E./x", b"/.%2e", b"/a/%2e"),
        *(b"/..%2fx", b"/a%2f..%2fb", b"/..%5cx", b"/a\\..\\b", b"/a%5cb", b"/..;x/y", b"/%2e%2e;/y", b"/a%3b/..%3bx"),
        *(b"/%252e%252e/x", b"/%25252e%25252e/x", b"/%2525252525252e", b"/a%00b", b"/a%2500"),
        *(b"//evil.example/x", b"/%zz", b"/%2", b"/%", b"/a b", b"/a\tb", b"/\xc3\xa9", b"/a#b", b'/a"b', b"/<a>"),
    ],
)
def test_what_two_programs_could_read_differently_is_refused(path: bytes) -> None:
    with pytest.raises(BadSyntax) as refusal:
        target_of(path, b"")
    assert [fault.pointer for fault in refusal.value.errors] == ["/path"]


@pytest.mark.parametrize("query", [b"a b", b"a#b", b"a\r\nb", b"\xe9", b"a\x00"])
def test_a_query_that_is_none_is_refused(query: bytes) -> None:
    with pytest.raises(BadSyntax) as refusal:
        target_of(b"/", query)
    assert [fault.pointer for fault in refusal.value.errors] == ["/query"]
