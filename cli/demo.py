"""`gateway demo …`: stories that a running gateway is walked through, each request and its answer told."""

import click
import httpx

from cli.api_client import GatewayApi
from cli.api_options import Wiring, with_api
from cli.demo_shop import walk_through
from cli.demo_walk import Walk


@click.group()
def demo() -> None:
    """
    Walk a running gateway through a story, and tell each request with what matters of its answer.

    Exit codes: 0 all went well, 1 a step did not, 2 wrong usage, 69 the gateway cannot be reached.
    """


@demo.command()
@with_api
@click.pass_obj
def shop(wiring: Wiring | None, api: GatewayApi) -> None:
    """
    Sell something: a product, its picture, a buyer, orders paid, shipped and cancelled, mails, and the stock.

    For a gateway in development that keeps its mails on this machine and has the simulated Stripe, as `gateway up`
    starts it, and with an admin's key: GATEWAY_API_KEY.
    """
    wired = wiring or Wiring()
    with httpx.Client(transport=wired.transport, trust_env=False) as browser:  # the simulated Stripe is near
        walk_through(Walk(api, browser, wired.pause))
