"""What every `Products` promises, the fake and the real one alike; and what only the real one can get wrong."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from domain.commerce.ports import ProductFilter, Products
from domain.commerce.products import MOST_IMAGES, Product
from domain.errors import Unavailable
from domain.infra.commerce.products import MongoProducts
from domain.infra.mongo import Database
from domain.money import Money
from domain.request_ids import new_request_id
from tests.fakes_commerce import a_product, an_image
from tests.strategies import NOON

LATER = NOON + timedelta(minutes=1)


def changed(product: Product, **fields: Any) -> Product:
    return product.model_copy(update={"version": product.version + 1, **fields})


async def deleted(products: Products, **fields: Any) -> Product:
    product = await products.add(a_product(**fields))
    assert await products.delete(product.id, LATER)
    return product


async def names(products: Products, **which: Any) -> list[str]:
    return [product.name for product in await products.list(ProductFilter(**which))]


async def test_a_product_is_found_as_it_was_added(products: Products) -> None:
    mug = a_product(
        description="Holds a third.\nDishwasher-proof.",
        category="kitchen",
        images=[an_image()],
        made_by="user:root",
        idempotency_key="k",
        fingerprint="f",
    )
    assert await products.add(mug) == mug
    assert await products.find(mug.id) == mug


async def test_none_is_found_under_another_id(products: Products) -> None:
    await products.add(a_product())
    assert await products.find(new_request_id()) is None


async def test_the_same_product_may_be_added_again_after_an_answer_that_was_lost(products: Products) -> None:
    mug = a_product()
    for _ in range(2):
        assert await products.add(mug) == mug
    assert await products.list(ProductFilter()) == [mug]


async def test_of_one_maker_and_key_the_first_product_stays(products: Products) -> None:
    first = await products.add(a_product(made_by="user:root", idempotency_key="k"))
    assert await products.add(a_product(name="Other", made_by="user:root", idempotency_key="k")) == first
    assert await products.find_made("user:root", "k") == first
    assert await products.list(ProductFilter()) == [first]


async def test_another_makers_key_and_no_key_at_all_clash_with_nothing(products: Products) -> None:
    made = [
        await products.add(a_product(made_by=maker, idempotency_key=key))
        for maker, key in (("user:root", "k"), ("user:eve", "k"), ("user:root", "l"), ("user:root", None), (None, None))
    ]
    assert len({product.id for product in made}) == 5
    assert await products.find_made("user:eve", "k") == made[1]
    assert await products.find_made("user:eve", "l") is None


async def test_the_key_of_a_deleted_product_is_still_taken(products: Products) -> None:
    gone = await deleted(products, made_by="user:root", idempotency_key="k")
    made = await products.add(a_product(made_by="user:root", idempotency_key="k"))
    assert (made.id, made.deleted_at) == (gone.id, LATER)


async def test_those_of_given_ids_are_found_together(products: Products) -> None:
    mug, cup, gone = await products.add(a_product()), await products.add(a_product()), await deleted(products)
    found = await products.find_many([cup.id, gone.id, new_request_id(), mug.id])
    assert found == {mug.id: mug, cup.id: cup}


async def test_a_deleted_product_is_nowhere(products: Products) -> None:
    gone = await deleted(products, category="kitchen")
    assert await products.find(gone.id) is None
    assert await products.find_many([gone.id]) == {}
    assert [await names(products, **which) for which in ({}, {"words": "mug"}, {"category": "kitchen"})] == [[], [], []]
    assert await products.change(gone, changed(gone, name="Back")) is False


async def test_deleting_twice_is_as_once_and_what_never_was_is_told(products: Products) -> None:
    mug = await products.add(a_product())
    assert [await products.delete(mug.id, LATER), await products.delete(mug.id, NOON)] == [True, True]
    assert await products.delete(new_request_id(), LATER) is False


async def test_a_list_is_newest_first_and_goes_on_from_its_last(products: Products) -> None:
    a, b, c, d = [await products.add(a_product(name=name)) for name in "abcd"]
    assert await products.list(ProductFilter(limit=2)) == [d, c]
    await products.add(a_product(name="e"))
    assert await products.list(ProductFilter(limit=3, before=c.id)) == [b, a]


async def test_a_category_is_compared_as_it_stands(products: Products) -> None:
    for category in ("kitchen", "Kitchen", "kitchen.x", None):
        await products.add(a_product(name=str(category), category=category))
    assert await names(products, category="kitchen") == ["kitchen"]
    assert await names(products, category=".*") == []


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("mug", ["Blue mug", "Red mug"]),
        ("red", ["Chair", "Red mug"]),
        ("red mug", ["Red mug"]),
        ("mug red", ["Red mug"]),
        ("MUG Blue", ["Blue mug"]),
        ("kitchen", ["Blue mug"]),
        ("mu", []),
        ("mugs", []),
        ("mug re", []),
        ("best in red", ["Chair"]),
        ("the", ["Chair"]),
        ("cafe", ["Café"]),
        ("CAFÉ", ["Café"]),
        ("mug teapot", []),
        ("t-shirt", ["T-shirt"]),
        ("shirt", ["T-shirt"]),
        ("हिन्दी", ["हिन्दी किताब"]),
    ],
)
async def test_all_words_must_be_there_wherever_and_however_they_stand(
    products: Products, words: str, found: list[str]
) -> None:
    for fields in (
        {"name": "Red mug"},
        {"name": "Blue mug", "category": "Kitchen"},
        {"name": "Chair", "description": "The best.\nIn red."},
        {"name": "Café"},
        {"name": "T-shirt"},
        {"name": "हिन्दी किताब"},
    ):
        await products.add(a_product(**fields))
    assert sorted(await names(products, words=words)) == found


@pytest.mark.parametrize(
    "words",
    ["-mug", "red -mug", '"red', 'red"', '"', '""', '\\"red', ".*", "r.d", "^red$", "(red|x", "[a-z]+", "red*",
     "$where", "{$ne:1}", "red mug -", "- -", "--red", "red\\", "\\", "%", "red\x00", "'red'", "red:mug", "mug|red",
     "red&mug"],
    ids=range(26),
)  # fmt: skip
async def test_nothing_in_a_search_is_an_operator(real_products: Products, words: str) -> None:
    """Whatever it finds has the words in it; and nothing makes MongoDB stumble."""
    await real_products.add(a_product())
    await real_products.add(a_product(name="Chair"))
    assert await names(real_products, words=words) in ([], ["Red mug"])


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("-red mug", ["Red mug"]),
        ("red -mug", ["Red mug"]),
        ('mug" -red', ["Red mug"]),
        ('mug"red', ["Red mug"]),
        ("r.d", []),
        ("mug* re", []),
    ],
    ids=range(6),
)
async def test_a_sign_in_a_search_excludes_nothing_and_stands_for_nothing(
    products: Products, words: str, found: list[str]
) -> None:
    for name in ("Red mug", "Blue mug", "Red chair"):
        await products.add(a_product(name=name))
    assert await names(products, words=words) == found


async def test_a_product_that_changed_is_found_by_its_new_words_alone(products: Products) -> None:
    mug = await products.add(a_product())
    assert await products.change(mug, changed(mug, name="Blue cup", category="kitchen"))
    assert [await names(products, words=words) for words in ("mug", "kitchen cup")] == [[], ["Blue cup"]]


async def test_words_category_and_page_narrow_together(products: Products) -> None:
    old, _, new = [await products.add(a_product(category=category)) for category in ("kitchen", "garden", "kitchen")]
    which = ProductFilter(words="mug", category="kitchen")
    assert await products.list(which) == [new, old]
    assert await products.list(ProductFilter(words="mug", category="kitchen", before=new.id)) == [old]


async def test_a_change_is_of_what_was_read(products: Products) -> None:
    mug = await products.add(a_product(category="kitchen"))
    after = changed(mug, name="Mug", price=Money(amount=5, currency="JPY"), category=None, stock=3, updated_at=LATER)
    assert await products.change(mug, after) is True
    assert await products.change(mug, changed(mug, name="Cup")) is False
    assert await products.find(mug.id) == after


async def test_a_change_to_the_wrong_version_or_of_another_product_is_a_bug(products: Products) -> None:
    mug = await products.add(a_product())
    for after in (mug, changed(mug, version=2), changed(mug, id=new_request_id())):
        with pytest.raises(ValueError, match="next version"):
            await products.change(mug, after)


async def test_nothing_is_changed_that_is_not_there(products: Products) -> None:
    mug = a_product()
    assert await products.change(mug, changed(mug)) is False
    assert await products.find(mug.id) is None


async def test_an_image_is_added_once_and_seen_by_who_changes_the_product(products: Products) -> None:
    mug, image = await products.add(a_product()), an_image()
    for _ in range(2):
        assert await products.add_image(mug.id, image, LATER) is True
    assert await products.change(mug, changed(mug, name="Mug")) is False
    found = await products.find(mug.id)
    assert found == changed(mug, images=[image], updated_at=LATER)


async def test_no_image_is_added_beyond_the_most_or_to_what_is_gone(products: Products) -> None:
    mug = await products.add(a_product(images=[an_image() for _ in range(MOST_IMAGES)]))
    gone = await deleted(products)
    assert await products.add_image(mug.id, an_image(), LATER) is False
    assert await products.add_image(mug.id, mug.images[3], LATER) is True
    assert await products.add_image(gone.id, an_image(), LATER) is False
    assert await products.add_image(new_request_id(), an_image(), LATER) is False
    assert await products.find(mug.id) == mug


async def test_an_image_is_taken_off_once_and_makes_room_for_another(products: Products) -> None:
    images = [an_image() for _ in range(MOST_IMAGES)]
    mug = await products.add(a_product(images=images))
    assert [await products.remove_image(mug.id, images[3].id, LATER) for _ in range(2)] == [True, False]
    assert await products.change(mug, changed(mug, name="Mug")) is False
    assert await products.find(mug.id) == changed(mug, images=[*images[:3], *images[4:]], updated_at=LATER)
    assert await products.add_image(mug.id, an_image(), LATER) is True


async def test_no_image_is_taken_off_another_product_or_one_that_is_gone(products: Products) -> None:
    image = an_image()
    mug, cup = await products.add(a_product(images=[image])), await products.add(a_product())
    gone = await deleted(products, images=[image])
    for product_id, image_id in (
        (cup.id, image.id),
        (gone.id, image.id),
        (new_request_id(), image.id),
        (mug.id, cup.id),
    ):
        assert await products.remove_image(product_id, image_id, LATER) is False
    assert await products.find(mug.id) == mug


async def sell(database: Database, product: Product) -> None:
    """As an order does it: beside the version."""
    await database.products.update_one({"_id": product.id}, {"$inc": {"stock": -1}})


async def test_a_sale_is_not_undone_by_a_change_of_something_else(
    real_products: Products, commerce_database: Database
) -> None:
    mug = await real_products.add(a_product(stock=10))
    await sell(commerce_database, mug)
    assert await real_products.change(mug, changed(mug, name="Mug")) is True
    assert await real_products.find(mug.id) == changed(mug, name="Mug", stock=9)


async def test_stock_is_set_by_who_has_seen_what_there_is(real_products: Products, commerce_database: Database) -> None:
    mug = await real_products.add(a_product(stock=10))
    await sell(commerce_database, mug)
    assert await real_products.change(mug, changed(mug, stock=20)) is False
    assert await real_products.find(mug.id) == mug.model_copy(update={"stock": 9})


async def test_no_sale_is_lost_while_the_stock_is_set_by_hand(
    real_products: Products, commerce_database: Database
) -> None:
    """What was added by hand, by what the hand saw, less what was sold, is what is left."""
    mug = await real_products.add(a_product(stock=100))
    added: list[int] = []

    async def restock() -> None:
        for _ in range(10):
            seen = await real_products.find(mug.id)
            assert seen is not None
            if await real_products.change(seen, changed(seen, stock=100)):
                added.append(100 - seen.stock)

    async def buy() -> None:
        for _ in range(10):
            await sell(commerce_database, mug)

    await asyncio.gather(*(restock() for _ in range(3)), *(buy() for _ in range(5)))
    left = await real_products.find(mug.id)
    assert left is not None
    assert left.stock == 100 + sum(added) - 50


async def test_of_two_changes_at_once_one_is_made(real_products: Products) -> None:
    mug = await real_products.add(a_product())
    wishes = [changed(mug, name=f"Mug {number}") for number in range(5)]
    made = await asyncio.gather(*(real_products.change(mug, wish) for wish in wishes))
    assert sorted(made) == [False, False, False, False, True]
    assert await real_products.find(mug.id) == wishes[made.index(True)]


async def test_of_two_who_make_one_under_one_key_at_once_one_does(real_products: Products) -> None:
    rivals = [a_product(made_by="user:root", idempotency_key="k") for _ in range(5)]
    made = await asyncio.gather(*(real_products.add(rival) for rival in rivals))
    assert len({product.id for product in made}) == 1
    assert len(await real_products.list(ProductFilter())) == 1


async def test_what_a_newer_version_of_the_program_wrote_besides_stays(
    real_products: Products, commerce_database: Database
) -> None:
    mug = await real_products.add(a_product())
    await commerce_database.products.update_one({"_id": mug.id}, {"$set": {"later": 1, "language": "klingon"}})
    assert await real_products.change(mug, changed(mug, name="Mug"))
    stored = await commerce_database.products.find_one({"_id": mug.id})
    assert stored is not None
    assert (stored["later"], None in stored.values()) == (1, False)
    assert await real_products.find(mug.id) == changed(mug, name="Mug")


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ({"words": {"$all": ["mug", "red"]}}, "by_words"),
        ({"category": {"$eq": "kitchen"}, "deleted_at": {"$exists": False}}, "by_category"),
        ({"made_by": {"$eq": "a"}, "idempotency_key": {"$eq": "k"}}, "once_per_key"),
    ],
    ids=["words", "category", "key"],
)
async def test_a_product_is_looked_up_by_an_index(
    commerce_database: Database, wanted: dict[str, object], index: str
) -> None:
    found = commerce_database.products.find(wanted)
    assert index in str((await found.explain())["queryPlanner"]["winningPlan"])


async def test_a_search_that_takes_too_long_is_given_up_and_a_list_is_not(commerce_database: Database) -> None:
    products = MongoProducts(commerce_database, search_seconds=1e-6)
    mug = await products.add(a_product())
    with pytest.raises(Unavailable):
        await products.list(ProductFilter(words="mug"))
    assert await products.list(ProductFilter()) == [mug]


async def test_a_store_that_is_away_is_unavailable(nowhere: Database) -> None:
    products, mug = MongoProducts(nowhere), a_product()
    refusals = await asyncio.gather(
        products.add(mug),
        products.find(mug.id),
        products.find_made("user:root", "k"),
        products.find_many([mug.id]),
        products.list(ProductFilter()),
        products.change(mug, changed(mug)),
        products.delete(mug.id, LATER),
        products.add_image(mug.id, an_image(), LATER),
        products.remove_image(mug.id, mug.id, LATER),
        return_exceptions=True,
    )
    assert [type(refusal) for refusal in refusals] == [Unavailable] * 9
