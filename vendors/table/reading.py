"""
From the files to checked tables: read, merge, interpolate, validate. Every fault is `file:line: what, and the remedy`.

Of several files the later wins, a vendor or a service at a time; what lost is not looked at further, so a
`${NAME}` that only an overridden table needs may be missing.
"""

import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, get_args

from pydantic import BaseModel, ValidationError

from domain.errors import ConfigurationError
from vendors.table.lines import Lines
from vendors.table.settings import VendorTable

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_PLACEHOLDER = re.compile(r"\$\{(?P<name>[^}]*)\}?")
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KINDS = {"vendors": "vendor", "services": "service"}

Table = TypeVar("Table", bound=BaseModel)


@dataclass(frozen=True)
class _File:
    path: Path
    lines: Lines

    def fault(self, where: tuple[str, ...], what: str) -> ConfigurationError:
        return ConfigurationError(f"{self.path}:{self.lines.of(where)}: {what}")


@dataclass(frozen=True)
class Found:
    """One table as some file has it, not yet interpolated. `kind` is that of tables it stands among."""

    kind: str
    name: str
    values: object
    file: _File

    def fault(self, where: tuple[str, ...], what: str) -> ConfigurationError:
        return self.file.fault((self.kind, self.name, *where), what)


def read_tables(
    files: Sequence[Path], environment: Mapping[str, str], *, taken: Collection[str] = ()
) -> dict[str, VendorTable]:
    """Every vendor of the tables by name; none may be `taken`. Raises `ConfigurationError` for the first fault."""
    found = find_tables(files, "vendors")
    for one in found.values():
        if one.name in taken:
            raise one.fault((), f"`{one.name}` is the name of a vendor in code: take another name")
    return {name: validated(one, environment, VendorTable) for name, one in found.items()}


def find_tables(files: Sequence[Path], kind: str) -> dict[str, Found]:
    """Those of one kind by name; a file that is wrong in any other part is refused too."""
    return {one.name: one for path in files for one in _read_file(path) if one.kind == kind}


def _read_file(path: Path) -> list[Found]:
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors begin a file with a mark
    except FileNotFoundError:
        raise ConfigurationError(f"{path}:1: there is no such file: make it, or mend GATEWAY_VENDORS_FILE") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}:1: cannot be read ({type(error).__name__}): make it a UTF-8 file") from None
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r" \(at line (\d+)", str(error))
        line = place[1] if place else len(text.splitlines())
        what = str(error).split(" (at ")[0]
        raise ConfigurationError(f"{path}:{line}: not TOML, {what}: mend the line") from None
    except ValueError:  # of Python's own, behind tomllib's back: it reads no number of over 4,300 digits
        raise ConfigurationError(f"{path}:1: holds a number that is too long to be read: shorten it") from None
    except RecursionError:
        raise ConfigurationError(f"{path}:1: nested too deeply to be read: take it apart") from None
    file = _File(path, Lines(text))
    for key in document.keys() - _KINDS.keys():
        raise file.fault((key,), f"unknown key `{key}`: a vendor is a table [vendors.NAME], a service [services.NAME]")
    return [one for kind in _KINDS for one in _tables_of(kind, document.get(kind, {}), file)]


def _tables_of(kind: str, tables: object, file: _File) -> list[Found]:
    if not isinstance(tables, dict):
        raise file.fault((kind,), f"`{kind}` is not a table: write [{kind}.NAME]")
    for name, values in tables.items():
        if not isinstance(values, dict):
            raise file.fault((kind, name), f"`{name}` is not a table: write [{kind}.NAME] above its keys")
        if not _NAME.fullmatch(name):
            rule = "take at most 64 of a-z, 0-9, _ and -, a letter first"
            raise file.fault((kind, name), f"{name!r} cannot be a {_KINDS[kind]}'s name: {rule}")
    return [Found(kind, name, values, file) for name, values in tables.items()]


def validated(found: Found, environment: Mapping[str, str], model: type[Table]) -> Table:
    """Raises `ConfigurationError` for the first fault."""
    try:
        return model.model_validate(_interpolated(found.values, (), found, environment))
    except RecursionError:
        raise found.fault((), f"`{found.name}` is nested too deeply to be read: take it apart") from None
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
    where = tuple(map(str, (*fault["loc"], *fault.get("ctx", {}).get("where", ()))))
    raise found.fault(where, _complaint(fault["type"], where, fault["msg"], model))


def _complaint(kind: str, where: tuple[str, ...], message: str, model: type[BaseModel]) -> str:
    key = ".".join(where)
    match kind:
        case "missing":
            return f"`{key}` is missing: add it"
        case "extra_forbidden":
            return f"unknown key `{key}`: mend its spelling or remove it; {_known_keys(where, model)}"
        case "value_error" | "conflict":
            return message.removeprefix("Value error, ")
        case "tuple_type":
            return f"`{key}` is no list: write it in [ ]"
        case "model_type" | "dict_type":
            return f"`{key}` is no table: write it in {{ }}"
        case _:
            return f"`{key}` is wrong: {message.replace('Input should', 'it should', 1)}; change it"


def _known_keys(where: tuple[str, ...], model: type[BaseModel]) -> str:
    for part in where[:-1]:
        model = _table_of(model.model_fields[part].annotation)
    return f"known are {', '.join(model.model_fields)}"


def _table_of(annotation: object) -> type[BaseModel]:
    """The model of a key that holds a table, `None` beside it or not."""
    choices = (annotation, *get_args(annotation))
    return next(choice for choice in choices if isinstance(choice, type) and issubclass(choice, BaseModel))


def _interpolated(value: object, where: tuple[str, ...], found: Found, environment: Mapping[str, str]) -> object:
    """`value` with every `${NAME}` in its strings read from the environment; `${job.…}` is left alone."""
    if isinstance(value, dict):
        return {key: _interpolated(item, (*where, key), found, environment) for key, item in value.items()}
    if isinstance(value, list):
        return [_interpolated(item, where, found, environment) for item in value]
    if not isinstance(value, str):
        return value

    def read(placeholder: re.Match[str]) -> str:
        name = placeholder["name"]
        if name.startswith("job.") and placeholder[0].endswith("}"):
            return placeholder[0]
        if not _ENVIRONMENT_NAME.fullmatch(name) or not placeholder[0].endswith("}"):
            raise found.fault(
                where, f"{placeholder[0]!r} names nothing: write ${{NAME}}, a variable of the environment"
            )
        if name not in environment:
            raise found.fault(where, f"${{{name}}} is not in the environment: set {name}, or put it into .env")
        return environment[name]

    return _PLACEHOLDER.sub(read, value)
