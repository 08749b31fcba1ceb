"""`DELETE /products/{id}/images/{id}`: admins take an image off its product, and an upload brings it back."""

from datetime import UTC, datetime

import pytest
from httpx import AsyncClient, Response

from domain.accounts.audit import Act
from domain.commerce.images import VENDOR, original_name
from domain.commerce.products import MOST_IMAGES, Product
from domain.jobs import Job, Status
from domain.request_ids import new_request_id
from domain.tombstones import bury
from tests.api.people import People
from tests.api.samples import ended, failed
from tests.fakes_commerce import a_product, an_image
from tests.pictures import an_image as a_file


@pytest.fixture
def mug(people: People) -> Product:
    product = a_product(images=[an_image(), an_image()])
    people.products.stored[product.id] = product
    return product


def path_of(product: Product, place: int = 0) -> str:
    return f"/products/{product.id}/images/{product.images[place].id}"


async def upload(root: AsyncClient, product: Product) -> Response:
    return await root.post(f"/products/{product.id}/images", files={"image": ("x.png", a_file(), "image/png")})


def image_jobs(people: People) -> list[Job]:
    return [job for job in people.jobs.stored.values() if job.vendor == VENDOR]


async def made(people: People, product: Product) -> Job:
    """The only job, run to its end: its image is on the product, and the upload is gone."""
    [job] = image_jobs(people)
    await people.products.add_image(product.id, an_image(id=job.id), people.now)
    await people.jobs.put(ended(job))
    people.files.stored.clear()
    return job


async def test_an_image_comes_off_and_that_is_on_record(people: People, root: AsyncClient, mug: Product) -> None:
    tag = (await root.get(f"/products/{mug.id}")).headers["etag"]
    answer = await root.delete(path_of(mug))
    assert (answer.status_code, answer.content) == (204, b"")
    shown = await root.get(f"/products/{mug.id}")
    assert [image["id"] for image in shown.json()["images"]] == [str(mug.images[1].id)]
    assert shown.headers["etag"] != tag
    (entry,) = people.audit.entries
    assert (entry.act, entry.subject) == (Act.IMAGE_REMOVED, f"product:{mug.id}")
    assert entry.detail == {"image": str(mug.images[0].id)}


async def test_its_files_stay_since_another_image_may_have_the_same_ones(
    people: People, root: AsyncClient, mug: Product
) -> None:
    people.files.stored["ab.webp"] = b"a picture"
    await root.delete(path_of(mug))
    assert people.files.stored == {"ab.webp": b"a picture"}


async def test_what_is_no_image_of_the_product_is_not_found(people: People, root: AsyncClient, mug: Product) -> None:
    other, gone = a_product(images=[an_image()]), a_product(images=[an_image()], deleted_at=people.now)
    people.products.stored |= {other.id: other, gone.id: gone}
    images = f"/products/{mug.id}/images"
    strangers = (f"{images}/{other.images[0].id}", f"{images}/{new_request_id()}", f"{images}/x", path_of(gone))
    for path in (*strangers, f"/products/x/images/{mug.images[0].id}"):
        assert (await root.delete(path)).status_code == 404
    assert (people.products.stored[mug.id], people.audit.entries) == (mug, [])


async def test_done_twice_it_is_not_found(people: People, root: AsyncClient, mug: Product) -> None:
    answers = [await root.delete(path_of(mug)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [204, 404]
    assert people.audit.acts == [Act.IMAGE_REMOVED]


@pytest.mark.parametrize("token", ["alice", "alice-key", "service"])
async def test_only_admins_take_images_off(people: People, mug: Product, token: str) -> None:
    async with people.client(token) as client:
        assert (await client.delete(path_of(mug))).status_code == 403
    assert people.products.stored[mug.id] == mug


async def test_it_takes_neither_a_query_nor_a_body(people: People, root: AsyncClient, mug: Product) -> None:
    answers = [await root.delete(path_of(mug) + "?force=1"), await root.request("DELETE", path_of(mug), json={"a": 1})]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert people.products.stored[mug.id] == mug


async def test_nothing_comes_off_while_the_record_is_away(people: People, root: AsyncClient, mug: Product) -> None:
    people.audit.down = True
    assert (await root.delete(path_of(mug))).status_code == 503
    assert people.products.stored[mug.id] == mug


async def test_a_full_product_takes_another_image_after_one_came_off(people: People, root: AsyncClient) -> None:
    full = a_product(images=[an_image() for _ in range(MOST_IMAGES)])
    people.products.stored[full.id] = full
    refused = await upload(root, full)
    assert (refused.status_code, "take one off" in refused.json()["detail"]) == (409, True)
    await root.delete(path_of(full))
    assert (await upload(root, full)).status_code == 202


async def test_the_same_bytes_bring_an_image_back_that_was_taken_off(people: People, root: AsyncClient) -> None:
    mug = a_product()
    people.products.stored[mug.id] = mug
    await upload(root, mug)
    first = await made(people, mug)
    assert (await root.delete(f"/products/{mug.id}/images/{first.id}")).status_code == 204
    answers = [await upload(root, mug) for _ in range(2)]
    assert [answer.headers.get("idempotency-replayed") for answer in answers] == [None, "true"]
    assert answers[0].json() == answers[1].json()
    [second] = [job for job in image_jobs(people) if job.id != first.id]
    assert (answers[0].json()["request_id"], second.status) == (str(second.id), Status.PENDING)
    assert second.payload == first.payload
    assert len(people.files.stored) == 1


@pytest.mark.parametrize("end", ["deleted", "redacted"])
async def test_the_same_bytes_are_another_job_where_the_first_cannot_run_again(
    people: People, root: AsyncClient, mug: Product, end: str
) -> None:
    await upload(root, mug)
    [first] = image_jobs(people)
    now = datetime.now(UTC)
    lost = failed(first)
    await people.jobs.put(bury(lost, now) if end == "deleted" else lost.model_copy(update={"redacted_at": now}))
    answer = await upload(root, mug)
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    assert answer.json()["request_id"] != str(first.id)


async def test_a_deleted_job_whose_image_is_there_makes_no_second_one(
    people: People, root: AsyncClient, mug: Product
) -> None:
    await upload(root, mug)
    first = await made(people, mug)
    await people.jobs.put(bury(await people.jobs.find(first.id, None) or first, datetime.now(UTC)))
    answer = await upload(root, mug)
    assert answer.headers["idempotency-replayed"] == "true"
    assert (len(image_jobs(people)), people.files.stored) == (1, {})


async def test_a_product_that_goes_while_its_image_comes_again_is_not_found(people: People, root: AsyncClient) -> None:
    mug = a_product()
    people.products.stored[mug.id] = mug
    await upload(root, mug)
    await made(people, mug)
    stored = people.files.put

    async def put(name: str, content: bytes) -> None:
        await stored(name, content)
        await people.products.delete(mug.id, people.now)

    people.files.put = put  # type: ignore[method-assign]
    assert (await upload(root, mug)).status_code == 404
    assert [job.status for job in image_jobs(people)] == [Status.COMPLETE]
    assert all(name.endswith(original_name("")) for name in people.files.stored)
