"""The estimate of what a plan costs a month, for a terminal and for programs."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from preview.cost.estimate import Change, Estimate, Monthly, changes
from preview.reports.terminal import Paper
from preview.reports.wording import dollars, plural, shown

_NOTHING: Final = "the same"

Object = dict[str, Any]


def render(title: str, estimate: Estimate, paper: Paper, against: Estimate | None = None) -> str:
    """The parts of the environment with what each costs, or how that differs from `against`."""
    prices = estimate.prices
    aside = f"US dollars, list prices of {prices.region} on {prices.date}"
    lines = [paper.title(f"{shown(title)}: {dollars(estimate.total)} a month", aside)]
    if against is None:
        lines += _table([(part, dollars(cost)) for part, cost in estimate.parts.items()])
    else:
        lines += _differences(against, estimate)
    if estimate.usage:
        lines += ["", paper.title("Billed by use, and not counted")]
        for type_, how in estimate.usage.items():
            lines += paper.wrap(f"• {type_}: {how}", hanging="    ")
    if estimate.unpriced:
        lines += ["", paper.title("Without a price", plural(len(estimate.unpriced), "resource"))]
        for reason in dict.fromkeys(estimate.unpriced.values()):
            lines += paper.wrap(f"• {shown(reason)}", hanging="    ")
    return "\n".join(lines) + "\n"


def _differences(before: Estimate, after: Estimate) -> Iterator[str]:
    found = changes(before, after)
    rows = [(one.part, f"{_from_to(one)}  {signed(one.added)}") for one in found]
    total = after.total - before.total
    yield from _table([*rows, ("in all", _NOTHING if total.is_nothing else signed(total))])


def _from_to(change: Change) -> str:
    return f"{dollars(change.before)} → {dollars(change.after)}"


def _table(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    wide = max((len(name) for name, _ in rows), default=0)
    return (f"  {shown(name):<{wide}}  {value}" for name, value in rows)


def signed(cost: Monthly) -> str:
    """A difference with its sign."""
    least, most = f"{cost.least:+,.2f}", f"{cost.most:+,.2f}"
    return least if least == most else f"{least} to {most}"


def as_object(estimate: Estimate, against: Estimate | None = None) -> Object:
    """The estimate for programs."""
    told: Object = {
        "date": estimate.prices.date.isoformat(),
        "region": estimate.prices.region,
        "currency": "USD",
        "month": _amount(estimate.total),
        "parts": {part: _amount(cost) for part, cost in estimate.parts.items()},
        "usage": dict(estimate.usage),
        "unpriced": dict(estimate.unpriced),
    }
    if against is not None:
        told["changes"] = [
            {"part": one.part, "before": _amount(one.before), "after": _amount(one.after)}
            for one in changes(against, estimate)
        ]
    return told


def as_json(estimate: Estimate, against: Estimate | None = None) -> str:
    """What `slipway cost --json` prints."""
    return json.dumps(as_object(estimate, against), indent=2) + "\n"


def _amount(cost: Monthly) -> dict[str, float]:
    return {"least": round(cost.least, 2), "most": round(cost.most, 2)}
