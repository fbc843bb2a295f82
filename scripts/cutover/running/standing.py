"""Where a target stands, by its journal: what may be done next, and what has to be."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from math import inf
from typing import Final, cast

from pydantic import ValidationError

from environments.published import Published
from scripts.cutover.judgement.decisions import Kind
from scripts.cutover.planning.request import Cutover, RequestError, read
from scripts.cutover.running.back import VERIFIED, Because
from scripts.cutover.running.hooks import PUBLISHED
from scripts.cutover.running.record import BACK, CHECK, FORWARD, WATCH, WEEK, Noted, decisions
from scripts.runs.journal import Entry, Store, current
from scripts.runs.journal import read as read_entry

_BEGUN: Final = "step.started"
_RETIRES: Final = " retire"


class State(StrEnum):
    """How far the last cutover is."""

    NONE = "no cutover yet"
    REFUSED = "refused before anything changed"
    OPEN = "under way"
    GOING_BACK = "going back"
    LEAVING = "all moved, old sides going"
    DONE = "done"
    UNWELL = "done, and not well since"
    """It was found so after its first minutes, and no weight leads back: a person has to look."""
    TAKEN_BACK = "taken back"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where the last cutover of a target stands."""

    state: State
    cutover: Cutover | None = None
    run: str = ""
    """Its forward run."""
    entries: Sequence[Entry] = ()
    """Of its forward run, of the watch after it, and of the way back."""
    because: Because | None = None
    """Why it goes back, where it does."""
    seconds_back: float | None = None
    """How long the way back took from the decision, once it is verified."""
    bound: float | None = None
    """What that was allowed to take, by its plan."""

    is_watched: bool = False
    """Whether the watch that follows a release or a rollback has ended."""
    unwell: str = ""
    """What the last look of that watch did not find well."""

    @property
    def is_verified(self) -> bool:
        """Whether the way back was seen to have ended well."""
        return self.seconds_back is not None

    @property
    def is_late(self) -> bool:
        """Whether it took longer than its bound."""
        return (self.seconds_back or 0.0) > (self.bound or inf)

    @cached_property
    def published(self) -> Published | None:
        """What the environment's stack said of it, where its journal has that."""
        for entry in reversed(self.entries):
            inputs = cast("Mapping[str, object]", entry.data.get("inputs") or {})
            if found := entry.data.get(PUBLISHED) or inputs.get(PUBLISHED):
                with suppress(ValidationError):  # another version wrote it
                    return Published.model_validate_json(json.dumps(found))
        return None

    @property
    def decisions(self) -> list[Noted]:
        """All of its decisions."""
        return decisions(self.entries)


def readable(store: Store, target: str) -> list[Entry]:
    """The entries of `target`'s journal that can be read, also where it is broken."""
    found: list[Entry] = []
    for text in store.entries(current(target, store).name):
        try:
            found.append(read_entry(text))
        except ValueError:
            continue
    return found


def standing(entries: Sequence[Entry]) -> Standing:
    """Where the last cutover in `entries` stands."""
    starts = [entry for entry in entries if entry.kind == "run.started"]
    forward = next((each for each in reversed(starts) if each.data["command"] == FORWARD), None)
    back = next((each for each in reversed(starts) if each.data["command"] == BACK), None)
    if back and (forward is None or back.sequence > forward.sequence):
        return _back(entries, back)
    if forward is None:
        return Standing(state=State.NONE)
    watches = _watches(entries, forward.run)
    own = [entry for entry in entries if entry.run in {forward.run, *watches}]
    watch = [entry for entry in own if entry.run in watches]
    state, because = _forward(own)
    unwell = _unwell(watch)
    return Standing(
        state=State.UNWELL if unwell and state is State.DONE else state,
        cutover=_cutover(forward.data["inputs"]),
        run=forward.run,
        entries=own,
        because=because,
        is_watched=_has_ended(watch),
        unwell=unwell,
    )


def _of(start: Entry) -> str:
    """The forward run that a watch or a way back belongs to."""
    return str(cast("Mapping[str, object]", start.data["inputs"]).get("of"))


def _watches(entries: Sequence[Entry], of: str) -> set[str]:
    """The runs that looked at the run `of` once it was over."""
    return {
        start.run
        for start in entries
        if start.kind == "run.started" and start.data["command"] == WATCH and _of(start) == of
    }


def _has_ended(watch: Sequence[Entry]) -> bool:
    """Whether the last run of `watch` came to its end."""
    return bool(watch) and watch[-1].kind == "run.done"


def _unwell(watch: Sequence[Entry]) -> str:
    """What the last look that came to an end did not find well."""
    ends = {"run.done", "run.pending", "run.failed"}
    last = next((entry for entry in reversed(watch) if entry.kind in ends), None)
    if last is None or last.kind != "run.failed":
        return ""
    before = watch[: watch.index(last)]
    failed = next(entry for entry in reversed(before) if entry.kind == "step.failed")
    return str(failed.data["error"])


def _back(entries: Sequence[Entry], back: Entry) -> Standing:
    inputs, of = cast("Mapping[str, object]", back.data["inputs"]), _of(back)
    own = [entry for entry in entries if entry.run == back.run]
    place = entries.index(back)
    runs = {of, *_watches(entries[:place], of)}
    before = [entry for entry in entries if entry.run in runs]
    watches = _watches(entries[place:], of)
    after = [entry for entry in entries if entry.run in watches]
    is_done = any(entry.kind == "run.done" for entry in own)
    verified = next(
        (
            entry.data
            for entry in own
            if entry.kind == "step.done" and entry.data["step"] == VERIFIED
        ),
        None,
    )
    return Standing(
        state=State.TAKEN_BACK if is_done else State.GOING_BACK,
        cutover=_cutover(inputs["cutover"]),
        run=of,
        entries=[*before, *own, *after],
        because=Because(
            of=of, why=str(inputs["why"]), at=float(cast("float", inputs["decided_at"]))
        ),
        seconds_back=float(cast("float", verified["seconds"])) if verified else None,
        bound=float(cast("float", verified["bound_seconds"])) if verified else None,
        is_watched=_has_ended(after),
        unwell=_unwell(after),
    )


def _forward(own: Sequence[Entry]) -> tuple[State, Because | None]:
    """Where a forward run stands that nobody took back yet."""
    run = own[0].run
    ends = {entry.run for entry in own if entry.kind == "run.done"}
    if leaving := _leaving(own):
        return (State.DONE if leaving <= ends | _left(own) else State.LEAVING), None
    decided = decisions(own)
    if decided and decided[-1].kind is Kind.ROLL_BACK:
        return State.GOING_BACK, Because(of=run, why=decided[-1].why, at=decided[-1].at)
    last = next(entry for entry in reversed(own) if entry.kind != "step.note")
    if last.kind in {"run.failed", "step.failed"}:
        return _failed(own)
    return (State.DONE if run in ends else State.OPEN), None


def _failed(own: Sequence[Entry]) -> tuple[State, Because | None]:
    """What follows where a step failed and nothing was decided: what was changed goes back."""
    if {*steps_started(own)} <= {CHECK}:
        return State.REFUSED, None
    failed = next(entry for entry in reversed(own) if entry.kind == "step.failed")
    why = f"{failed.data['step']}: {failed.data['error']}"
    return State.GOING_BACK, Because(of=own[0].run, why=why, at=_seconds(failed.at))


def steps_started(entries: Sequence[Entry]) -> list[str]:
    """The steps that were begun."""
    return [str(entry.data["step"]) for entry in entries if entry.kind == _BEGUN]


def has_left(entries: Sequence[Entry]) -> bool:
    """Whether an old side is being taken away, or is gone: weights lead back no more."""
    return bool(_leaving(entries))


def _leaving(entries: Sequence[Entry]) -> set[str]:
    """The runs that take old sides away."""
    return {
        entry.run
        for entry in entries
        if entry.kind == _BEGUN and str(entry.data["step"]).endswith(_RETIRES)
    }


def _left(entries: Sequence[Entry]) -> set[str]:
    """The runs that took old sides away, and have begun the watch that comes after that."""
    steps = [(entry.run, str(entry.data["step"])) for entry in entries if entry.kind == _BEGUN]
    return {
        run
        for place, (run, step) in enumerate(steps)
        if step.endswith(_RETIRES) and (run, WEEK) in steps[place:]
    }


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def _cutover(inputs: object) -> Cutover:
    if not isinstance(inputs, dict):
        raise RequestError("the journal holds no plan of a cutover")
    return read(cast("Mapping[str, object]", inputs))
