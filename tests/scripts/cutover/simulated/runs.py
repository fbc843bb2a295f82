"""One simulated cutover from its seed to its end: run, killed, resumed elsewhere, taken back."""

# ruff: noqa: S311 what is drawn here hides nothing

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Final

from scripts.cutover.judgement.observations import Answer
from scripts.cutover.planning.request import Cutover, Releases
from scripts.cutover.planning.steps import ALL, Moved, Settings
from scripts.cutover.running.answers import give_answer, give_order
from scripts.cutover.running.back import Because, bound_seconds
from scripts.cutover.running.conductor import Ended, Outcome, carry_out, take_back
from scripts.cutover.running.standing import Standing, State, readable, standing
from scripts.exits import CommandError
from scripts.runs.journal import Entry, JournalError, current
from scripts.runs.lease import Owner
from scripts.runs.runner import Setting
from standards import Tier
from tests.scripts.cutover.simulated.cloud import Cloud, Sides
from tests.scripts.cutover.simulated.fate import SHAPES, Fate, drawn
from tests.scripts.cutover.simulated.fleet import Fleet, Service
from tests.scripts.cutover.simulated.hooks import TESTING, Migrated, Tested, hooks
from tests.scripts.cutover.simulated.metrics import RATE, Metrics, Watch
from tests.scripts.cutover.simulated.processes import (
    START,
    KilledError,
    Process,
    Time,
    ViolationError,
)
from tests.scripts.cutover.simulated.store import Connection, Memory
from tests.scripts.cutover.simulated.witness import Witness
from tests.scripts.cutover.worlds import GUARD, plain, watched

SIZE: Final = 4
AGAIN: Final = 80.0
"""The seconds after which somebody resumes what stopped: a lease has run out by then."""
OVER: Final = "there is nothing left to be done"
ENDS: Final = {Outcome.DONE, Outcome.ROLLED_BACK, Outcome.LATE, Outcome.REFUSED}
MOMENT: Final = 5.0
"""What calls take, in seconds, before the next look."""
TRIES: Final = 120
"""After so many a cutover has ended, whatever happened."""


@dataclass(kw_only=True)
class Simulated:
    """How one simulated cutover went."""

    seed: int
    fate: Fate
    cloud: Cloud
    cutover: Cutover
    ended: Ended | None = None
    processes: int = 0
    back_seconds: float | None = None
    """From the decision to go back to the verified old side, by the true time."""
    refusals: list[str] = field(default_factory=list[str])
    """Why processes did nothing."""


@dataclass
class _World:
    sides: dict[str, Sides]
    watch: Watch
    clock: Process


@cache
def cutover(shape: int, services: int) -> Cutover:
    """One of the plans that are simulated."""
    names = ("api", "jobs")[:services]
    make = watched if shape == SHAPES - 1 else plain
    weights = ((5, 25, 100), (10, 50, 100), (25, 100))[shape]
    return Cutover(
        environment="simulated",
        tier=Tier.PRODUCTION,
        services=tuple(
            Moved(
                watched=make(name),
                requests_per_second=RATE,
                instances=SIZE,
                transactions_per_second=RATE,
            )
            for name in names
        ),
        releases={name: Releases(old="one", new="two") for name in names},
        settings=Settings(weights=weights, poll=(60, 60, 30)[shape], first_minutes=600),
        alarms=frozenset({GUARD}),
    )


def simulate(seed: int, trace: Callable[[float, str], None] | None = None) -> Simulated:
    """The cutover of `seed`.

    Raises:
        ViolationError: what must never be was; the message says the seed.
    """
    try:
        return _Simulation(seed, trace).run()
    except ViolationError as violation:
        raise ViolationError(
            f"seed {seed}: {violation}\n  Replay it: "
            f"python -m tests.scripts.cutover.simulation --seed {seed} -v"
        ) from violation


class _Simulation:
    def __init__(self, seed: int, trace: Callable[[float, str], None] | None) -> None:
        self._random: Final = Random(seed + 1)
        fate = drawn(seed)
        self._time: Final = Time()
        self._memory: Final = Memory()
        plan = cutover(fate.shape, fate.services)
        starts = float("inf") if fate.never_starts else fate.starts_after
        services = {
            name: Service(
                name=name,
                full=SIZE,
                old=Fleet(30.0, SIZE, [START - 3600.0] * SIZE),
                new=Fleet(starts),
                weights=[(START - 3600.0, 0)],
            )
            for name in plan.order
        }
        self._cloud: Final = Cloud(
            fate=fate,
            random=self._random,
            time=self._time,
            memory=self._memory,
            services=services,
            target=plan.target,
            poll=plan.settings.poll,
            witness=Witness(plan, fate, services),
        )
        if trace:
            self._cloud.trace = trace
        self._metrics: Final = {
            name: Metrics(self._cloud, service) for name, service in services.items()
        }
        self._tested: Final = Tested(self._cloud)
        self._migrated: Final = Migrated(self._cloud)
        self._said: Final = Simulated(seed=seed, fate=fate, cloud=self._cloud, cutover=plan)
        self._cloud.asked = self._asked
        self._bound: Final = bound_seconds(
            plan, hooks(Process(self._time, EVE), self._tested, self._migrated)
        )
        self._paged: float | None = None
        self._is_broken = False
        self._tampered: Final = set[str]()
        self._happen()

    def run(self) -> Simulated:
        said, fate = self._said, self._cloud.fate
        kills = list(fate.kills)
        while said.ended is None:
            if said.processes >= TRIES:
                raise ViolationError(f"not ended after {TRIES} processes: {said.refusals[-1]}")
            self._process(kills.pop(0) if kills else None)
            if said.ended is None:
                self._time.pass_(AGAIN)
        self._check_end(said.ended)
        return said

    def _happen(self) -> None:
        """What fate has besides the controller."""
        fate, time = self._cloud.fate, self._time
        for at, is_new, count in fate.deaths:
            for service in self._cloud.services.values():
                time.at(at, lambda s=service, n=is_new, c=count: self._die(s, c, is_new=n))
        if fate.rival is not None:
            time.at(fate.rival, lambda: self._process(None))
        if fate.order is not None:
            time.at(fate.order, self._order)
        if fate.tampers is not None:
            time.at(fate.tampers, self._tamper)

    def _die(self, service: Service, count: int, *, is_new: bool) -> None:
        fleet = service.new if is_new else service.old
        self._cloud.trace(self._time.now, f"{count} tasks of {service.name} die, new: {is_new}")
        fleet.die(count, self._time.now)
        if is_new and service.weight:
            service.failures.append(self._time.now)

    def _process(self, kill_at: int | None) -> None:
        """One process of an operator tries to carry the cutover out."""
        said, fate = self._said, self._cloud.fate
        said.processes += 1
        self._cloud.faults += 1
        number = said.processes
        owner = Owner(
            operator=("ana", "ben")[number % 2], host=f"host-{number}", process=number, machine=""
        )
        process = Process(
            time=self._time,
            owner=owner,
            ahead=fate.ahead if number == 1 else -fate.ahead,
            jump=fate.jump if number == 1 else None,
            kill_at=kill_at,
            pause=fate.pause if number == 1 else None,
            paused=lambda: self._time.at(self._time.now + AGAIN, lambda: self._process(None)),
        )
        self._cloud.trace(self._time.now, f"{owner} starts")
        try:
            ended = self._carried_out(process)
        except (KilledError, CommandError) as error:
            self._is_broken = self._is_broken or isinstance(error, JournalError)
            why = f"{owner}: {type(error).__name__}: {error}"
            said.refusals.append(why)
            self._cloud.trace(self._time.now, why)
            return
        self._cloud.trace(self._time.now, f"{owner}: {ended.outcome}: {ended.message}")
        is_over = ended.message == OVER
        if is_over or ended.outcome in ENDS:
            said.ended = ended
        else:
            self._check_paged(ended)
            said.refusals.append(f"{owner}: {ended.outcome}: {ended.message}")

    def _carried_out(self, process: Process) -> Ended:
        cutover, world, setting = self._said.cutover, self._world(process), self._setting(process)
        plugged = hooks(process, self._tested, self._migrated)
        there = standing(readable(self._memory, cutover.target))
        if ended := self._over(there):
            return Ended(outcome=ended, message=OVER, runs=())
        if not self._is_broken:
            return carry_out(cutover, world, setting, plugged)
        # What is left to a person whose journal is broken: the way back, which asks for none.
        last = self._cloud.last
        because = Because(of=last.run if last else "", why="broken journal", at=process.now())
        return take_back(cutover, there.because or because, world, setting, plugged)

    def _over(self, there: Standing) -> Outcome | None:
        """How it ended, where nothing is left to be done."""
        if there.state is State.LEAVING and self._is_broken:
            return Outcome.STUCK  # users are on the new side, and a person looks at the journal
        back = Outcome.LATE if there.is_late else Outcome.ROLLED_BACK
        return {State.DONE: Outcome.DONE, State.TAKEN_BACK: back}.get(there.state)

    def _world(self, process: Process) -> _World:
        return _World(
            sides={
                name: Sides(self._cloud, service, process, ("one", "two"))
                for name, service in self._cloud.services.items()
            },
            watch=Watch(self._cloud, self._metrics, process),
            clock=process,
        )

    def _setting(self, process: Process) -> Setting:
        return Setting(
            store=Connection(self._memory, process),
            owner=process.owner,
            tell=lambda _: None,
            resume="slipway cutover resume simulated",
            clock=process.utc,
            wait=process.sleep,
            limit=process.limit,
            background=False,
        )

    def _asked(self, entry: Entry, number: int) -> None:
        """Somebody will answer the question, or nobody."""
        answer = self._cloud.fate.answer
        if answer is None:
            return

        def answers() -> None:
            self._cloud.trace(self._time.now, f"eve answers: {answer}")
            if answer is Answer.GO_ON:
                self._cloud.accepted.add((entry.run, number))
                self._cloud.witness.accepts(self._time.now, entry, number)
            give_answer(
                self._memory,
                self._cloud.target,
                EVE,
                run=entry.run,
                number=number,
                answer=answer,
                clock=Process(self._time, EVE).utc,
            )

        self._time.at(self._time.now + self._cloud.fate.answers_after, answers)

    def _order(self) -> None:
        run = self._cloud.last.run if self._cloud.last else None
        if run:
            self._cloud.trace(self._time.now, "eve orders to go back")
            self._cloud.witness.ordered = (self._time.now, run)
            clock = Process(self._time, EVE).utc
            give_order(
                self._memory, self._cloud.target, EVE, run=run, why="it looks odd", clock=clock
            )

    def _tamper(self) -> None:
        name = current(self._cloud.target, self._memory).name
        if texts := self._memory.texts.get(name):
            self._tampered.add(name)
            place = self._random.randrange(len(texts))
            texts[place] = texts[place].replace('"kind":"', '"kind":"not ')
            self._cloud.trace(self._time.now, f"somebody changes entry {place + 1}")

    def _check_end(self, ended: Ended) -> None:
        services = self._cloud.services.values()
        weights = {service.weight for service in services}
        retired = {side for service in services for side in service.retired}
        if ended.outcome in {Outcome.DONE, Outcome.STUCK}:
            expected, gone, kept = ALL, "old", "new"
        else:
            expected, gone, kept = 0, "new", "old"
        if weights != {expected} or kept in retired:
            raise ViolationError(f"{ended.outcome} with {weights} %, gone: {retired}")
        if ended.outcome is Outcome.DONE and retired != {gone}:
            raise ViolationError(f"done, gone: {retired}")
        if ended.outcome in {Outcome.ROLLED_BACK, Outcome.LATE}:
            self._check_back(ended.outcome)
        self._check_sight()
        self._check_journal()

    def _check_sight(self) -> None:
        """Users on a new side are looked at at each poll by a process that may look."""
        fate, unseen = self._cloud.fate, self._cloud.unseen
        is_apart = fate.kills or fate.pause or fate.rival or fate.jump or fate.busy or fate.outage
        most = self._cloud.poll + max(self._cloud.poll, TESTING) + MOMENT
        if not is_apart and not fate.tampers and unseen > most:
            raise ViolationError(f"nobody looked at users on a new side for {unseen:.0f} s")

    def _check_back(self, outcome: Outcome) -> None:
        """A way back ends within what its own plan prints, by the true time, or pages somebody.

        What is verified later than that is said to be late, and nothing else is.
        """
        since, verified, fate = self._cloud.going_back, self._cloud.verified, self._cloud.fate
        if since is None or verified is None:
            raise ViolationError("rolled back, and nobody decided or verified that")
        seconds = verified - since
        if seconds > self._bound and not fate.outage:
            raise ViolationError(f"{outcome} after {seconds:.0f} s, beyond {self._bound:.0f} s")
        is_late = outcome is Outcome.LATE
        if is_late is not (seconds > self._bound) and not (fate.jump or fate.ahead):
            raise ViolationError(f"{outcome} is said of {seconds:.0f} s, of {self._bound:.0f} s")
        if is_late and self._paged is None and not fate.jump:
            raise ViolationError(f"{outcome} after {seconds:.0f} s, and nobody was paged")
        if not fate.outage:
            self._said.back_seconds = seconds

    def _check_paged(self, ended: Ended) -> None:
        """A way back that gives up pages somebody, before its bound is over."""
        since, fate = self._cloud.going_back, self._cloud.fate
        if ended.outcome is not Outcome.STUCK or ended.bound is None or since is None:
            return
        if "page the person on call" not in ended.message:
            raise ViolationError(f"given up, and nobody is told: {ended.message}")
        seconds, is_first = self._time.now - since, self._paged is None
        self._paged = self._time.now
        if is_first and seconds > self._bound and not (fate.kills or fate.pause or fate.jump):
            raise ViolationError(f"paged after {seconds:.0f} s, beyond {self._bound:.0f} s")

    def _check_journal(self) -> None:
        journal = current(self._cloud.target, self._memory)
        problems = journal.verify()
        if bool(problems) != (journal.name in self._tampered):
            raise ViolationError(f"the journal {journal.name} does not verify: {problems}")


EVE: Final = Owner(operator="eve", host="desk", process=1, machine="")
