"""Rules of Prometheus as data: what to record, what to tell of, and the text that says so."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from stacks.severity import Severity
from standards import Bound, Ratio, Text, Whole, written

_OPERATORS: Final = {
    Bound.ABOVE: ">",
    Bound.MAXIMUM: ">",
    Bound.BELOW: ">=",
    Bound.MINIMUM: "<",
}


def past(expression: str, limit: Whole | Ratio) -> str:
    """That `expression` is past `limit`, its figure's bound saying on which side that is."""
    return f"{expression} {_OPERATORS[limit.figure.bound]} {written(limit)}"


def grew(counter: str, by: str, limit: Whole | Ratio | None = None, window: str = "5m") -> str:
    """That `counter` grew within `window`, by more than `limit` or at all.

    What a counter shows first is growth as well: a process that counts its first event often makes
    the counter by it, and `increase` would see nothing.
    """
    grown = f"sum by ({by}) (increase({counter}[{window}]))"
    new = f"sum by ({by}) ({counter} unless {counter} offset {window})"
    more = f"> {written(limit)}" if limit is not None else "> 0"
    return f"{grown} {more} or {new} {more}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A value worth keeping, under a name made as Prometheus advises: `level:metric:operations`."""

    name: str
    expression: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What somebody is told of once `expression` has held for `lasting`."""

    name: str
    severity: Severity
    requirement: str
    summary: str
    """What has happened, in one sentence without a full stop."""
    expression: str
    runbook: str
    """The page in `docs/runbooks/alarms` that says what to do, without its ending."""
    lasting: Whole | int = 0
    """Minutes; none tells at the first evaluation."""
    figures: Sequence[Whole | Ratio] = field(default_factory=tuple[Whole | Ratio, ...])
    """The standards' numbers that stand in the expression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rules that are evaluated together, once a minute, in this order."""

    name: str
    rules: Sequence[Recording | Alert]


def text_of(groups: Iterable[Group]) -> Text:
    """The rule file of `groups`, which remembers the figures in it."""
    listed = list(groups)
    alerts = [rule for group in listed for rule in group.rules if isinstance(rule, Alert)]
    numbers = [number for alert in alerts for number in alert.figures]
    numbers += [alert.lasting for alert in alerts if isinstance(alert.lasting, Whole)]
    content = {
        "groups": [
            {"name": group.name, "interval": "1m", "rules": [_rule(each) for each in group.rules]}
            for group in listed
        ]
    }
    return Text.of(yaml.safe_dump(content, sort_keys=False, width=100), numbers)


def _rule(rule: Recording | Alert) -> Mapping[str, Any]:
    if isinstance(rule, Recording):
        return {"record": rule.name, "expr": rule.expression}
    return {
        "alert": rule.name,
        "expr": rule.expression,
        **({"for": f"{int(rule.lasting)}m"} if rule.lasting else {}),
        "labels": {"severity": rule.severity.value, "requirement": rule.requirement},
        "annotations": {
            "summary": f"{rule.summary} ({rule.requirement})",
            "runbook": runbook(rule.runbook),
        },
    }


def runbook(page: str) -> str:
    """Where in the repository it says what to do."""
    return f"docs/runbooks/alarms/{page}.md"
