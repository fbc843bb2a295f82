"""Tests of running a plan: what is done, what is written down, how a run goes on."""

import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import NoReturn

import pytest
from pydantic import SecretStr

from scripts.exits import ExitCode
from scripts.runs.canonical import Json, SecretRefusedError
from scripts.runs.journal import Journal, JournalError, Store
from scripts.runs.lease import LeaseHeldError, LeaseLostError, Owner, acquire, release
from scripts.runs.runner import Outcome, Setting, execute
from scripts.runs.steps import Acting, Plan, Step, StepPendingError, Timeout
from tests.scripts.runs.ledger import IDS, TARGET, Ledger, plan, step


@pytest.fixture
def told() -> list[str]:
    """What people were shown."""
    return []


@pytest.fixture
def setting(store: Store, told: list[str]) -> Setting:
    """Ana's, in each kind of store."""
    return Setting(
        store=store,
        owner=Owner.here("Ana"),
        tell=told.append,
        resume="slipway program upgrade staging --execute",
    )


@pytest.fixture
def world(tmp_path: Path) -> Ledger:
    """A ledger with nothing in it."""
    return Ledger(tmp_path / "ledger")


def kinds(setting: Setting) -> list[str]:
    """What the journal says happened, and to which step."""
    return [
        " ".join([entry.kind, str(entry.data.get("step", ""))]).strip()
        for entry in Journal(TARGET, setting.store).entries()
    ]


def with_step(changed: Step[Ledger]) -> Plan[Ledger]:
    """The plan with `changed` in the place of the step with its id."""
    known = plan()
    return replace(known, steps=[changed if s.id == changed.id else s for s in known.steps])


def raising(error: BaseException) -> Step[Ledger]:
    """The step `write`, which raises."""

    def run(_world: Ledger, _acting: Acting) -> NoReturn:
        raise error

    return replace(step("write"), run=run)


def test_steps_are_done_in_order_and_written_down_before_and_after(
    setting: Setting, world: Ledger, told: list[str]
) -> None:
    """With their facts; the journal verifies, the lease is free again."""
    outcome = execute(plan(), world, setting)
    assert outcome.code is ExitCode.DONE
    assert world.lines() == list(IDS)
    steps = [f"step.{what} {name}" for name in IDS for what in ("started", "note", "done")]
    assert kinds(setting) == ["run.started", *steps, "run.done"]
    assert told[0] == "1/4 Save the program"
    journal = Journal(TARGET, setting.store)
    first, *_, done, _ = journal.entries()
    assert first.data["plan"] == plan().hash
    assert done.data == {"step": "check", "length": 5}
    assert journal.verify() == []
    release(setting.store, acquire(setting.store, TARGET, Owner.here("Ben")))


def test_what_is_done_already_is_not_done_again(setting: Setting, world: Ledger) -> None:
    """The world is asked, whoever did it."""
    world.act("write")
    execute(plan(), world, setting)
    assert sorted(world.lines()) == sorted(IDS)
    assert "step.found-done write" in kinds(setting)


def test_a_failed_run_goes_on_where_it_failed(
    setting: Setting, world: Ledger, told: list[str]
) -> None:
    """The message says what to do and how to go on; the run stays the same one."""
    failed = execute(with_step(raising(ValueError("the node is behind"))), world, setting)
    assert failed.code is ExitCode.FAILED
    assert failed.message == (
        "Write the program: the node is behind\n  Look at the ledger."
        "\n  To go on: slipway program upgrade staging --execute"
    )
    assert kinds(setting)[-2:] == ["step.failed write", "run.failed"]
    resumed = execute(plan(), world, setting)
    assert (resumed.run, resumed.code) == (failed.run, ExitCode.DONE)
    assert world.lines() == list(IDS)
    assert f"resuming the run {failed.run}" in told


def test_a_done_run_and_another_plan_start_anew(setting: Setting, world: Ledger) -> None:
    """Only an unfinished run of the very same plan is resumed."""
    first = execute(plan(), world, setting)
    again = execute(plan(), world, setting)
    other = execute(with_step(raising(ValueError())), Ledger(world.path.with_name("b")), setting)
    newer = execute(plan("1.0.1"), world, setting)
    assert len({first.run, again.run, other.run, newer.run}) == 4


def test_a_step_that_ran_and_changed_nothing_has_failed(setting: Setting, world: Ledger) -> None:
    """What it returned is not believed."""

    def idle(_world: Ledger, _acting: Acting) -> Mapping[str, Json]:
        return {"written": True}

    outcome = execute(with_step(replace(step("write"), run=idle)), world, setting)
    assert outcome.code is ExitCode.FAILED
    assert "it ran, and what it is for is still not so" in outcome.message
    assert world.lines() == ["save"]


def test_a_step_that_waits_for_people_is_no_failure(setting: Setting, world: Ledger) -> None:
    """Exit code 3, and run again it looks again."""
    waiting = StepPendingError("1 of 2 approvals")
    outcome = execute(with_step(raising(waiting)), world, setting)
    assert outcome.code is ExitCode.PENDING
    assert "waiting: 1 of 2 approvals" in outcome.message
    assert kinds(setting)[-1] == "run.pending"
    assert execute(plan(), world, setting) == Outcome(
        run=outcome.run,
        code=ExitCode.DONE,
        message="program upgrade on staging/program: done",
        journal=TARGET,
    )


def test_an_interrupt_leaves_a_run_that_goes_on(setting: Setting, world: Ledger) -> None:
    """Control-C in the middle of a step, by its real signal."""

    def interrupted(_line: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        sleep(60)

    outcome = execute(plan(), replace(world, before=interrupted), setting)
    assert outcome.code is ExitCode.INTERRUPTED
    assert "To go on: slipway program upgrade staging --execute" in outcome.message
    assert kinds(setting)[-1] == "run.interrupted"
    assert world.lines() == []
    assert execute(plan(), world, setting).run == outcome.run
    assert world.lines() == list(IDS)


def test_a_step_is_held_to_its_time(setting: Setting, world: Ledger) -> None:
    """It fails, and says how long it had."""

    def waits(_world: Ledger, _acting: Acting) -> NoReturn:
        sleep(60)
        raise AssertionError

    slow = replace(step("write"), run=waits, timeout=Timeout("write deadline", 0.05))
    outcome = execute(with_step(slow), world, setting)
    assert outcome.code is ExitCode.FAILED
    assert "not done within" in outcome.message


def test_a_second_operator_changes_nothing(setting: Setting, world: Ledger) -> None:
    """And is told who works on it."""
    refused: list[str] = []

    def contend(_line: str) -> None:
        with pytest.raises(LeaseHeldError, match="Ana") as held:
            execute(plan(), world, replace(setting, owner=Owner.here("Ben")))
        refused.append(str(held.value))

    assert execute(plan(), replace(world, before=contend), setting).code is ExitCode.DONE
    assert len(refused) == 4
    assert world.lines() == list(IDS)


def test_who_lost_the_lease_acts_no_more(setting: Setting, world: Ledger) -> None:
    """A step that is checked before each act stops; nothing more is written in the journal."""

    def lose(_line: str) -> None:
        now = setting.store.lease(TARGET)
        assert now
        release(setting.store, now)
        acquire(setting.store, TARGET, Owner.here("Ben"))

    with pytest.raises(LeaseLostError, match="Ben"):
        execute(plan(), replace(world, before=lose), setting)
    assert world.lines() == ["save"]
    assert kinds(setting)[-1] == "step.note save"


def test_a_broken_journal_stops_a_run_before_it_starts(setting: Setting, world: Ledger) -> None:
    """Nothing is changed."""
    lease = acquire(setting.store, TARGET, Owner.here("Eve"))
    journal = Journal(TARGET, setting.store)
    entry = journal.append("note", {"amount": 1}, run="r", lease=lease)
    forged = entry.model_copy(update={"sequence": 2, "previous": entry.hash, "data": {"amount": 2}})
    setting.store.append(forged, token=lease.token)
    release(setting.store, lease)
    with pytest.raises(JournalError, match="entry 2 was changed"):
        execute(plan(), world, setting)
    assert world.lines() == []


def test_no_secret_is_left_behind(setting: Setting, world: Ledger, tmp_path: Path) -> None:
    """Neither a marked one in another's error message, nor one that looks like one, nor as fact."""
    hidden = "node-path-4711"
    known = replace(setting, secrets=[SecretStr(hidden)])
    said = execute(with_step(raising(OSError(f"GET /{hidden}: 403"))), world, known)
    assert "GET /[secret]: 403" in said.message
    said = execute(with_step(raising(OSError("key is " + str([9] * 64)))), world, known)
    assert "was not kept" in said.message

    def tells(world: Ledger, _acting: Acting) -> Mapping[str, Json]:
        world.act("write")
        return {"node": hidden}

    with pytest.raises(SecretRefusedError, match=r"step\.done"):
        execute(with_step(replace(step("write"), run=tells)), world, known)
    left = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    left += [entry.text().encode() for entry in Journal(TARGET, setting.store).entries()]
    assert len(left) > 5
    assert not any(hidden.encode() in text or b"9, 9" in text for text in left)
    assert not any(b"9,9" in text for text in left)
