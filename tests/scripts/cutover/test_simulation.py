"""Whole cutovers in a simulated cloud with faults: what must never be is not, for any seed."""

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from scripts.cutover.judgement.decisions import Decision, Kind
from scripts.cutover.judgement.judge import Stage
from scripts.cutover.judgement.observations import Observations
from scripts.cutover.planning.request import Cutover
from scripts.cutover.running import back, conductor, forward, judging, moving
from scripts.cutover.running.back import Because
from scripts.cutover.running.conductor import Outcome
from scripts.cutover.running.deciding import Ledger
from scripts.cutover.running.hooks import Hooks
from scripts.cutover.running.stand import Stand
from scripts.cutover.running.standing import Standing
from scripts.runs.canonical import Json
from scripts.runs.journal import Entry, Journal
from scripts.runs.lease import Keeper, Lease
from scripts.runs.steps import Acting, Plan
from tests.scripts.cutover.simulated.processes import ViolationError
from tests.scripts.cutover.simulated.runs import simulate
from tests.scripts.cutover.simulated.store import Memory
from tests.scripts.cutover.simulation import block

SOAK = bool(os.environ.get("SLIPWAY_SOAK"))
SEEDS = 10_000 if SOAK else 80
BLOCK = 250 if SOAK else 40
MOST = 5 * 60
"""Seconds: 99 of 100 rollbacks take no longer; none takes longer than ROLL-01 has it."""


@pytest.mark.parametrize("first", range(0, SEEDS, BLOCK))
def test_no_seed_breaks_an_invariant(first: int) -> None:
    """And rollbacks keep to their times, also with a controller killed in the midst of them."""
    tally = block(range(first, first + BLOCK))
    assert tally.violations == []
    assert tally.ends[Outcome.DONE.value] > BLOCK / 5
    assert tally.ends[Outcome.ROLLED_BACK.value] > BLOCK / 5
    assert sum(each > MOST for each in tally.back) <= 1 + 0.01 * len(tally.back)


def test_a_seed_gives_the_same_again() -> None:
    """Whatever fails is replayed from its seed."""
    told: tuple[list[str], list[str]] = ([], [])
    for said in told:
        simulate(8, lambda at, what, said=said: said.append(f"{at} {what}"))
    assert len(told[0]) > 50
    assert told[0] == told[1]


def test_a_violation_says_how_to_see_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the seed and the command that replays it."""
    act_unwritten(monkeypatch)
    with pytest.raises(ViolationError, match=r"seed 1: .*\n  Replay it: python -m .* --seed 1 -v"):
        simulate(1)


def believe(patch: pytest.MonkeyPatch) -> None:
    """Whatever is waited for is taken for so at once."""

    def at_once(_: Stand, is_so: Callable[[], bool], *_others: object) -> bool:
        with contextlib.suppress(TimeoutError):
            is_so()
        return True

    patch.setattr(Stand, "until", at_once)


def retire_unread(patch: pytest.MonkeyPatch) -> None:
    """Sides go without their weights being read back."""

    def take_away(service: str, stand: Stand, _acting: Acting, *, is_new: bool) -> None:
        stand.sides(service).retire(is_new=is_new)

    patch.setattr(moving, "take_away", take_away)
    patch.setattr(back, "take_away", take_away)


def trust_lease(patch: pytest.MonkeyPatch) -> None:
    """The lease is neither checked nor renewed, and a store takes entries of whoever had it."""
    append = Memory.append

    def any_token(memory: Memory, entry: Entry, *, token: int) -> None:
        lease = memory.leases[entry.journal]
        append(memory, entry, token=max(token, lease.token))

    patch.setattr(Memory, "append", any_token)

    def trusted(_: Keeper) -> None:
        pass

    patch.setattr(Keeper, "check", trusted)


def act_unwritten(patch: pytest.MonkeyPatch) -> None:
    """What begins is not written down."""
    append = Journal.append

    def silent(
        journal: Journal, kind: str, data: Mapping[str, Json], *, run: str, lease: Lease
    ) -> Entry | None:
        if kind == "step.started":
            return None
        return append(journal, kind, data, run=run, lease=lease)

    patch.setattr(Journal, "append", silent)


def number_twice(patch: pytest.MonkeyPatch) -> None:
    """Decisions do not count on."""
    write = Ledger.write

    def again(ledger: Ledger, decision: Decision, stage: str) -> None:
        write(ledger, decision, stage)
        ledger.stand.past.sequence = 0

    patch.setattr(Ledger, "write", again)


def go_on_always(patch: pytest.MonkeyPatch) -> None:
    """What is to go back goes on."""
    judge = judging.judge

    def well(stage: Stage, seen: Observations, now: float) -> Decision:
        return replace(judge(stage, seen, now), kind=Kind.CONTINUE)

    patch.setattr(judging, "judge", well)


def judge_nothing(patch: pytest.MonkeyPatch) -> None:
    """Steps are taken for judged."""

    def passed(*_: object) -> bool:
        return True

    patch.setattr(forward, "_went_on", passed)


def dawdle(patch: pytest.MonkeyPatch) -> None:
    """A way back waits before it begins."""
    plan = conductor.back

    def later(cutover: Cutover, because: Because, hooks: Hooks) -> Plan[Stand]:
        found = plan(cutover, because, hooks)
        first = found.steps[0]

        def run(stand: Stand, acting: Acting) -> Mapping[str, Json]:
            stand.world.clock.sleep(30)
            return first.run(stand, acting)

        return replace(found, steps=[replace(first, run=run), *found.steps[1:]])

    patch.setattr(conductor, "back", later)


def want_a_journal(patch: pytest.MonkeyPatch) -> None:
    """A way back is not begun where the journal is broken."""
    plan = conductor.back

    def asking(cutover: Cutover, because: Because, hooks: Hooks) -> Plan[Stand]:
        return replace(plan(cutover, because, hooks), always=False)

    patch.setattr(conductor, "back", asking)


def half_back(patch: pytest.MonkeyPatch) -> None:
    """Only the last service is taken back."""
    each = back._each  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - it is broken here

    def last(services: Sequence[str], stand: Stand, acting: Acting, seconds: float) -> list[str]:
        return each(services[:1], stand, acting, seconds)

    patch.setattr(back, "_each", last)


def forget_bound(patch: pytest.MonkeyPatch) -> None:
    """A way back is tried for as long as it takes."""

    def endless(_cutover: Cutover, _hooks: Hooks) -> float:
        return 86400.0

    patch.setattr(conductor, "bound_seconds", endless)


def hide_lateness(patch: pytest.MonkeyPatch) -> None:
    """What took too long is told as if it had not."""
    patch.setattr(Standing, "is_late", property(lambda _: False))


@pytest.mark.parametrize(
    ("breaks", "seen", "first"),
    [
        (believe, "healthy of", 0),
        (retire_unread, "not read back", 0),
        (trust_lease, "follows", 0),
        (act_unwritten, "not written down before", 0),
        (number_twice, "decision 1 follows 1", 0),
        (go_on_always, "done with Release", 0),
        (judge_nothing, "nobody decided that", 0),
        (dawdle, "later than one poll", 0),
        (want_a_journal, "not ended after", 60),
        (half_back, "rolled back with", 10),
        (forget_bound, "nobody was paged", 130),
        (hide_lateness, "rolled back is said of", 150),
    ],
)
def test_the_simulation_sees_what_is_broken(
    breaks: Callable[[pytest.MonkeyPatch], None],
    seen: str,
    first: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A conductor that is broken on purpose breaks an invariant in some of a few seeds."""
    breaks(monkeypatch)
    for seed in range(first, first + 150):
        try:
            simulate(seed)
        except ViolationError as violation:
            if seen in str(violation):
                return
    raise AssertionError("no seed saw it")
