"""An image on its whole way over HTTP: uploaded by an admin, compressed apart, shown by its product, and served."""

from io import BytesIO

import httpx
import pytest
from PIL import Image

from tests.pictures import noise
from tests.system.running import Gateway
from tests.system.test_openapi_holds import key_of

pytestmark = pytest.mark.system


def product_of(client: httpx.Client) -> str:
    made = client.post("/products", json={"name": "Red mug", "price": {"amount": 1999, "currency": "USD"}})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def ended_job(client: httpx.Client, accepted: httpx.Response) -> dict[str, object]:
    assert accepted.status_code == 202, accepted.text
    answer = client.get(accepted.headers["location"], headers={"Prefer": "wait=25"}, timeout=40)
    job: dict[str, object] = answer.json()
    return job


def test_an_image_lands_on_its_product_and_is_served(gateway: Gateway) -> None:
    with httpx.Client(base_url=gateway.url, headers={"Authorization": f"Bearer {key_of(gateway)}"}) as admin:
        product = product_of(admin)
        job = ended_job(admin, admin.post(f"/products/{product}/images", files={"image": noise(2000, 1000, "JPEG")}))
        assert job["status"] == "complete", job
        [image] = admin.get(f"/products/{product}").json()["images"]
    for path, size in ((image["large"], (1600, 800)), (image["small"], (400, 200))):
        served = httpx.get(gateway.url + path)
        assert (served.status_code, served.headers["content-type"]) == (200, "image/webp")
        assert "immutable" in served.headers["cache-control"]
        assert Image.open(BytesIO(served.content)).size == size


def test_an_image_that_was_cut_fails_and_says_so(gateway: Gateway) -> None:
    with httpx.Client(base_url=gateway.url, headers={"Authorization": f"Bearer {key_of(gateway)}"}) as admin:
        product = product_of(admin)
        cut = noise(200, 200, "JPEG")[:-2000]
        job = ended_job(admin, admin.post(f"/products/{product}/images", files={"image": cut}))
        assert (job["status"], job["error_detail"]["code"]) == ("failed", "image_truncated")  # type: ignore[index]
        assert admin.get(f"/products/{product}").json()["images"] == []
