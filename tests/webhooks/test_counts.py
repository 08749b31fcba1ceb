"""Every case of a webhook is counted once, by its vendor; of vendors that nobody named there is no figure."""

from httpx import AsyncClient

from domain.metrics import WEBHOOKS
from domain.webhooks import NotPromised
from tests.fakes import FakeWebhookReader
from tests.webhooks.conftest import GOOD, PATH
from webhooks.ports import WebhookPorts


async def test_each_case_is_counted_once(client: AsyncClient, ports: WebhookPorts, reader: FakeWebhookReader) -> None:
    for body in (b"ref-1", b"ref-1", b"other"):
        await client.post(PATH, content=body, headers=GOOD)
    reader.says = NotPromised("odd")
    await client.post(PATH, content=b"odd", headers={"signed": "evt_2"})
    for _ in range(4):
        await client.post(PATH, content=b"forged")
    await client.post("/webhooks/nobody", content=b"x", headers=GOOD)
    told = {single.labels: single.value for single in ports.counts.snapshot().singles if single.name == WEBHOOKS.name}
    cases = {"new": 1, "duplicate": 1, "conflicting": 1, "quarantined": 1, "refused": 3, "refused_too_often": 1}
    assert told == {("acme", case): number for case, number in cases.items()}
