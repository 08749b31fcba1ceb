"""Another address for an account, from the wish to the sign-in, with the mails that a worker really sent."""

from dataclasses import replace

import pytest

from tests.system.besieged import Besieged

pytestmark = pytest.mark.system

NEW = "mover@new.example.com"


async def test_an_account_moves_to_another_address(fortress: Besieged) -> None:
    person = await fortress.sign_up("mover")
    async with fortress.client(as_=person) as http:
        wish = {"email": NEW, "current_password": person.password}
        asked = await http.patch("/users/me", json=wish)
        assert (asked.status_code, asked.json()["email"], asked.json()["pending_email"]) == (200, person.email, NEW)
    await fortress.mail_to(person.email, "Your address may soon be another")
    token = await fortress.token_mailed(NEW, "Confirm your new address")
    async with fortress.client(at=fortress.first) as http:
        answers = [(await http.put(f"/auth/confirmation/{token}")).status_code for _ in range(2)]
        assert answers == [200, 404]
        old = await http.post("/auth/login", json={"email": person.email, "password": person.password})
        assert old.status_code == 401
        moved = await fortress.sign_in(http, replace(person, email=NEW))
        refreshed = await http.post("/auth/refresh-token", json={"refresh_token": person.refresh})
        assert refreshed.status_code == 401
    await fortress.mail_to(person.email, "Your address was changed")
    async with fortress.client(as_=moved) as http:
        assert (await http.get("/users/me")).json()["email"] == NEW
