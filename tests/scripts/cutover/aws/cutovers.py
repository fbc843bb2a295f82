"""Whole cutovers with boto3's own calls: drawn from a seed, and held to what must never be."""

# ruff: noqa: S311 what is drawn here hides nothing

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from math import ceil
from random import Random
from typing import Final

from scripts.cutover.aws.services import Services
from scripts.cutover.judgement.gates import Gate, Share
from scripts.cutover.judgement.judge import Stage
from scripts.cutover.judgement.observations import Alarm, Counts, Observations, Series
from scripts.cutover.planning.request import Cutover, Releases
from scripts.cutover.planning.steps import Moved, Settings
from scripts.cutover.running.conductor import Ended, Outcome, carry_out
from scripts.cutover.running.record import decides
from scripts.cutover.world import Sides
from scripts.exits import CommandError
from scripts.runs.journal import current
from scripts.runs.lease import Owner
from scripts.runs.runner import Setting
from standards import Tier
from tests.scripts.cutover.aws.account import NEW, OLD, SIZE, Account, apis
from tests.scripts.cutover.aws.faults import Faults, KilledError
from tests.scripts.cutover.simulated.store import Memory
from tests.scripts.cutover.worlds import GUARD, plain, times, usual

RATE: Final = 500.0
USUAL: Final = 0.001
"""The share of a healthy release's requests that fail."""
GRACE: Final = 120.0
"""A task that died so long ago may not have been missed yet."""
TRIES: Final = 20
AGAIN: Final = {Outcome.PENDING, Outcome.INTERRUPTED, Outcome.REFUSED, Outcome.STUCK}
"""A start that got no answer was refused; nothing was changed, and it is tried again. What is stuck
says that somebody is to resume it, and does so when AWS answers."""
RESUMED: Final = 3
OWNER: Final = Owner(operator="ana", host="here", process=1, machine="")


class ViolationError(AssertionError):
    """An invariant did not hold; the seed replays it."""


@dataclass
class Seen:
    """What is seen of the services: as it should be, but for the errors of a bad release."""

    account: Account
    errors: float = USUAL
    """The share of the new side's requests that fail."""

    def observe(self, stage: Stage) -> Observations:
        """Every series up to now."""
        now, weight = self.account.now(), 0
        service = stage.gates[0].series.partition("/")[0]
        if "rule" in self.account.services[service]:
            weight = min(self.account.weights(service)[f"production-{service}-green"], 100)
        at = times(max(stage.since, now - 3600), now)
        old = {gate.series: usual(gate, times(now - 900, now), RATE) for gate in stage.gates}
        new = {gate.series: self._new(gate, at, RATE * weight / 100) for gate in stage.gates}
        return Observations(new=new, old=old, alarms={GUARD: Alarm.OK})

    def _new(self, gate: Gate, at: Sequence[float], rate: float) -> Series:
        found = usual(gate, at, rate)
        if self.errors > USUAL and isinstance(gate, Share) and "/errors" in gate.series:
            assert isinstance(found, Counts)
            return Counts(found.at, found.total, tuple(self.errors * each for each in found.total))
        return found

    def refusals(self) -> Sequence[str]:
        """Everything may be read."""
        return ()


@dataclass(kw_only=True)
class World:
    """The account's sides with a scripted watch."""

    sides: Mapping[str, Sides]
    watch: Seen
    clock: Account


def cutover(*services: str) -> Cutover:
    """From `OLD` to `NEW`."""
    return Cutover(
        environment="production",
        tier=Tier.PRODUCTION,
        services=tuple(
            Moved(
                watched=plain(name),
                requests_per_second=RATE,
                instances=SIZE,
                transactions_per_second=RATE,
            )
            for name in services
        ),
        releases={name: Releases(old=OLD, new=NEW) for name in services},
        settings=Settings(weights=(10, 50, 100), poll=20),
        alarms=frozenset({GUARD}),
    )


@dataclass
class Operator:
    """Carries a cutover out, again and again until it has ended."""

    account: Account
    plan: Cutover
    watch: Seen
    memory: Memory = field(default_factory=Memory)
    processes: int = 0
    stuck: int = 0

    def once(self) -> Ended:
        """One process, which knows nothing but the account and the journal."""
        self.processes += 1
        services = Services(self.account.published, apis(), now=_true_time)
        releases = {name: each.new for name, each in self.plan.releases.items()}
        before = {name: each.old for name, each in self.plan.releases.items()}
        world = World(
            sides=services.sides(releases, before if self.processes > 1 else None),
            watch=self.watch,
            clock=self.account,
        )
        return carry_out(self.plan, world, self.setting())

    def until_it_ends(self) -> Ended:
        """Whoever is killed or gives up is followed by another, once the lease has run out."""
        while True:
            try:
                ended = self.once()
            except (KilledError, TimeoutError, CommandError) as error:
                if self.processes > TRIES:
                    raise ViolationError(f"it does not end: {error}") from error
            else:
                self.stuck += ended.outcome is Outcome.STUCK
                is_stuck = ended.outcome is Outcome.STUCK and self.stuck > RESUMED
                if ended.outcome not in AGAIN or is_stuck or self.processes > TRIES:
                    return ended
            self.account.sleep(120)

    def setting(self) -> Setting:
        """Where and as whom it is carried out."""
        return Setting(
            store=self.memory,
            owner=OWNER,
            tell=lambda _: None,
            resume="slipway cutover resume",
            clock=lambda: datetime.fromtimestamp(self.account.now(), UTC),
            limit=lambda _: nullcontext(),
            background=False,
        )


def _true_time() -> float:
    """The time that moto's answers carry; the simulated one is another."""
    return time.time()


@dataclass
class Held:
    """What must never be, looked at after each change."""

    account: Account
    wrong: list[str] = field(default_factory=list[str])

    def look(self, operation: str) -> None:
        """A change was made by `operation`."""
        if operation == "RegisterScalableTarget":
            # From here on their sizes are the cutover's; before its turn a service is scaled as
            # always, and the size that was planned with is not its own any more.
            held = {"DynamicScalingInSuspended": True, "DynamicScalingOutSuspended": False}
            self.account.scaled |= {
                service
                for service in self.account.tasks
                if held.items() <= self.account.suspended(service).items()
            }
        for name, record in self.account.services.items():
            if "rule" not in record:
                continue
            weights = self.account.weights(name)
            if sum(weights.values()) != 100:
                self.wrong.append(f"{name}: weights {weights} after {operation}")
            for service, weight in weights.items():
                there = self.account.service(service)
                if weight and not there.desired_count:
                    self.wrong.append(f"{service} has {weight} % and no instances ({operation})")
                if operation == "ModifyRule" and weight:
                    self._is_sized(service, weight)
            if all(weights.values()) and operation == "ModifyRule":
                self._is_held(weights)

    def _is_sized(self, service: str, weight: int) -> None:
        had = self.account.healthy(service) + self.account.died_since(service, GRACE)
        # Before its turn, a service is scaled as always: its old side is full with fewer then.
        full = self.account.service(service.replace("green", "blue")).desired_count or SIZE
        if had < max(ceil(0.7 * min(full, SIZE) * weight / 100), 1):
            self.wrong.append(f"{service} gets {weight} % with {had} healthy instances")

    def _is_held(self, services: Mapping[str, int]) -> None:
        for service in services:
            if not self.account.suspended(service)["DynamicScalingInSuspended"]:
                self.wrong.append(f"{service} may be scaled in while both sides are needed")


@dataclass(frozen=True)
class Went:
    """How a cutover went."""

    ended: Ended
    account: Account
    operator: Operator
    faults: Faults


def carried_out(seed: int, account: Account) -> Went:
    """The cutover of `seed` in `account`.

    Raises:
        ViolationError: what must never be was.
    """
    random = Random(seed)
    often = random.choice([0.0, 0.02, 0.05])
    names = random.choice([("api",), ("api", "jobs")])
    for name in names:
        account.add(name)
    held = Held(account)
    faults = Faults(
        random=random,
        throttled=often,
        lost=often / 2,
        late=often,
        stale=often,
        changed=held.look,
        kills=sorted(random.sample(range(20, 600), random.choice([0, 0, 1, 3]))),
    )
    account.random = random
    account.dying = random.choice([0.0, 0.0, 0.0005])
    account.scaling = random.choice([0.0, 0.01])
    watch = Seen(account, errors=random.choice([USUAL, USUAL, 0.02, 0.3]))
    operator = Operator(account, cutover(*names), watch)
    with faults.at_work():
        ended = operator.until_it_ends()
    wrong = [*held.wrong, *_wrong(ended, account, names), *_untold(ended, operator)]
    if wrong:
        raise ViolationError(f"seed {seed}: {'; '.join(wrong[:5])}")
    return Went(ended, account, operator, faults)


def _wrong(ended: Ended, account: Account, names: Sequence[str]) -> Iterator[str]:
    """What is not in the account as a cutover that ended so leaves it."""
    if ended.outcome not in {Outcome.DONE, Outcome.ROLLED_BACK}:
        return
    for name in names:
        blue, green = (f"production-{name}-{side}" for side in ("blue", "green"))
        stays, goes = (green, blue) if ended.outcome is Outcome.DONE else (blue, green)
        if account.weights(name) != {stays: 100, goes: 0}:
            yield f"{name}: {ended.outcome} with {account.weights(name)}"
        if account.service(goes).desired_count or account.tasks[goes]:
            yield f"{goes} is still there"
        if not all(account.suspended(goes).values()) or any(account.suspended(stays).values()):
            yield f"{name}: scaling was not put back"


def _untold(ended: Ended, operator: Operator) -> Iterator[str]:
    """What is not as it was judged and written down."""
    errors = operator.watch.errors
    if ended.outcome is Outcome.DONE and errors > USUAL:
        yield f"done with {errors:.1%} of errors"
    journal = current(operator.plan.target, operator.memory)
    yield from journal.verify()
    for run, entries in groupby(filter(decides, journal.entries()), key=lambda each: each.run):
        numbers = [entry.data["sequence"] for entry in entries]
        if numbers != [*range(1, len(numbers) + 1)]:
            yield f"the decisions of {run} are {numbers}"
