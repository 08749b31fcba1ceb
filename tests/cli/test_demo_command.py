"""`gateway demo shop` where something is wrong: which step, what it was, and exit code 1."""

from typing import Any

import httpx
import pytest

from tests.cli.gateway_double import ID, Double, ok, problem

MUG: dict[str, Any] = {
    "id": ID,
    "price": {"amount": 1999, "currency": "USD"},
    "stock": 5,
    "images": [{"large": "/media/a.webp", "width": 160, "height": 120}],
}
INBOX = httpx.Response(200, text="<p>There are none yet.</p>")
WEBP = httpx.Response(200, content=b"RIFF", headers={"Content-Type": "image/webp"})


def with_picture() -> list[httpx.Response]:
    return [
        INBOX,
        ok(MUG, 201),
        ok({"request_id": ID, "status": "pending"}, 202),
        ok({"status": "complete"}),
        ok(MUG),
        WEBP,
    ]


def test_a_refusal_names_the_step_and_the_remedy_and_ends_with_1() -> None:
    double = Double(INBOX, problem(401, "who are you?"))
    said = double.run("demo", "shop")
    assert said.exit_code == 1
    assert "Error: step 1, An admin puts a product on sale: who are you?" in said.stderr
    assert "GATEWAY_API_KEY" in said.stderr
    assert said.stdout.startswith("1. An admin puts a product on sale\n   POST /products {")


def test_a_job_that_failed_is_told_with_its_error() -> None:
    failed = {"status": "failed", "error": "this is no image"}
    said = Double(INBOX, ok(MUG, 201), ok({"request_id": ID, "status": "pending"}, 202), ok(failed)).run("demo", "shop")
    assert said.exit_code == 1
    assert "step 2, " in said.stderr
    assert "the job ended failed: this is no image" in said.stderr


def test_what_never_comes_is_waited_for_and_then_told() -> None:
    inbox = [INBOX] * 150
    said = Double(*with_picture(), ok({"message": "done"}, 201), *inbox).run("demo", "shop")
    assert said.exit_code == 1
    assert "step 4, The buyer follows the link in the mail: waited 30 s for the mail “Confirm" in said.stderr


def test_no_password_and_no_key_is_shown() -> None:
    double = Double(*with_picture(), problem(422, "no"))
    said = double.run("demo", "shop", "--api-key", "gwk_secret")
    assert '"password": "…"' in said.stdout
    assert "gwk_secret" not in said.output
    assert double.body["password"] not in said.output


def test_on_a_gateway_that_sends_mails_in_earnest_nothing_is_done() -> None:
    double = Double(problem(404, "nothing is served under this path"))
    said = double.run("demo", "shop", "--url", "https://shop.example")
    assert (said.exit_code, said.stdout) == (1, "")
    assert "no inbox at https://shop.example/dev/mail, and nothing was done" in said.stderr
    assert [request.method for request in double.requests] == ["GET"]


def test_a_gateway_that_is_not_there_ends_with_69() -> None:
    said = Double(httpx.ConnectError("refused")).run("demo", "shop")
    assert (said.exit_code, "gateway up" in said.stderr) == (69, True)


@pytest.mark.parametrize("content", [b"<html>", b"[]"], ids=["a page", "an array"])
def test_what_answers_as_no_gateway_does_is_told(content: bytes) -> None:
    said = Double(INBOX, httpx.Response(200, content=content)).run("demo", "shop")
    assert (said.exit_code, "is --url right?" in said.stderr) == (1, True)


def test_the_picture_is_sent_as_a_form_and_the_key_with_it() -> None:
    double = Double(*with_picture(), problem(422, "no"))
    double.run("demo", "shop", "--api-key", "gwk_secret")
    upload = double.requests[2]
    assert upload.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="image"; filename="mug.png"' in upload.content
    assert b"\x89PNG\r\n" in upload.content
    assert upload.headers["authorization"] == "Bearer gwk_secret"
