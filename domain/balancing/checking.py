"""Active checks: each instance is asked every few seconds whether it is well; and the list of instances is kept up."""

import asyncio
from collections.abc import Awaitable, Callable

from domain.balancing.balancer import Balancer
from domain.balancing.instances import Instance
from domain.balancing.ports import Discovery, Pings

Sleep = Callable[[float], Awaitable[None]]


async def keep_following(balancer: Balancer, discovery: Discovery) -> None:
    """Until it is cancelled."""
    async for instances in discovery.watch():
        balancer.follow(instances)


async def keep_checking(
    balancer: Balancer, pings: Pings, every_seconds: float, *, sleep: Sleep = asyncio.sleep
) -> None:
    """Until it is cancelled. A check that takes long makes the next one late: nobody is asked twice at once."""
    while True:
        await check(balancer, pings)
        await sleep(every_seconds)


async def check(balancer: Balancer, pings: Pings) -> None:
    """Ask all of them once, at the same time."""

    async def ask(instance: Instance) -> None:
        balancer.health(instance.url, await pings.ping(instance))

    async with asyncio.TaskGroup() as asked:
        for look in balancer.looks():
            asked.create_task(ask(Instance(look.url, look.weight)))
