"""What each rule says of its failing examples, as one text: `make messages` writes it anew."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from policies.registry import AnyRule, rules
from tests.policies.doors import judged

FILE: Final = Path(__file__).with_name("messages.txt")


def reviewed() -> dict[str, list[str]]:
    """What stands in the file: the lines of each rule, by its id."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if not line.startswith(" "):
            lines = found.setdefault(line, [])
        lines.append(line)
    return found


def messages() -> str:
    """The sentences of every rule, by its id and the number of the example."""
    return "".join(f"{line}\n" for rule in rules().values() for line in said_by(rule))


def said_by(rule: AnyRule) -> Iterator[str]:
    """The sentences of one rule: where in the inputs, and what is wrong."""
    yield rule.id
    for number, example in enumerate(rule.failing, start=1):
        for finding in judged(rule, example).findings:
            violation = finding.violation
            where = f"{finding.resource.name} {violation.path}".strip()
            yield f"  {number} {where}: {violation.message}"


if __name__ == "__main__":
    FILE.write_text(messages(), encoding="utf-8")
