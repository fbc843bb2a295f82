"""What is decided in many scenes, word for word: `scenes.txt` holds it for review.

python -m tests.scripts.cutover.scenes
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from scripts.cutover.decisions import Decision, Reason
from scripts.cutover.gates import Event, Gate, Level, Share
from scripts.cutover.judgement import judge
from scripts.cutover.limits import Period
from scripts.cutover.observations import Alarm, Answer, Counts, Levels, Question, Series
from scripts.cutover.refusals import refusals
from tests.scripts.cutover.worlds import (
    BAKE,
    GUARD,
    POLL,
    START,
    but,
    counts,
    healthy,
    levels,
    stage,
    times,
    watched,
)

END: Final = START + BAKE
FILE: Final = Path(__file__).with_name("scenes.txt")


def scenes() -> Iterator[str]:
    """Each scene with its decision."""
    for period in Period:
        of = stage(period)
        yield _told(f"{period}: healthy", judge(of, healthy(of, END), END), all_=True)
        for gate in of.gates:
            for name, series in _bad(gate):
                decision = judge(of, but(healthy(of, END), {gate.series: series}), END)
                yield _told(f"{period}: {gate.id} {name}", decision)
    of = stage()
    for gate in _one_of_each(of.gates):
        for name, series in _mute(gate):
            yield _told(
                f"{gate.id} {name}", judge(of, but(healthy(of, END), {gate.series: series}), END)
            )
    yield from _people()
    yield from _before()


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
        asked = Question(at=END - 60, gates=frozenset({gate}), answer=answer, by="ana")
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
    FILE.write_text("\n".join(scenes()) + "\n", encoding="utf-8")
