"""Tests of rehearsals: what counts as one, and what a restore has to have shown."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scripts.cutover.database.around import Approval, DatabaseSteps, database_steps, refusals
from scripts.cutover.database.ddl import Sql
from scripts.cutover.database.planned import Planned
from scripts.cutover.database.rehearsal import RehearsalError, read_rehearsal, rehearsal
from scripts.cutover.database.steps import Stage
from scripts.exits import ExitCode
from scripts.runs.approvers import Role
from scripts.runs.evidence import About, Change, Purpose, Signature, collect, hash_of, seal, sign
from scripts.runs.journal import Journal
from scripts.runs.lease import Owner
from scripts.runs.runner import Setting, execute
from scripts.runs.sqlite import SqliteStore
from scripts.runs.steps import State, states
from standards import Tier
from tests.scripts.cutover.database.memory import LOSES, Memory, Process, planned, stage
from tests.scripts.runs.people import approvers, key

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def restored(memory: Memory) -> Stage:
    """A change that only a restore takes back."""
    return stage(Process(memory), planned("breaking", loses=LOSES, unread=["orders.note"]))


def rehearsed(
    folder: Path, it: Stage, tier: Tier = Tier.STAGING, seconds_an_entry: float = 1
) -> Path:
    """The signed evidence of a rehearsal, in which each entry came so long after the one before."""
    store = SqliteStore(folder / "runs.sqlite")
    now = [START]

    def clock() -> datetime:
        now[0] += timedelta(seconds=seconds_an_entry)
        return now[0]

    setting = Setting(
        store=store, owner=Owner.here("Ana"), tell=lambda _: None, resume="again",
        background=False, clock=clock,
    )  # fmt: skip
    plan = rehearsal(it, "staging")
    assert list(states(plan, object()).values())[1:] == [State.TO_DO] * (len(plan.steps) - 1)
    outcome = execute(plan, object(), setting)
    assert outcome.code is ExitCode.DONE, outcome.message
    entries = Journal(outcome.journal, store).entries()
    about = About(
        tier=tier, change=Change.NORMAL, repeatable=True,
        hashes={"database": it.planned.hash}, costs={},
    )  # fmt: skip
    bundle = collect(entries, outcome.run, about)
    signed = sign(
        key("Ana"), Purpose.EVIDENCE, hash_of(bundle), by="Ana", role=Role.LEAD, at=bundle.ended
    )
    path = folder / "change.rehearsal.json"
    seal(bundle, [signed]).write(path)
    store.close()
    return path


def test_rehearsed(tmp_path: Path) -> None:
    """A rehearsal restores, verifies and throws away, and its evidence says how long that took."""
    memory = Memory()
    path = rehearsed(tmp_path, restored(memory))
    assert memory.revision == "next1"
    assert memory.made == {}
    found = read_rehearsal(path, restored(memory), approvers(), at=START + timedelta(hours=1))
    assert found.seconds is not None
    assert 1 <= found.seconds <= 30
    steps: DatabaseSteps[object] = database_steps(restored(memory), found)
    assert f"Rehearsed: {found}." in steps.allows
    assert f"the way back took {found.seconds:.0f} s, on staging/database at" in steps.allows
    assert steps.back[0].timeout.seconds == 1.5 * found.seconds
    assert "LOST by that: what was written to orders since the migration began" in steps.allows


@pytest.mark.parametrize(
    ("hours", "seconds", "tier", "why"),
    [
        (50, 1, Tier.STAGING, r"it has expired: .* more than 48 hours"),
        (10, 60, Tier.STAGING, r"the way back took .* less than 15 min \(ROLL-01\)"),
        (1, 1, Tier.INTEGRATION, "it was made in integration, not in staging"),
    ],
)
def test_refused(tmp_path: Path, hours: float, seconds: float, tier: Tier, why: str) -> None:
    """One that is too old, took too long, or was made elsewhere shows nothing."""
    memory = Memory()
    path = rehearsed(tmp_path, restored(memory), tier, seconds)
    at = START + timedelta(hours=hours)
    with pytest.raises(RehearsalError, match=why):
        read_rehearsal(path, restored(memory), approvers(), at=at)


def test_of_another_change(tmp_path: Path) -> None:
    """It holds for the very change and the very SQL."""
    memory = Memory()
    path = rehearsed(tmp_path, restored(memory))
    at = START + timedelta(hours=1)
    other = stage(Process(memory), planned("breaking", loses={**LOSES, "atMostRows": 5}))
    with pytest.raises(RehearsalError, match="it is of another change"):
        read_rehearsal(path, other, approvers(), at=at)
    it = restored(memory)
    sql = Planned(it.change, Sql("up.sql", "CREATE TABLE n (id int);"), None, None)
    it = replace(it, print_sql=lambda: sql)
    found = read_rehearsal(path, it, approvers(), at=at)
    said = refusals(it, approved(it), found, at=at)
    assert said == ["orders: its SQL is another one than was rehearsed on staging/database (QA-16)"]


def test_none(tmp_path: Path) -> None:
    """Without evidence people are told what to do."""
    with pytest.raises(RehearsalError, match=r"tried on staging's data, with its way back \(QA-16"):
        read_rehearsal(tmp_path / "no.json", restored(Memory()), approvers(), at=START)
    path = tmp_path / "x.json"
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(RehearsalError, match="cut short"):
        read_rehearsal(path, restored(Memory()), approvers(), at=START)


def approved(it: Stage, by: str = "Ben", operator: str = "Ana") -> Approval:
    """What people accept to lose."""
    signed: Signature = sign(
        key(by), Purpose.APPROVAL, it.planned.hash, by=by, role=Role.ENGINEERING, at=START
    )
    return Approval(signatures=[signed], approvers=approvers(), operator=operator)


@pytest.mark.parametrize(
    ("people", "is_let"),
    [
        ({"by": "Ben"}, True),
        ({"by": "Ben", "operator": "Ben"}, False),
        (None, False),
    ],
)
def test_loss_approved(people: Mapping[str, str] | None, *, is_let: bool) -> None:
    """Somebody else than who runs it accepts what would be lost, before anything starts."""
    it = restored(Memory())
    approval = approved(it, **people) if people else None
    said = refusals(it, approval, None, at=START + timedelta(hours=1))
    assert said == [] if is_let else f"slipway evidence approve {it.planned.hash}" in said[0]


def test_nothing_to_restore_from() -> None:
    """Where nothing can be restored, a change that needs it does not start."""
    it = replace(restored(Memory()), copies=None)
    said = refusals(it, approved(it), None, at=START)
    (why,) = said
    assert why.startswith("orders: nothing here can be restored, and only a restore takes it back")


def test_elsewhere() -> None:
    """A schema that is somewhere else than where the change begins is told before the start."""
    it = stage(Process(Memory(revision="other")), planned())
    (said,) = refusals(it, None, None, at=START)
    assert "the schema is at other; the change begins at base1" in said
