"""The conductor: carries a cutover out, goes on with it after a kill, and takes it back.

All three are the same call again: where a cutover stands is in its journal and in the world. Once
it was decided that it goes back, it does nothing else.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from scripts.cutover.planning.request import Cutover, RequestError
from scripts.cutover.running.answers import Answers
from scripts.cutover.running.back import Because, back, bound_seconds, held_to
from scripts.cutover.running.forward import forward
from scripts.cutover.running.hooks import Hooks
from scripts.cutover.running.later import Since, later
from scripts.cutover.running.moving import is_leaving
from scripts.cutover.running.stand import BETWEEN_READS, Stand
from scripts.cutover.running.standing import Standing, State, readable, standing
from scripts.cutover.world import World
from scripts.exits import CommandError, ExitCode
from scripts.runs.journal import Store, current
from scripts.runs.runner import Outcome as Ran
from scripts.runs.runner import Setting, execute
from scripts.runs.steps import duration

PAUSE: Final = 30.0
"""The longest that a rollback which does not succeed waits before it is tried again."""
PAGING: Final = 15.0
"""So long before its bound is over it is given up: a person is paged within it."""


class Outcome(StrEnum):
    """How a cutover ended, or why it did not."""

    DONE = "done"
    ROLLED_BACK = "rolled back"
    LATE = "rolled back late"
    """The old side is verified, and that took longer than the bound of its plan."""
    REFUSED = "refused"
    PENDING = "pending"
    INTERRUPTED = "interrupted"
    STUCK = "stuck"
    """It is neither done nor verified to be back: a person has to look."""
    UNWELL = "not well"
    """It is done, was found not well since, and no weight leads back."""


_CODES: Final = {
    Outcome.DONE: ExitCode.DONE,
    Outcome.ROLLED_BACK: ExitCode.FAILED,
    Outcome.LATE: ExitCode.FAILED,
    Outcome.REFUSED: ExitCode.USAGE,
    Outcome.PENDING: ExitCode.PENDING,
    Outcome.INTERRUPTED: ExitCode.INTERRUPTED,
    Outcome.STUCK: ExitCode.FAILED,
    Outcome.UNWELL: ExitCode.FAILED,
}
_FAILED: Final = {
    State.REFUSED: Outcome.REFUSED,
    State.UNWELL: Outcome.UNWELL,
    State.TAKEN_BACK: Outcome.UNWELL,
}
"""What a run is that failed, by where that leaves the cutover, if it does not go back."""
_UNFINISHED: Final = {
    ExitCode.PENDING: Outcome.PENDING,
    ExitCode.INTERRUPTED: Outcome.INTERRUPTED,
}


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a cutover ended."""

    outcome: Outcome
    message: str
    runs: tuple[Ran, ...]
    """The forward run, if there was one now, and the way back."""
    why: str = ""
    """What it went back for."""
    seconds: float | None = None
    """From the decision to the verified old side, where it went back."""
    bound: float | None = None
    """What that may take, where it went back."""
    store: Store | None = None
    """Where the way back is written down."""

    @property
    def code(self) -> ExitCode:
        """What the command ends with."""
        return _CODES[self.outcome]

    @property
    def is_within_bound(self) -> bool | None:
        """Whether the old side was verified in time; None where nothing went back, or goes on."""
        if self.outcome in {Outcome.ROLLED_BACK, Outcome.LATE, Outcome.STUCK} and self.bound:
            return self.outcome is Outcome.ROLLED_BACK
        return None


def carry_out(
    cutover: Cutover,
    world: World,
    setting: Setting,
    hooks: Hooks | None = None,
    spare: Store | None = None,
) -> Ended:
    """Carry `cutover` out, or go on with it where it stopped; it goes back by itself.

    So it does where its store fails while users are on a new side: what cannot be written down is
    not gone on with. The way back is written into `spare` then.

    Raises:
        LeaseHeldError: somebody else acts on the target; nothing was changed.
        LeaseLostError: somebody else took over; nothing more was done.
        JournalError: the journal does not verify; nothing was changed.
        RequestError: another cutover of the target has not ended.
    """
    hooks = hooks or Hooks()
    there = standing(readable(setting.store, cutover.target))
    _check_open(there, cutover)
    if there.state is State.GOING_BACK and there.because:
        return take_back(cutover, there.because, world, setting, hooks)
    plan = forward(cutover, hooks)
    _check_open(there, cutover, plan.hash)
    stand = stand_of(cutover, world, setting)
    try:
        ran = execute(plan, stand, setting, let_in=hooks.let_in)
    except CommandError:
        raise
    except Exception as error:
        if spare is None or not _is_on(stand):
            raise
        setting.tell(
            f"the journal cannot be written ({error}): going back. Once it can be again, put that "
            f"on record: slipway cutover rollback {cutover.environment} --execute"
        )
        why = f"the journal cannot be written: {error}"
        because = Because(of=stand.past.run, why=why, at=world.clock.now())
        return take_back(cutover, because, world, replace(setting, store=spare), hooks)
    return _after(ran, cutover, world, setting, hooks)


def _is_on(stand: Stand) -> bool:
    """Whether users are on a new side, as far as this process knows, and can be taken back."""
    return "past" in vars(stand) and bool(stand.past.started) and not is_leaving(stand)


def look_later(
    cutover: Cutover, since: Since, world: World, setting: Setting, hooks: Hooks | None = None
) -> Ended:
    """Look once more at `cutover`, which is done; it goes back while its old sides are kept.

    Raises:
        LeaseHeldError: somebody else acts on the target; nothing was changed.
        LeaseLostError: somebody else took over; nothing more was done.
        JournalError: the journal does not verify; nothing was changed.
    """
    hooks = hooks or Hooks()
    plan = later(cutover, since, hooks)
    ran = execute(plan, stand_of(cutover, world, setting), setting)
    return _after(ran, cutover, world, setting, hooks)


def _after(ran: Ran, cutover: Cutover, world: World, setting: Setting, hooks: Hooks) -> Ended:
    """What follows from how a run ended."""
    if ran.code is ExitCode.DONE:
        return Ended(outcome=Outcome.DONE, message=ran.message, runs=(ran,))
    if outcome := _UNFINISHED.get(ran.code):
        return Ended(outcome=outcome, message=ran.message, runs=(ran,))
    there = standing(readable(setting.store, cutover.target))
    if there.state is State.GOING_BACK and there.because:
        setting.tell(f"going back: {there.because.why}")
        return take_back(cutover, there.because, world, setting, hooks, ran)
    outcome = _FAILED.get(there.state, Outcome.STUCK)
    return Ended(outcome=outcome, message=ran.message, runs=(ran,))


def take_back(  # noqa: PLR0913, PLR0917 - what is taken back, why, where
    cutover: Cutover,
    because: Because,
    world: World,
    setting: Setting,
    hooks: Hooks | None = None,
    before: Ran | None = None,
) -> Ended:
    """Put all traffic back on the old sides, or go on with that; asks nothing.

    It tries until that is so or the bound is over; then a person is paged, and each call of this is
    one more try.

    Raises:
        LeaseHeldError: somebody else acts on the target; nothing was changed.
        LeaseLostError: somebody else took over.
    """
    hooks, clock = hooks or Hooks(), world.clock
    plan, longest = back(cutover, because, hooks), bound_seconds(cutover, hooks)
    since = min(because.at, clock.now())  # who decided may have had a clock that was ahead
    within = longest - PAGING
    ends = since + within
    left, pause = ends - clock.now(), BETWEEN_READS
    is_within = left > 0
    while True:
        stand = stand_of(cutover, world, setting)
        limit = held_to(within, since, stand, setting.limit) if is_within else setting.limit
        ran = execute(plan, stand, replace(setting, limit=limit))
        left = min(left, ends - clock.now()) - pause  # it shrinks where the clock is set back, too
        if ran.code is not ExitCode.FAILED or left <= 0:
            break
        setting.tell(f"{ran.message}\n  It is tried again in {duration(pause)}.")
        clock.sleep(pause)
        pause = min(2 * pause, PAUSE)
    there = standing(readable(setting.store, cutover.target))
    outcome, message = _outcome(ran, there), ran.message
    if outcome is Outcome.STUCK:
        passed = duration(max(clock.now() - because.at, 0))
        message = (
            f"page the person on call: {passed} after the decision the old side is not verified, "
            f"and the bound is {duration(longest)} (ROLL-01)\n  {message}"
        )
    return Ended(
        outcome=outcome,
        message=message,
        runs=(before, ran) if before else (ran,),
        why=because.why,
        seconds=there.seconds_back,
        bound=there.bound or longest,
        store=setting.store,
    )


def _outcome(ran: Ran, there: Standing) -> Outcome:
    """How a way back ended."""
    if outcome := _UNFINISHED.get(ran.code):
        return outcome
    if not there.is_verified:
        return Outcome.STUCK
    return Outcome.LATE if there.is_late else Outcome.ROLLED_BACK


def stand_of(cutover: Cutover, world: World, setting: Setting) -> Stand:
    """What the steps of `cutover` act in."""
    return Stand(
        world=world,
        cutover=cutover,
        journal=lambda: current(cutover.target, setting.store, clock=setting.clock),
        answers=Answers(store=setting.store, target=cutover.target),
        background=setting.background,
    )


def _check_open(there: Standing, cutover: Cutover, plan: str | None = None) -> None:
    """Refuse to begin beside a cutover that has not ended."""
    if there.state not in {State.OPEN, State.GOING_BACK, State.LEAVING} or not there.cutover:
        return
    is_same = there.cutover.inputs == cutover.inputs
    if is_same and plan:
        is_same = there.entries[0].data["plan"] == plan
    if not is_same:
        raise RequestError(
            f"{cutover.target}: another cutover is {there.state} (run {there.run}): go on with it "
            f"(slipway cutover resume {cutover.environment} --execute), or take it back "
            f"(slipway cutover abort {cutover.environment} --execute)"
        )
