"""What each rule says of its failing examples, as one text: `make messages` writes it anew."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from policies.registry import AnyRule, Example, Given, rules
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
    """The sentences of one rule: where in the inputs, and what is wrong.

    Of each failing example by its number, and of a resource of each type that sets nothing.
    """
    yield rule.id
    for number, example in enumerate(rule.failing, start=1):
        yield from (f"  {number} {sentence}" for sentence in _found(rule, example))
    bare = (_found(rule, (Given(type_, "empty"),)) for type_ in rule.types)
    yield from dict.fromkeys(f"  - {sentence}" for sentences in bare for sentence in sentences)


def _found(rule: AnyRule, example: Example) -> Iterator[str]:
    for finding in judged(rule, example).findings:
        violation = finding.violation
        where = f"{finding.resource.name} {violation.path}".strip()
        yield f"{where}: {violation.message}"


if __name__ == "__main__":
    FILE.write_text(messages(), encoding="utf-8")
