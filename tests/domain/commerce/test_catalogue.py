"""What admins do to the catalogue while others buy from it, and what is on record."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from domain.accounts.audit import Act
from domain.accounts.doers import Doer
from domain.commerce.catalogue import TRIES, Catalogue
from domain.commerce.products import Product, tag_of
from domain.errors import Conflict, KeyReused, NotFound, Outdated, Unavailable
from domain.request_ids import new_request_id
from tests.fakes_accounts import FakeAuditLog
from tests.fakes_commerce import FakeProducts, a_product, an_image
from tests.strategies import NOON

ROOT = Doer("user:root", NOON)


class BusyProducts(FakeProducts):
    """Somebody buys one between each look and the change that follows, as long as anybody is left."""

    def __init__(self, *products: Product, buyers: int) -> None:
        super().__init__(*products)
        self.buyers = buyers

    async def change(self, before: Product, after: Product) -> bool:
        if self.buyers:
            self.buyers -= 1
            self.sell(before.id)
        return await super().change(before, after)


def catalogue(products: FakeProducts) -> tuple[Catalogue, FakeAuditLog]:
    audit = FakeAuditLog()
    return Catalogue(products, audit), audit


def keyed(**fields: Any) -> Product:
    return a_product(**{"made_by": "user:root", "idempotency_key": "k", "fingerprint": "f", **fields})


async def test_each_act_is_on_record() -> None:
    mug = a_product()
    acts, audit = catalogue(FakeProducts())
    await acts.make(mug, ROOT)
    await acts.change(mug.id, {"stock": 3, "name": "Mug"}, ROOT)
    await acts.delete(mug.id, ROOT)
    assert audit.acts == [Act.PRODUCT_MADE, Act.PRODUCT_CHANGED, Act.PRODUCT_DELETED]
    assert {(entry.actor, entry.subject) for entry in audit.entries} == {("user:root", f"product:{mug.id}")}
    assert audit.entries[1].detail == {"fields": "name, stock"}


async def test_nothing_is_done_unrecorded() -> None:
    mug = a_product()
    products = FakeProducts(mug)
    acts, audit = catalogue(products)
    audit.down = True
    for act in (
        partial(acts.make, a_product()),
        partial(acts.change, mug.id, {"stock": 3}),
        partial(acts.delete, mug.id),
    ):
        with pytest.raises(Unavailable):
            await act(doer=ROOT)
    assert products.stored == {mug.id: mug}


async def test_a_repeated_key_makes_one_product_and_is_recorded_once() -> None:
    products = FakeProducts()
    acts, audit = catalogue(products)
    first = await acts.make(keyed(), ROOT)
    again = await acts.make(keyed(), ROOT)
    assert (first.replayed, again.replayed, again.product) == (False, True, first.product)
    assert (len(products.stored), audit.acts) == (1, [Act.PRODUCT_MADE])


async def test_a_key_with_another_body_is_refused() -> None:
    acts, _ = catalogue(FakeProducts(keyed()))
    with pytest.raises(KeyReused):
        await acts.make(keyed(fingerprint="other"), ROOT)


async def test_a_key_whose_product_is_gone_makes_no_second_one() -> None:
    products = FakeProducts(keyed(deleted_at=NOON))
    acts, _ = catalogue(products)
    with pytest.raises(Conflict):
        await acts.make(keyed(), ROOT)
    assert len(products.stored) == 1


async def test_of_two_at_once_under_one_key_the_second_learns_of_the_first() -> None:
    class Hasty(FakeProducts):
        async def find_made(self, made_by: str, idempotency_key: str) -> Product | None:
            if not looked:
                looked.append(key)
                return None
            return await super().find_made(made_by, idempotency_key)

    looked: list[str] = []
    key, first = "k", keyed()
    acts, _ = catalogue(Hasty(first))
    made = await acts.make(keyed(), ROOT)
    assert (made.replayed, made.product) == (True, first)


@pytest.mark.parametrize("changes", [{"name": "Red mug"}, {"stock": 10, "name": "Red mug"}, {}])
async def test_nothing_is_written_where_nothing_differs(changes: Mapping[str, Any]) -> None:
    mug = a_product()
    products = FakeProducts(mug)
    acts, audit = catalogue(products)
    assert await acts.change(mug.id, changes, ROOT) == mug
    assert (products.stored, audit.entries) == ({mug.id: mug}, [])


async def test_stock_that_is_set_while_others_buy_is_set_once_and_recorded_once() -> None:
    mug = a_product(stock=10)
    products = BusyProducts(mug, buyers=3)
    acts, audit = catalogue(products)
    after = await acts.change(mug.id, {"stock": 50, "name": "Mug"}, ROOT)
    assert (after.stock, after.version, products.stored[mug.id]) == (50, 1, after)
    assert audit.acts == [Act.PRODUCT_CHANGED]


async def test_what_others_buy_while_a_name_changes_stays_bought() -> None:
    mug = a_product(stock=10)
    products = BusyProducts(mug, buyers=1)
    acts, _ = catalogue(products)
    await acts.change(mug.id, {"name": "Mug"}, ROOT)
    assert (products.stored[mug.id].name, products.stored[mug.id].stock) == ("Mug", 9)


async def test_who_set_stock_by_what_they_saw_learns_of_a_sale() -> None:
    mug = a_product(stock=10)
    products = BusyProducts(mug, buyers=1)
    acts, _ = catalogue(products)
    with pytest.raises(Outdated):
        await acts.change(mug.id, {"stock": 50}, ROOT, tags=[tag_of(mug)])
    assert products.stored[mug.id].stock == 9


async def test_a_change_that_never_wins_is_given_up() -> None:
    mug = a_product(stock=100)
    products = BusyProducts(mug, buyers=TRIES)
    acts, _ = catalogue(products)
    with pytest.raises(Conflict):
        await acts.change(mug.id, {"stock": 50}, ROOT)
    assert products.stored[mug.id].stock == 100 - TRIES


async def test_a_tag_of_another_state_changes_nothing() -> None:
    mug = a_product()
    products = FakeProducts(mug)
    acts, audit = catalogue(products)
    products.sell(mug.id)
    with pytest.raises(Outdated):
        await acts.change(mug.id, {"name": "Mug"}, ROOT, tags=[tag_of(mug)])
    assert audit.entries == []


@pytest.mark.parametrize("name", ["id", "version", "deleted_at", "images", "made_by"])
async def test_what_is_for_nobody_to_change_is_a_bug(name: str) -> None:
    mug = a_product()
    acts, _ = catalogue(FakeProducts(mug))
    with pytest.raises(ValueError, match=name):
        await acts.change(mug.id, {name: None}, ROOT)


async def test_an_image_that_somebody_else_takes_off_meanwhile_is_not_found() -> None:
    class Rival(FakeProducts):
        async def remove_image(self, product_id: UUID, image_id: UUID, now: datetime) -> bool:
            await super().remove_image(product_id, image_id, now)
            return await super().remove_image(product_id, image_id, now)

    mug = a_product(images=[an_image()])
    acts, _ = catalogue(Rival(mug))
    with pytest.raises(NotFound):
        await acts.remove_image(mug.id, mug.images[0].id, ROOT)


async def test_what_is_gone_is_neither_changed_nor_recorded() -> None:
    gone = a_product(deleted_at=NOON)
    acts, audit = catalogue(FakeProducts(gone))
    await acts.delete(gone.id, ROOT)
    for product_id in (gone.id, new_request_id()):
        with pytest.raises(NotFound):
            await acts.change(product_id, {"stock": 1}, ROOT)
    with pytest.raises(NotFound):
        await acts.delete(new_request_id(), ROOT)
    assert audit.entries == []


def test_no_two_states_have_one_tag() -> None:
    mug = a_product(version=1, stock=11)
    states = [mug, *(mug.model_copy(update=other) for other in ({"version": 11, "stock": 1}, {"stock": 1}))]
    assert len({tag_of(state) for state in states}) == 3


async def test_an_image_gives_a_product_another_tag() -> None:
    mug = a_product()
    products = FakeProducts(mug)
    await products.add_image(mug.id, an_image(), NOON)
    assert tag_of(products.stored[mug.id]) != tag_of(mug)
