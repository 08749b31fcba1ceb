"""Orders as their buyers see them, and as the shop does, which is told who moved one."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from api.product_views import Id, MoneyView, money_view
from domain.commerce.moving import GATEWAY
from domain.commerce.orders import Line, Order, Status, Step
from domain.commerce.ports import Short
from domain.edge.problems import Problem

# Not the enumeration itself: in the OpenAPI document its name would be that of the jobs'.
StatusName = Annotated[str, Meta(extra_json_schema={"enum": [status.value for status in Status]})]
SHOP = "shop"  # what a buyer is told of an admin


class LineView(msgspec.Struct, frozen=True):
    """Name and price are as they were when it was ordered."""

    product_id: Id
    name: str
    price: Annotated[MoneyView, Meta(description="Of one piece.")]
    quantity: int


class StepView(msgspec.Struct, frozen=True):
    """One move."""

    at: datetime
    status: StatusName
    by: Annotated[str, Meta(description="A client, `gateway`, or to others than admins `shop`.")]
    why: str | None


class OrderView(msgspec.Struct, frozen=True):
    """An order as it stands."""

    id: Id
    client: Annotated[str, Meta(description="Whose it is.")]
    status: StatusName
    items: list[LineView]
    total: MoneyView
    expires_at: Annotated[datetime | None, Meta(description="Unpaid by then it is cancelled; null: it no longer is.")]
    created_at: datetime
    updated_at: Annotated[datetime, Meta(description="When it last moved.")]
    history: Annotated[list[StepView], Meta(description="All its moves, the first one being its placing.")]


class OrderList(msgspec.Struct, frozen=True):
    """Newest first."""

    items: list[OrderView]
    next_cursor: str | None


class ShortView(msgspec.Struct, frozen=True):
    """A line that there is not enough of; `stock` 0: sold out, or no longer sold."""

    product_id: Id
    wanted: int
    stock: int


class ShortProblem(Problem, frozen=True):
    """Of what there is not enough. Nothing was taken of anything."""

    short: list[ShortView]


def order_view(order: Order, *, to_admin: bool) -> OrderView:
    return OrderView(
        id=str(order.id),
        client=order.client,
        status=order.status,
        items=[_line_view(line) for line in order.lines],
        total=money_view(order.total),
        expires_at=order.expires_at,
        created_at=order.created_at,
        updated_at=order.updated_at,
        history=[_step_view(step, order, to_admin=to_admin) for step in order.history],
    )


def short_problem(told: Problem, short: list[Short]) -> ShortProblem:
    views = [ShortView(str(line.product_id), line.wanted, line.stock) for line in short]
    return ShortProblem(**msgspec.structs.asdict(told), short=views)


def _line_view(line: Line) -> LineView:
    return LineView(str(line.product_id), line.name, money_view(line.price), line.quantity)


def _step_view(step: Step, order: Order, *, to_admin: bool) -> StepView:
    """A buyer is not told which of the shop's people it was."""
    by = step.by if to_admin or step.by in (order.client, GATEWAY) else SHOP
    return StepView(step.at, step.status, by, step.why)
