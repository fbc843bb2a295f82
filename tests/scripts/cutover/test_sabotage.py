"""A conductor that is broken on purpose: the simulation sees each breakage, by a seed of its own.

A breakage is one place of the source written otherwise. Seeds are found by trying; where one shows
its breakage no more, the module tries others: python -m tests.scripts.cutover.test_sabotage
"""

import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import dedent
from types import FunctionType, ModuleType
from typing import Final, cast

import pytest

from scripts.cutover.judgement import judge, observations
from scripts.cutover.running import back, conductor, deciding, forward, judging, moving, stand
from scripts.runs import lease, runner
from tests.scripts.cutover.simulated import store
from tests.scripts.cutover.simulated.processes import ViolationError
from tests.scripts.cutover.simulated.runs import simulate


@dataclass(frozen=True)
class Break:
    """One function whose source says something else."""

    of: ModuleType
    name: str
    old: str
    new: str

    def apply(self, patch: pytest.MonkeyPatch) -> None:
        """Have the function do what its other source says, wherever it is known."""
        *owners, name = self.name.split(".")
        owner = cast("type", getattr(self.of, owners[0])) if owners else self.of
        right = cast("FunctionType", vars(owner)[name])
        source = inspect.getsource(right)
        assert self.old in source, f"{self.name} is another one by now: {self.old}"
        names = dict(vars(self.of))
        exec(dedent(source.replace(self.old, self.new)), names)  # noqa: S102 - our own source
        patch.setattr(right, "__code__", names[name].__code__)


@dataclass(frozen=True)
class Sabotage:
    """What is broken, the first seed that shows it, and what is said of that."""

    what: str
    breaks: tuple[Break, ...]
    seed: int
    said: str


def sabotage(  # noqa: PLR0913, PLR0917 - one row of the table
    what: str, of: ModuleType, name: str, old: str, new: str, seed: int, said: str
) -> Sabotage:
    """One whose breakage is one place."""
    return Sabotage(what, (Break(of, name, old, new),), seed, said)


SABOTAGES: Final = (
    # Traffic to sides that are not well
    sabotage(
        "what is waited for is taken for so",
        stand,
        "Stand.until",
        "if is_so():",
        "if is_so() or True:",
        0,
        "0 healthy of",
    ),
    sabotage(
        "weights do not want the old side in full",
        moving,
        "weigh",
        "sides.healthy(is_new=False) >= full",
        "True",
        0,
        "old tasks, 157 s ago",
    ),
    sabotage(
        "weights do not want the new side healthy",
        moving,
        "weigh",
        "sides.healthy(is_new=True) >= planned.instances",
        "True",
        51,
        "new tasks, 280 s ago",
    ),
    sabotage(
        "the new side shrinks to what a lower weight needs",
        moving,
        "_at_least",
        "return max(max(",
        "return planned.instances or max(max(",
        21881,
        "shrinks to 2 under traffic",
    ),
    sabotage(
        "an old side goes beside a new one that is not whole",
        moving,
        "_is_whole",
        "return ",
        "return True or ",
        0,
        "new tasks, 941 s ago",
    ),
    sabotage(
        "a way back does not see the old side in full",
        back,
        "_Back.steps",
        "yield self._healthy()",
        "pass",
        1,
        "old tasks, never",
    ),
    sabotage(
        "a way back believes that the old side is full",
        back,
        "_is_full",
        "return sides.healthy(is_new=False) >= full",
        "return True",
        1,
        "old tasks, never",
    ),
    # Triggers that need not trigger
    sabotage(
        "emergencies are passed over",
        judge,
        "judge",
        "if emergencies or automatic:",
        "if automatic:",
        51,
        "saw an emergency",
    ),
    sabotage(
        "alarms are passed over",
        judge,
        "judge",
        "in sorted(stage.alarms)",
        "in ()",
        30,
        "api-rollout is ALARM",
    ),
    sabotage(
        "orders to go back are passed over",
        deciding,
        "Ledger.ordered",
        "if order else None",
        "if False else None",
        185,
        "after an order to go back",
    ),
    sabotage(
        "smoke tests that fail are passed over",
        judging,
        "smoke",
        "decision = _tested(tests, moment, services, lookout)",
        "decision = replace(_tested(tests, moment, services, lookout), kind=Kind.CONTINUE)",
        5,
        "smoke tests wanted a person",
    ),
    sabotage(
        "what is asked goes on without an answer",
        judge,
        "_ask",
        "replace(asked, asked",
        "replace(asked, kind=Kind.CONTINUE, asked",
        30,
        "api-rollout is ALARM",
    ),
    sabotage(
        "no answer means to go on",
        judge,
        "_answer",
        "return stage.default if",
        "return Answer.GO_ON if",
        90,
        "errors, 370 s old",
    ),
    Sabotage(
        "what is not known passes",
        (
            Break(judge, "judge", "each.finding in _OPEN", "each.finding is Finding.UNDECIDED"),
            Break(judge, "_too_late", "return blind", "return []"),
        ),
        19,
        "errors, no number",
    ),
    sabotage(
        "what is no number passes",
        observations,
        "problem",
        "else series.problem()",
        "else None",
        224,
        "disk, no number",
    ),
    sabotage(
        "what is too old passes",
        observations,
        "problem",
        "return Quality.STALE if series.at[-1] < now - oldest else",
        "return",
        129,
        "errors, 7204 s old",
    ),
    sabotage(
        "CPU is not judged",
        judge,
        "judge",
        "for gate in stage.gates]",
        "for gate in stage.gates if 'cpu' not in gate.series]",
        35,
        "done with Release",
    ),
    sabotage(
        "latency is not judged",
        judge,
        "judge",
        "for gate in stage.gates]",
        "for gate in stage.gates if 'slow' not in gate.series]",
        82,
        "goes on without jobs/slower",
    ),
    sabotage(
        "what is to go back goes on",
        judging,
        "Lookout.look",
        "question=question), self.stand.now())",
        "question=question), self.stand.now())\n        found = replace(found, kind=Kind.CONTINUE)",
        0,
        "201 s only",
    ),
    # Times
    sabotage(
        "steps do not bake",
        judge,
        "judge",
        "stage.since + stage.bake_seconds - now",
        "0.0",
        0,
        "201 s only",
    ),
    sabotage(
        "steps are not judged",
        forward,
        "_went_on",
        "return decided is not None",
        "return True or decided is not None",
        0,
        "0 s only",
    ),
    sabotage(
        "there are no first minutes",
        forward,
        "_Forward.steps",
        "yield self._minutes()",
        "pass",
        0,
        "341 s only",
    ),
    sabotage(
        "weights are not confirmed before the old sides go",
        forward,
        "leave",
        "yield confirm(len(cutover.order), cutover.settings)",
        "yield from ()",
        0,
        "new tasks, 941 s ago",
    ),
    sabotage(
        "users are out of sight while something is waited for",
        judging,
        "Lookout.glance",
        "now = self.stand.now()",
        "return",
        13,
        "nobody looked",
    ),
    sabotage(
        "one poll of three is made",
        judging,
        "watch",
        "sleep(stand.cutover.settings.poll)",
        "sleep(3 * stand.cutover.settings.poll)",
        1,
        "later than one poll",
    ),
    sabotage(
        "a way back waits before it begins",
        back,
        "_Back._weights",
        "            if failed :=",
        "            stand.world.clock.sleep(30)\n            if failed :=",
        1,
        "30.2 s later than one poll",
    ),
    # The way back
    sabotage(
        "a way back ends without smoke tests",
        back,
        "_Back.steps",
        "if self.hooks.smoke:",
        "if False:",
        1,
        "no smoke test saw the old side",
    ),
    sabotage(
        "a way back leaves the database as it is",
        back,
        "_Back.steps",
        "yield from self.hooks.database.back",
        "pass",
        1,
        "the database is not taken back",
    ),
    sabotage(
        "a decision to go back is forgotten with its process",
        conductor,
        "carry_out",
        "if there.state is State.GOING_BACK and there.because:",
        "if False:",
        1,
        "it was decided to go back",
    ),
    sabotage(
        "one service is taken back",
        back,
        "_each",
        "[*services], list",
        "[*services[:1]], list",
        15,
        "verified, and api has 25 %",
    ),
    sabotage(
        "a way back wants a journal that verifies",
        back,
        "back",
        "always=True",
        "always=False",
        62,
        "not ended after",
    ),
    sabotage(
        "a way back is tried for a day",
        conductor,
        "take_back",
        "bound_seconds(cutover, hooks)",
        "86400.0",
        138,
        "nobody was paged",
    ),
    sabotage(
        "nobody is told that it came too late",
        conductor,
        "_outcome",
        "Outcome.LATE if there.is_late else ",
        "",
        160,
        "rolled back is said of 1600 s",
    ),
    # What is written down
    sabotage(
        "it acts before that is written down",
        runner,
        "_Run._take",
        'write("started", {})',
        "pass",
        0,
        "not written down before",
    ),
    Sabotage(
        "sides go whose weights were not read back",
        (
            Break(moving, "_moved", "not lookout.until(is_moved, ", "(lambda *_: False)("),
            Break(moving, "take_away", "not stand.until(is_idle, ", "(lambda *_: False)("),
        ),
        2,
        "weights not read back",
    ),
    sabotage(
        "decisions do not count on",
        deciding,
        "Ledger.write",
        "past.sequence += 1",
        "past.sequence = 0",
        0,
        "decision 1 follows 2",
    ),
    Sabotage(
        "whoever had the lease goes on",
        (
            Break(lease, "Keeper.check", "self.renew()", "pass"),
            Break(store, "Memory.append", "lease is None or lease.token != token", "lease is None"),
        ),
        0,
        "decision 21 follows 27",
    ),
)


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda each: each.what)
def test_the_simulation_sees_what_is_broken(
    sabotage: Sabotage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is whole breaks nothing with the same seed."""
    simulate(sabotage.seed)
    for each in sabotage.breaks:
        each.apply(monkeypatch)
    with pytest.raises(ViolationError, match=sabotage.said):
        simulate(sabotage.seed)


def _found(sabotage: Sabotage, seeds: range) -> Iterator[tuple[int, str]]:
    """The first of `seeds` that shows it, and what is said."""
    with pytest.MonkeyPatch.context() as patch:
        for each in sabotage.breaks:
            each.apply(patch)
        for seed in seeds:
            try:
                simulate(seed)
            except ViolationError as violation:
                yield seed, str(violation).splitlines()[0]
                return


def main(most: int = 1000) -> None:
    """Print the first seed that shows each whose own does not."""
    for sabotage in SABOTAGES:
        own = next(_found(sabotage, range(sabotage.seed, sabotage.seed + 1)), None)
        if own and sabotage.said in own[1] and sabotage.said:
            continue
        found = next(_found(sabotage, range(most)), None)
        sys.stdout.write(f"{sabotage.what}: {found or f'not seen in {most} seeds'}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
