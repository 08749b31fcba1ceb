"""No float comes near money: in what counts it, one stands for seconds alone, and nothing is divided or rounded."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COUNTING = (
    *("domain/money.py", "domain/commerce/*.py", "domain/payments/*.py"),
    *("domain/infra/commerce/*.py", "domain/infra/payments/*.py"),
    *("vendors/payments/*.py", "vendors/stripe/*.py", "loadtest/stripe/*.py"),
    *("api/pay*.py", "api/refunds.py", "api/transactions.py", "api/checkouts.py", "api/order*.py", "api/product*.py"),
)
MODULES = sorted({str(path.relative_to(ROOT)) for pattern in COUNTING for path in ROOT.glob(pattern)})
INEXACT = frozenset({"float", "complex", "round", "Decimal", "Fraction"})


def inexact(source: str) -> Iterator[str]:
    """What a float is in this program, or might come of: each place with its line."""
    tree = ast.parse(source)
    fine = {id(inner) for node in (*_of_seconds(tree), *_guards(tree)) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) not in fine and _is_inexact(node):
            yield f"line {getattr(node, 'lineno', 0)}: {ast.unparse(node)}"


def _is_inexact(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=float() | complex()):
            return True
        case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
            return True
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in INEXACT or name == "truediv"
        case _:
            return False


def _of_seconds(tree: ast.AST) -> Iterator[ast.AST]:
    """Times are counted in floats too, under names that say so."""
    for node in ast.walk(tree):
        match node:
            case ast.keyword(arg=str(name), value=value):
                yield from [value] if _is_seconds(name) else []
            case ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name)], value=value):
                yield from [value] if _is_seconds(name) else []
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.arg(arg=name):
                yield from [node] if _is_seconds(name) else []
            case ast.arguments():
                yield from _defaults_of_seconds(node)


def _defaults_of_seconds(arguments: ast.arguments) -> Iterator[ast.AST]:
    placed = [*arguments.posonlyargs, *arguments.args]
    with_default = placed[len(placed) - len(arguments.defaults) :]
    for argument, default in zip(
        [*with_default, *arguments.kwonlyargs], [*arguments.defaults, *arguments.kw_defaults], strict=True
    ):
        if default is not None and _is_seconds(argument.arg):
            yield default


def _guards(tree: ast.AST) -> Iterator[ast.AST]:
    """Where one is only looked for, to be refused."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="isinstance"), args=[_, kinds]):
                yield kinds
            case ast.MatchClass(cls=kind):
                yield kind


def _is_seconds(name: str) -> bool:
    return name.lower().endswith("seconds")


@pytest.mark.parametrize("module", MODULES)
def test_no_float_is_near_money(module: str) -> None:
    assert list(inexact((ROOT / module).read_text())) == []


def test_the_modules_that_count_money_are_all_looked_at() -> None:
    packages = {module.rpartition("/")[0] for module in MODULES}
    assert packages >= {"domain/payments", "domain/infra/payments", "vendors/stripe", "loadtest/stripe", "api"}
    assert {"domain/money.py", "domain/commerce/orders.py", "api/payments.py", "api/refunds.py"} <= set(MODULES)


@pytest.mark.parametrize(
    "source",
    [
        "amount = 19.99",
        "self.amount = 19.99",
        "amount = 1e3",
        "amount = cents / 100",
        "amount /= 100",
        "amount = float(text)",
        "amount = round(amount)",
        "def pay(amount: float) -> None: ...",
        "def pay(seconds: int, amount=0.5): ...",
        "def pay(*, seconds=0.5, amount=0.5): ...",
        "def paid() -> float: ...",
        "pay(amount=0.5)",
        "amount: int | float = 1",
        "amount = decimal.Decimal(text)",
        "total = operator.truediv(total, 2)",
        "list(map(float, amounts))",
    ],
)
def test_a_float_is_found_wherever_it_stands(source: str) -> None:
    assert list(inexact(source))


@pytest.mark.parametrize(
    "source",
    [
        "amount = 1999 // 100",
        "whole, part = divmod(1999, 100)",
        "PATIENCE_SECONDS = 0.5",
        "self.asked_seconds = 0.5",
        "def wait(seconds: float = 0.5, *, patience_seconds: float = 8.0) -> None: ...",
        "wait(seconds=0.5)",
        "isinstance(amount, float)",
        "match amount:\n    case float():\n        raise TypeError",
    ],
)
def test_times_and_guards_are_left_alone(source: str) -> None:
    assert list(inexact(source)) == []
