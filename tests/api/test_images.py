"""Images over HTTP: what is taken in, what is refused and why, and how pictures are served."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx import AsyncClient, Response

from api.forms import Turns
from domain.accounts.audit import Act
from domain.commerce.images import CLIENT, LARGEST_IMAGE, VENDOR, digest_of, original_name, picture_name
from domain.commerce.products import MOST_IMAGES
from domain.errors import Unavailable
from domain.jobs import Job, Status
from domain.request_ids import new_request_id
from tests.api.people import People
from tests.api.samples import ended, failed
from tests.fakes_commerce import a_product, an_image
from tests.pictures import NOT_TAKEN
from tests.pictures import an_image as a_file

BOUNDARY = "edge"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
PICTURE = b"RIFF----WEBP and so on"


def part(content: bytes, name: str = "image", file: str | None = "x.png", more: str = "") -> bytes:
    said = f'form-data; name="{name}"' + ("" if file is None else f'; filename="{file}"')
    return f"--{BOUNDARY}\r\nContent-Disposition: {said}\r\n{more}\r\n".encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


@pytest.fixture
def path(people: People) -> str:
    product = a_product()
    people.products.stored[product.id] = product
    return f"/products/{product.id}/images"


async def upload(root: AsyncClient, path: str, content: bytes, **file: Any) -> Response:
    told = (file.get("name", "x.png"), content, file.get("type", "image/png"))
    return await root.post(path, files={"image": told})


def image_jobs(people: People) -> list[Job]:
    return [job for job in people.jobs.stored.values() if job.vendor == VENDOR]


def pointers(answer: Response) -> list[str]:
    return [fault["pointer"] for fault in answer.json()["errors"]]


async def test_an_upload_is_kept_and_becomes_a_job_that_names_it_by_its_digest(
    people: People, root: AsyncClient, path: str
) -> None:
    answer = await upload(root, path, content := a_file())
    assert answer.status_code == 202
    [job] = image_jobs(people)
    assert answer.json() == {"request_id": str(job.id), "status": "pending", "links": {"self": f"/jobs/{job.id}"}}
    assert answer.headers["location"] == f"/jobs/{job.id}"
    assert int(answer.headers["retry-after"]) >= 1
    product_id = path.split("/")[2]
    [product] = people.products.stored.values()
    digest = digest_of(product.id, content)
    assert json.loads(job.payload) == {"kind": "media.compress", "product_id": product_id, "source": digest}
    assert (job.client, job.vendor, job.metadata) == (CLIENT, "media", {"product_id": product_id})
    assert people.files.stored == {original_name(digest): content}
    assert people.audit.acts == [Act.IMAGE_UPLOADED]
    assert people.audit.entries[0].subject == f"product:{product_id}"
    shown = await root.get(answer.headers["location"])
    assert (shown.status_code, shown.json()["vendorType"]) == (200, "media")


async def test_the_same_bytes_for_the_same_product_are_one_job(people: People, root: AsyncClient, path: str) -> None:
    answers = [await upload(root, path, a_file(), name=name) for name in ("a.png", "b.png")]
    assert answers[0].json() == answers[1].json()
    assert [answer.headers.get("idempotency-replayed") for answer in answers] == [None, "true"]
    assert len(image_jobs(people)) == 1


async def test_other_bytes_or_another_product_are_another_job(people: People, root: AsyncClient, path: str) -> None:
    other = a_product()
    people.products.stored[other.id] = other
    for where, content in ((path, a_file()), (path, a_file(41)), (f"/products/{other.id}/images", a_file())):
        assert (await upload(root, where, content)).status_code == 202
    assert len(image_jobs(people)) == len(people.files.stored) == 3


async def test_the_same_bytes_again_run_a_job_once_more_that_failed(
    people: People, root: AsyncClient, path: str
) -> None:
    first = await upload(root, path, a_file())
    [job] = image_jobs(people)
    await people.jobs.put(failed(job))
    again = await upload(root, path, a_file())
    assert again.json() == first.json()
    [job] = image_jobs(people)
    assert (job.status, job.generation) == (Status.PENDING, 2)


async def test_the_same_bytes_again_leave_nothing_behind_where_the_pictures_are_made(
    people: People, root: AsyncClient, path: str
) -> None:
    await upload(root, path, a_file())
    [job] = image_jobs(people)
    [product] = people.products.stored.values()
    await people.products.add_image(product.id, an_image(id=job.id), people.now)
    await people.jobs.put(ended(job))
    people.files.stored.clear()  # as the job left it
    again = await upload(root, path, a_file())
    assert again.json()["status"] == "complete"
    assert people.files.stored == {}


async def test_the_bytes_are_kept_before_their_job_is_stored(people: People, root: AsyncClient, path: str) -> None:
    people.jobs.down = True
    answer = await upload(root, path, a_file())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert len(people.files.stored) == 1
    people.jobs.down = False
    assert (await upload(root, path, a_file())).status_code == 202
    assert len(people.files.stored) == 1


async def test_there_is_no_job_of_bytes_that_could_not_be_kept(people: People, root: AsyncClient, path: str) -> None:
    people.files.down = True
    assert (await upload(root, path, a_file())).status_code == 503
    assert image_jobs(people) == []


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
async def test_each_kind_is_known_by_its_bytes_and_not_by_what_is_said_of_it(
    people: People, root: AsyncClient, path: str, kind: str
) -> None:
    answer = await upload(root, path, a_file(kind=kind), name="../../etc/passwd", type="text/html")
    assert answer.status_code == 202
    [name] = people.files.stored
    assert "passwd" not in name


@pytest.mark.parametrize("name", NOT_TAKEN)
async def test_whatever_else_is_refused_at_once_whatever_it_says_it_is(
    people: People, root: AsyncClient, path: str, name: str
) -> None:
    answer = await upload(root, path, NOT_TAKEN[name])
    assert (answer.status_code, pointers(answer)) == (415, ["/image"])
    assert "convert it" in answer.json()["detail"]
    assert people.files.stored == {}
    assert image_jobs(people) == []


async def test_ten_mebibytes_are_taken_and_not_a_byte_more(people: People, root: AsyncClient, path: str) -> None:
    """Image or not, a job finds out: the size alone is looked at here."""
    content = a_file(kind="JPEG").ljust(LARGEST_IMAGE, b"\0")
    assert (await upload(root, path, content)).status_code == 202
    people.files.stored.clear()
    answer = await upload(root, path, content + b"\0")
    assert (answer.status_code, pointers(answer)) == (413, ["/image"])
    assert "10 MiB" in answer.json()["detail"]
    assert people.files.stored == {}
    assert len(image_jobs(people)) == 1


async def test_a_body_that_goes_on_and_on_is_read_no_further_than_the_cap(root: AsyncClient, path: str) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield part(b"")[:-2]
        while True:
            sent += 1024 * 1024
            yield b"\0" * 1024 * 1024

    answer = await root.post(path, content=endless(), headers=FORM)
    assert (answer.status_code, pointers(answer)) == (413, ["/image"])
    assert sent <= 12 * 1024 * 1024


async def test_a_length_beyond_the_cap_is_refused_before_anything_is_read(root: AsyncClient, path: str) -> None:
    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("it is read")
        yield b""

    answer = await root.post(path, content=unread(), headers={**FORM, "Content-Length": "20000000"})
    assert (answer.status_code, pointers(answer)) == (413, ["/image"])


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        (form(part(b"x", name="photo")), 422, "/photo"),
        (form(part(a_file()), part(b"x", name="title", file=None)), 422, "/title"),
        (form(part(a_file()), part(a_file())), 422, "/image"),
        (form(part(a_file(), file=None)), 422, "/image"),
        (form(part(b"")), 422, "/image"),
        (form(part(b"x", name="")), 422, "/"),
        (form(part(b"x", name="a/b~c")), 422, "/a~1b~0c"),
        (form(), 422, "/image"),
    ],
    ids=["another name", "one more", "twice", "no file", "empty", "no name", "a name to escape", "nothing"],
)
async def test_a_form_is_one_file_called_image(
    people: People, root: AsyncClient, path: str, body: bytes, status: int, pointer: str
) -> None:
    answer = await root.post(path, content=body, headers=FORM)
    assert (answer.status_code, pointers(answer)) == (status, [pointer])
    assert people.files.stored == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no form",
        form(part(a_file()))[:-10],
        part(a_file()),
        b"--other--\r\n",
        form(b"--edge\r\nContent-Disposition: attachment; name=image\r\n\r\nx\r\n"),
        form(b"--edge\r\n\r\nx\r\n"),
        form(b"--edge\r\n" + b"a: b\r\n" * 100 + b"\r\nx\r\n"),
        form(b"--edge\r\na: " + b"b" * 100_000 + b"\r\n\r\nx\r\n"),
        form(part(b"x", more="Content-Length: 7\r\n")),
    ],
    ids=["empty", "text", "cut", "unended", "another edge", "attachment", "no head", "heads", "long head", "length"],
)
async def test_what_is_no_form_is_bad_syntax(people: People, root: AsyncClient, path: str, body: bytes) -> None:
    answer = await root.post(path, content=body, headers=FORM)
    assert answer.status_code == 400
    assert "multipart/form-data" in answer.json()["detail"]
    assert people.files.stored == {}


async def test_what_follows_the_form_is_passed_over(root: AsyncClient, path: str) -> None:
    body = b"before\r\n" + form(part(a_file())) + b"after"
    assert (await root.post(path, content=body, headers=FORM)).status_code == 202


@pytest.mark.parametrize(
    ("headers", "status", "pointer"),
    [
        ({"Content-Type": "application/json"}, 415, "/headers/Content-Type"),
        ({"Content-Type": "image/png"}, 415, "/headers/Content-Type"),
        ({"Content-Type": "multipart/mixed; boundary=edge"}, 415, "/headers/Content-Type"),
        ({}, 415, "/headers/Content-Type"),
        ({"Content-Type": "multipart/form-data"}, 400, "/headers/Content-Type"),
        ({"Content-Type": "multipart/form-data; boundary="}, 400, "/headers/Content-Type"),
        ({"Content-Type": f"multipart/form-data; boundary={'e' * 71}"}, 400, "/headers/Content-Type"),
        ({**FORM, "Content-Encoding": "gzip"}, 415, "/headers/Content-Encoding"),
    ],
    ids=["json", "bare", "mixed", "none", "no edge", "empty edge", "long edge", "compressed"],
)
async def test_headers_say_that_it_is_a_form(
    root: AsyncClient, path: str, headers: dict[str, str], status: int, pointer: str
) -> None:
    answer = await root.post(path, content=form(part(a_file())), headers=headers)
    assert (answer.status_code, pointers(answer)) == (status, [pointer])


async def test_a_product_that_is_not_there_takes_no_image(people: People, root: AsyncClient) -> None:
    for product in (str(new_request_id()), "x", "%2e%2e"):
        assert (await upload(root, f"/products/{product}/images", a_file())).status_code == 404
    assert people.files.stored == {}


async def test_a_product_that_has_images_enough_takes_no_more(people: People, root: AsyncClient) -> None:
    full = a_product(images=[an_image() for _ in range(MOST_IMAGES)])
    people.products.stored[full.id] = full
    answer = await upload(root, f"/products/{full.id}/images", a_file())
    assert (answer.status_code, answer.json()["code"]) == (409, "too-many-images")
    assert people.files.stored == {}


async def test_nobody_but_admins_may_upload(people: People, alice: AsyncClient, path: str) -> None:
    assert (await upload(alice, path, a_file())).status_code == 403
    assert people.files.stored == {}


async def test_who_finds_no_turn_in_time_comes_back_later() -> None:
    turns = Turns(1, patience_seconds=0.01)
    async with turns.take():
        with pytest.raises(Unavailable):
            async with turns.take():
                pass
    async with turns.take():
        pass


async def served(people: People, content: bytes = PICTURE) -> str:
    name = picture_name(content)
    await people.files.put(name, content)
    return name


async def test_a_picture_is_served_to_everybody_and_may_be_kept_for_ever(people: People) -> None:
    name = await served(people)
    async with people.client("nobody") as client:
        answer = await client.get(f"/media/{name}")
    assert (answer.status_code, answer.content) == (200, PICTURE)
    headers = answer.headers
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert headers["content-type"] == "image/webp"
    assert headers["content-length"] == str(len(PICTURE))
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["cross-origin-resource-policy"] == "cross-origin"
    assert headers["etag"] == f'"{name.removesuffix(".webp")}"'


@pytest.mark.parametrize("tag", ["{}", "W/{}", "*", '"other", {}'])
async def test_who_has_a_picture_is_not_sent_it_again(people: People, root: AsyncClient, tag: str) -> None:
    name = await served(people)
    etag = f'"{name.removesuffix(".webp")}"'
    answer = await root.get(f"/media/{name}", headers={"If-None-Match": tag.format(etag)})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    assert answer.headers["cache-control"].endswith("immutable")
    other = await root.get(f"/media/{name}", headers={"If-None-Match": '"other"'})
    assert other.status_code == 200


async def test_a_head_tells_of_a_picture_what_a_get_would(people: People, root: AsyncClient) -> None:
    name = await served(people)
    answer = await root.head(f"/media/{name}")
    assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(PICTURE)))


@pytest.mark.parametrize("ending", [".original", ".webp.draft", ".WEBP", "", ".webp/", ".webp%00", "%0a.webp"])
async def test_nothing_but_pictures_is_served(people: People, root: AsyncClient, ending: str) -> None:
    digest = "ab" * 32
    await people.files.put(f"{digest}.original", b"an upload")
    assert (await root.get(f"/media/{digest}{ending}")).status_code == 404


@pytest.mark.parametrize("name", ["x", "..%2f..%2fetc%2fpasswd", "%2e%2e", "../access", "AB" * 32 + ".webp", "ab.webp"])
async def test_a_name_leads_out_of_nowhere(root: AsyncClient, name: str) -> None:
    assert (await root.get(f"/media/{name}")).status_code == 404


async def test_a_picture_that_is_not_there_is_not_found_and_a_store_that_is_away_says_so(
    people: People, root: AsyncClient
) -> None:
    name = picture_name(b"another")
    assert (await root.get(f"/media/{name}")).status_code == 404
    people.files.down = True
    assert (await root.get(f"/media/{name}")).status_code == 503
