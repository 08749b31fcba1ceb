"""
`make mutants`: take away one guard at a time, in a copy of the tree, and see a named test turn red.

A test that stays green when what it is there for is gone protects nobody. Exits with 1 where a mutant survives, and
where one cannot be judged: its text no longer stands in its file exactly once, or its test is not green without it.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
TABLE = Path(__file__).with_name("mutants.toml")
LONGEST_TEST = "60"  # seconds, without its guard: it may wait for what never comes
FAILED = 1  # pytest's exit code where tests ran and failed


@dataclass(frozen=True)
class Mutant:
    guard: str
    file: str
    was: str
    becomes: str
    test: str

    @contextmanager
    def applied(self, tree: Path) -> Iterator[None]:
        """Raises `ValueError` where the guard is no longer to be found: the table must follow the code."""
        path = tree / self.file
        text = path.read_text()
        if text.count(self.was) != 1:
            raise ValueError(f"{self.file} holds it {text.count(self.was)} times: change tests/mutants/mutants.toml")
        path.write_text(text.replace(self.was, self.becomes))
        try:
            yield
        finally:
            path.write_text(text)


@dataclass(frozen=True)
class Run:
    code: int
    said: str

    @property
    def red(self) -> bool:
        """A test failed; an error before it could run says nothing of the guard."""
        return self.code == FAILED and bool(re.search(r"\d+ failed", self.said)) and " error" not in self.last

    @property
    def last(self) -> str:
        return (self.said.strip().splitlines() or [""])[-1]

    @classmethod
    def of(cls, tree: Path, tests: list[str], *options: str) -> Self:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb", "line", *options, *tests],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree)},  # before the checkout, which is installed
            capture_output=True,
            text=True,
            check=False,
        )
        return cls(done.returncode, done.stdout + done.stderr)


def all_mutants() -> list[Mutant]:
    return [Mutant(**row) for row in tomllib.loads(TABLE.read_text())["mutant"]]


def copy_to(tree: Path) -> None:
    """What git knows of the checkout, as it stands on the disk."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(words, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, tree / name)


def judge(mutant: Mutant, tree: Path) -> str:
    """`red` as it should be, or what is wrong."""
    try:
        with mutant.applied(tree):
            run = Run.of(tree, [mutant.test], "--timeout", LONGEST_TEST)
    except (OSError, ValueError) as fault:
        return f"CANNOT BE APPLIED: {fault}"
    if run.red:
        return "red"
    return "GREEN: it survives" if run.code == 0 else f"NO VERDICT: {run.last}"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    mutants = all_mutants()
    with tempfile.TemporaryDirectory(prefix="gateway-mutants-") as directory:
        tree = Path(directory)
        copy_to(tree)
        whole = Run.of(tree, sorted({mutant.test for mutant in mutants}))
        if whole.code != 0:
            say(f"{whole.said}\nThe tests must be green before anything is taken away.")
            return 1
        say(f"{'without':42} {'verdict':8} test")
        verdicts = []
        for mutant in mutants:
            verdicts.append(judge(mutant, tree))
            say(f"{mutant.guard:42} {verdicts[-1]:8} {mutant.test}")
    return 0 if all(verdict == "red" for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
