"""What is decided in many scenes, planned and watched, word for word: `scenes.txt` holds it.

python -m tests.scripts.cutover.scenes
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from scripts.cutover.commands.planned import held_against
from scripts.cutover.judgement.decisions import Decision, Reason
from scripts.cutover.judgement.gates import Event, Gate, Level, Share
from scripts.cutover.judgement.judge import judge
from scripts.cutover.judgement.limits import Period, gates
from scripts.cutover.judgement.observations import Alarm, Answer, Counts, Levels, Question, Series
from scripts.cutover.judgement.refusals import refusals
from scripts.cutover.planning.plan import plan
from scripts.cutover.planning.steps import Moved, Settings
from scripts.cutover.report import drawing
from standards import Tier
from tests.scripts.cutover.worlds import (
    BAKE,
    GUARD,
    POLL,
    START,
    but,
    counts,
    healthy,
    levels,
    plain,
    stage,
    times,
    watched,
)

END: Final = START + BAKE
FILE: Final = Path(__file__).with_name("scenes.txt")


def sections() -> Mapping[str, Callable[[], Iterator[str]]]:
    """Each part of the scenes, by name."""
    return {
        **{f"gates, {period}": partial(_gates, period) for period in Period},
        "plans": _plans,
        **{f"decisions, {period}": partial(_decisions, period) for period in Period},
        "mute series": _muted,
        "people": _people,
        "before the start": _before,
    }


def section(name: str) -> str:
    """What stands under `name`."""
    return "\n".join(sections()[name]())


def reviewed() -> Mapping[str, str]:
    """What stands in the file, by section."""
    parts = FILE.read_text(encoding="utf-8").split("# ")[1:]
    return {name: text.rstrip("\n") for name, _, text in (each.partition("\n") for each in parts)}


def _gates(period: Period) -> Iterator[str]:
    """Everything that a service with everything, and one with nothing, is held against."""
    full = replace(
        watched(), has_canary=True, usual_per_second=50, peak_per_second=90, is_public=False
    )
    for kind, service in (("everything", full), ("nothing", plain())):
        for tier in Tier:
            yield f"{kind}, {tier}:"
            for gate in gates(period, service, tier, 1e-3):
                yield f"  {gate.id}: {_told_of(gate)}"


def _told_of(gate: Gate) -> str:
    numbers = [f"window {gate.window:g}", f"oldest {gate.oldest:g}"]
    match gate:
        case Share():
            above = " above baseline" if gate.is_above_baseline else ""
            bad, total = gate.recorded
            numbers += [
                f"limit {gate.limit:g}{above}",
                f"of {bad:g}/{total:g}",
                f"{gate.alpha:.4g}",
            ]
        case Level():
            kinds = (gate.is_minimum, gate.is_mean, gate.reaches)
            numbers += [f"limit {gate.limit:g}{gate.unit}", f"min, mean, reaches {kinds}"]
        case _:
            pass
    said = f"{type(gate).__name__}: {gate.what}; {gate.action}, {gate.requirement}, {gate.source}"
    return f"{said}; {', '.join(numbers)}"


def _plans() -> Iterator[str]:
    """Plans as people read them."""
    web = replace(_moved("web", 500), is_frontend=True)
    for name, services, tier in (
        ("a frontend and little traffic", [web, _moved("api", 20)], Tier.PRODUCTION),
        ("where gates are none", [_moved("api", 500)], Tier.INTEGRATION),
    ):
        yield f"{name}:"
        of = plan(services, tier, Settings(weights=(5, 25, 100)))
        yield drawing.plain(held_against(of))


def _moved(service: str, rate: float) -> Moved:
    return Moved(
        watched=watched(service),
        requests_per_second=rate,
        instances=7,
        transactions_per_second=rate / 2,
    )


def _decisions(period: Period) -> Iterator[str]:
    of = stage(period)
    yield _told(f"{period}: healthy", judge(of, healthy(of, END), END), all_=True)
    for gate in of.gates:
        for name, series in _bad(gate):
            decision = judge(of, but(healthy(of, END), {gate.series: series}), END)
            yield _told(f"{period}: {gate.id} {name}", decision)


def _muted() -> Iterator[str]:
    of = stage()
    for gate in _one_of_each(of.gates):
        for name, series in _mute(gate):
            yield _told(
                f"{gate.id} {name}", judge(of, but(healthy(of, END), {gate.series: series}), END)
            )


def _one_of_each(gates: Sequence[Gate]) -> list[Gate]:
    return list({type(gate): gate for gate in gates}.values())


def _mute(gate: Gate) -> Iterator[tuple[str, Series | None]]:
    at = times(START - 900, END)
    yield "not there", None
    yield "empty", Counts() if isinstance(gate, Share) else Levels()
    yield "before only", Levels(at[:50], (0.0,) * 50)
    yield "uneven", Counts(at, (1.0,) * len(at), (1.0,) * (len(at) - 1))
    if isinstance(gate, Share):
        yield "negative", Counts(at, (1.0,) * len(at), (-1.0,) * len(at))
        yield "no requests", Counts(at, (0.0,) * len(at), (0.0,) * len(at))


def _bad(gate: Gate) -> Iterator[tuple[str, Series]]:
    at = times(START - 900, END)
    match gate:
        case Share():
            yield "at its limit", counts(at, gate.limit + 0.002)
            yield "all bad", counts(at, 1)
        case Level():
            for beyond in (0, -1e-6, 1e-6):
                value = gate.limit + beyond
                yield f"{beyond:+g}", levels(END, *(value,) * 20)
            yield "once", levels(END, *(0.5 * gate.limit,) * 19, 2 * gate.limit)
        case Event():
            yield "once", levels(END, 1, 0)
            yield "at the end", levels(END, *(1.0,) * 3)
            yield "always", levels(END, *(1.0,) * 60)
        case _:
            raise AssertionError(gate)


def _people() -> Iterator[str]:
    of = stage()
    hot = {"api/cpu": levels(END, 90, 90), "api/memory": levels(END, 90, 90)}
    gate = "api/cpu (MON-09 cpu_above_percent)"
    for answer in (None, *Answer):
        gates = frozenset({gate})
        asked = Question(at=END - 60, gates=gates, breached=gates, answer=answer, by="ana")
        for name, changed in (("both hot", hot), ("none hot", {})):
            for later in (0, 239, 240):
                seen = replace(but(healthy(of, END), changed), question=asked)
                decision = judge(replace(of, oldest_seconds=600), seen, END + later)
                yield _told(f"answer {answer}, {name}, {later} s later", decision)
    for state in (*Alarm, None):
        for now in (START + 120, START + 121, END):
            seen = replace(healthy(of, now), alarms={GUARD: state} if state else {})
            yield _told(f"alarm {state} after {now - START:g}", judge(of, seen, now))
    for later in (0, 1):
        now = END + BAKE + later
        few = judge(of, healthy(of, now, rate=0.2), now)
        yield _told(f"few requests, {later}", few)
        once = but(healthy(of, now), {"api/cpu": levels(now, 90)})
        yield _told(f"one spike, {later}", judge(of, once, now))
    for age in (60, 61, 120, 121, 240, 241):
        seen = healthy(of, END)
        yield _told(f"data {age} s old", judge(of, seen, END + age))
        old = replace(of, since=END - 5)
        yield _told(f"data {age} s old, of before", judge(old, seen, END + age))
    breach = replace(healthy(of, END), events=("security breach", "data corruption"))
    yield _told("breach", judge(of, breach, END))
    short = stage(service=watched(requests=9999))
    yield _told("short baseline", judge(short, healthy(short, END, rate=1), END))


def _before() -> Iterator[str]:
    of = stage()
    seen = healthy(of, START)
    for gate in _one_of_each(of.gates):
        for name, series in (*_mute(gate), *_bad(gate)):
            old = {each: found for each, found in seen.old.items() if each != gate.series}
            old |= {gate.series: series} if series else {}
            found = refusals(
                of.gates, replace(seen, old=old), of.alarms, now=END, oldest_seconds=400
            )
            yield _told(f"before: {gate.id} {name}", found)
    late = START + POLL
    said = refusals(of.gates, seen, frozenset({"other"}), now=late, oldest_seconds=60)
    yield _told("before: another alarm", said, all_=True)


def _told(name: str, decision: Decision, *, all_: bool = False) -> str:
    until = "" if decision.until is None else f" until {decision.until - START:g}"
    default = f" or {decision.default}" if decision.default else ""
    asked = f" for {', '.join(sorted(decision.asked))}" if decision.asked else ""
    lines = [f"{name} -> {decision.kind}{asked}{until}{default}"]
    lines += [f"  {_line(each)}" for each in decision.reasons[: None if all_ else 1]]
    return "\n".join(lines)


def _line(reason: Reason) -> str:
    numbers = (reason.value, reason.baseline, reason.limit, reason.samples)
    shown = " ".join("-" if each is None else f"{each:.7g}" for each in numbers)
    return f"{reason} [{reason.cited}; {shown}]"


if __name__ == "__main__":
    FILE.write_text(
        "".join(f"# {name}\n{section(name)}\n\n" for name in sections()), encoding="utf-8"
    )
