"""What the command line reads: answers that no gateway gives, streams cut anywhere, settings and files of any text."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cli.answered_json import read_fields, read_items
from cli.event_stream import Event, read_events
from cli.settings import Settings, load_settings, unknown_settings
from domain.errors import ConfigurationError
from tests.cli.gateway_double import ID, JOB, Double
from tests.domain.test_json_text import VALUES
from vendors.json_slices import NotJson

few = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
DATA = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), min_size=1, max_size=20).map(
    str.encode
)
EVENTS = st.lists(st.builds(Event, st.integers(0, 99).map(str), st.lists(DATA, min_size=1, max_size=3).map(b"\n".join)))


def written(event: Event) -> bytes:
    """As `GET /jobs/{id}/events` writes it."""
    data = b"\n".join(b"data: " + line for line in event.data.split(b"\n"))
    return b"event: state\nid: %b\n%b\n\n" % (event.id.encode(), data)


def cut(text: bytes, places: list[int]) -> Iterator[bytes]:
    edges = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    yield from (text[start:end] for start, end in zip(edges, [*edges[1:], len(text)], strict=True))


@given(EVENTS, st.lists(st.integers(0, 2_000), max_size=8), st.sampled_from([b"", b": still here\n\n"]))
def test_events_are_read_as_they_were_written_however_they_are_cut(
    events: list[Event], places: list[int], heartbeat: bytes
) -> None:
    stream = heartbeat.join(map(written, events)) + heartbeat
    assert list(read_events(cut(stream, places))) == events


@given(
    st.lists(st.binary(max_size=30) | st.sampled_from([b"data:", b"id:", b"\n", b"\r\n", b"\n\n", b":"]), max_size=12)
)
def test_any_bytes_are_a_stream(chunks: list[bytes]) -> None:
    for event in read_events(iter(chunks)):
        assert b"\r\n" not in event.data


@given(st.binary(max_size=40) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_answer_is_an_object_or_a_list_or_no_json_of_ours(content: bytes) -> None:
    with suppress(NotJson):
        read_fields(content)
    with suppress(NotJson):
        read_items(content.decode("latin-1"))


ODD = VALUES | st.sampled_from(["pending", "complete", "sync", "2026-11-21T09:00:00Z", "\x1b[2J", "9" * 20])
CHANGES = st.dictionaries(
    st.sampled_from([*JOB, "result", "error", "error_detail", "attempts", "stage"]), ODD, max_size=3
)
HUGE = b'{"items": [], "next_cursor": ' + b"9" * 5_000 + b"}"
ANSWERS = st.binary(max_size=30) | st.one_of(
    CHANGES.map(lambda change: json.dumps({**JOB, **change}).encode()),
    CHANGES.map(lambda change: json.dumps({"items": [{**JOB, **change}], "next_cursor": None}).encode()),
    VALUES.map(lambda value: json.dumps({"items": value, "next_cursor": None}).encode()),
    VALUES.map(lambda value: json.dumps({"detail": value, "errors": value}).encode()),
    st.sampled_from([HUGE]),
)


@few
@pytest.mark.parametrize(
    "command",
    [
        ("jobs", "list"),
        ("jobs", "show", ID, "--attempts"),
        ("jobs", "cancel", ID),
        ("jobs", "submit", "sync", "{}"),
        ("vendors", "list"),
    ],
    ids=" ".join,
)
@given(status=st.sampled_from([200, 202, 204, 301, 400, 401, 418, 429, 500, 503]), content=ANSWERS)
@example(status=200, content=b'{"items": [null], "next_cursor": null}')
@example(status=200, content=HUGE)
def test_any_answer_is_shown_or_told_of_in_a_sentence(command: tuple[str, ...], status: int, content: bytes) -> None:
    told = Double(httpx.Response(status, content=content)).run(*command)
    assert told.exception is None or isinstance(told.exception, SystemExit), told.exception
    assert told.exit_code in {0, 1}
    assert "\x1b" not in told.output


NAMES = st.sampled_from([f"GATEWAY_{name.upper()}" for name in Settings.model_fields])
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=30)
SECRET = "hunter2"
VALUES_OF_SETTINGS = TEXTS | st.sampled_from(
    [
        "1",
        "-1",
        "1e400",
        "nan",
        "9" * 5_000,
        "true",
        "mongodb://" + SECRET,
        "http://" + SECRET,
        SECRET,
        "{",
        "[]",
        "\udcff",
    ]
)


def fault_of_settings() -> str:
    try:
        load_settings().as_environment()
    except ConfigurationError as refused:
        return refused.detail
    return ""


@few
@given(environment=st.dictionaries(NAMES, VALUES_OF_SETTINGS, max_size=4))
def test_any_settings_are_taken_or_refused_without_repeating_one(environment: dict[str, str], tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        for name, text in environment.items():
            patch.setenv(name, text)
        assert SECRET not in fault_of_settings()


@few
@given(content=st.binary(max_size=80) | TEXTS.map(lambda text: f"GATEWAY_PORT={text}\n".encode()))
def test_any_file_of_settings_is_read_or_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        Path(".env").write_bytes(content)
        with suppress(ConfigurationError):
            load_settings()
            list(unknown_settings({}))
