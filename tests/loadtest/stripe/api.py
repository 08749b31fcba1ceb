"""A plain client of the simulated Stripe: forms out, JSON back, and the control routes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.loadtest.client import Answer, Vendors

KEY = "sk_test_simulated"
_FORM = "application/x-www-form-urlencoded"
CARD_ONLY = {"allowed_payment_method_types": ["card"]}
PAID = {"amount": 2000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true", **CARD_ONLY}


def flat(params: dict[str, Any]) -> list[tuple[str, str]]:
    return [pair for name, value in params.items() for pair in _pairs(name, value)]


def _pairs(name: str, value: Any) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            for key, inner in value.items():
                yield from _pairs(f"{name}[{key}]", inner)
        case list():
            for number, inner in enumerate(value):
                yield from _pairs(f"{name}[{number}]", inner)
        case _:
            yield name, str(value)


@dataclass(frozen=True)
class Api:
    vendors: Vendors
    base: str = "/stripe/v1"

    def post(self, path: str, params: dict[str, Any] | None = None, key: str | None = None, **headers: str) -> Answer:
        headers = {"Authorization": f"Bearer {KEY}", "Content_Type": _FORM, **headers}
        if key is not None:
            headers["Idempotency_Key"] = key
        body = urlencode(flat(params or {})).encode()
        return self.vendors.ask("POST", f"{self.base}/{path}", body, timeout=5, **headers)

    def get(self, path: str, params: dict[str, Any] | None = None, **headers: str) -> Answer:
        query = f"?{urlencode(flat(params))}" if params else ""
        headers = {"Authorization": f"Bearer {KEY}", **headers}
        return self.vendors.ask("GET", f"{self.base}/{path}{query}", None, timeout=5, **headers)

    def delete(self, path: str) -> Answer:
        return self.vendors.ask("DELETE", f"{self.base}/{path}", Authorization=f"Bearer {KEY}")

    def make(self, path: str, params: dict[str, Any] | None = None, key: str | None = None) -> Any:
        """What was made; it must have been."""
        answer = self.post(path, params, key)
        assert answer.status == 200, answer.body
        return answer.json

    def paid(self, **params: Any) -> Any:
        """An intent that has succeeded."""
        intent = self.make("payment_intents", {**PAID, **params})
        assert intent["status"] == "succeeded", intent
        return intent

    def control(self, method: str, path: str = "", body: object = None) -> Answer:
        sent = None if body is None else json.dumps(body).encode()
        answer = self.vendors.ask(method, f"/control/stripe{path}", sent)
        assert answer.status in {200, 204}, answer.body
        return answer

    def totals(self, query: str = "") -> Any:
        return self.control("GET", f"/totals{query}").json

    def events(self, *types: str) -> list[Any]:
        """The newest first."""
        return list(self.get("events", {"limit": 100, "types": list(types)} if types else {"limit": 100}).json["data"])

    def press(self, page: str, button: str, **fields: str) -> Answer:
        """Post the form of a page, whose whole address is `page`."""
        return self.vendors.ask("POST", f"/stripe/{page.split('/stripe/', 1)[1]}/{button}", urlencode(fields).encode())


def error(answer: Answer, status: int) -> dict[str, Any]:
    assert answer.status == status, answer.body
    return dict(answer.json["error"])
