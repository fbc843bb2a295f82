"""Plans for a program that a multisig owns."""

from collections.abc import Mapping, Sequence
from typing import Final

from solders.pubkey import Pubkey

from scripts.program.idl import buffer as idl_buffer
from scripts.program.idl import steps as idl
from scripts.program.idl.publication import Publication
from scripts.program.multisig import decisions, steps
from scripts.program.multisig.decisions import Decision
from scripts.program.multisig.squad import Squad
from scripts.program.multisig.standing import Standing, noted, retiring
from scripts.program.plans import UPLOAD_SECONDS
from scripts.program.record import steps as verify_record
from scripts.program.record.record import Record
from scripts.program.steps import buffer, checks, switch
from scripts.program.world import World
from scripts.runs.canonical import Json
from scripts.runs.steps import Plan, Step, Timeout, duration

RETIRE: Final = "program retire"


def upgrade(  # noqa: PLR0913, PLR0917 - each is a part of what is decided
    target: str,
    inputs: Mapping[str, Json],
    squad: Squad,
    running: bytes | None,
    publication: Publication | None = None,
    record: Record | None = None,
) -> Plan[World]:
    """A new version, with the way back to `running` one execution away before it runs.

    Without `running` there is none: an emergency does not wait for two votes. What `publication`
    publishes and `record` says is decided and executed together with it.
    """
    back = decisions.upgrading(squad)
    decision = decisions.upgrading(squad, publication, record)
    beside = _published(squad, publication) if publication else []
    return Plan(
        target=target,
        command="program upgrade",
        waits=_waits(squad, 1 if running is None else 2),
        inputs={**inputs, "multisig": str(squad.multisig)},
        steps=[
            checks.cluster(),
            switch.keep_build(),
            switch.save(withdrawn=False),
            *(
                steps.standby(each, running)
                for each in [*_filled(squad), *_decided(squad, back)]
                if running is not None
            ),
            *_filled(squad),
            *beside,
            *([verify_record.fund(record)] if record else []),
            *_decided(squad, decision),
            switch.grow(),
            steps.execute(squad, decision),
            checks.verify(),
            *([idl.verify(publication)] if publication else []),
            *([verify_record.verify(record)] if record else []),
            *checks.smoke(inputs),
            checks.settle(),
            *([idl.settle(publication)] if publication else []),
        ],
    )


def rollback(
    target: str, inputs: Mapping[str, Json], squad: Squad, *, is_ready: bool
) -> Plan[World]:
    """A saved version back: one execution where it lies ready, else decided from the start."""
    decision = decisions.upgrading(squad)
    return Plan(
        target=target,
        command="program rollback",
        inputs={**inputs, "multisig": str(squad.multisig)},
        always=True,
        waits="" if is_ready else _waits(squad, 1),
        steps=[
            checks.cluster(),
            switch.save(withdrawn=True),
            *([] if is_ready else [*_filled(squad), *_decided(squad, decision)]),
            switch.grow(),
            steps.execute(squad, decision, "Switch the program back"),
            checks.verify("ROLL-01"),
            *checks.smoke(inputs),
            checks.settle(),
        ],
    )


def publish(
    target: str, inputs: Mapping[str, Json], squad: Squad, publication: Publication
) -> Plan[World]:
    """An IDL that the vault puts in place."""
    decision = decisions.publishing(squad, publication)
    return Plan(
        target=target,
        command="program idl publish",
        waits=_waits(squad, 1),
        inputs={**inputs, "multisig": str(squad.multisig)},
        steps=[
            checks.cluster(),
            *_published(squad, publication),
            *_decided(squad, decision),
            steps.execute(squad, decision),
            idl.verify(publication),
            idl.settle(publication),
        ],
    )


def record(target: str, inputs: Mapping[str, Json], squad: Squad, written: Record) -> Plan[World]:
    """A verify record that the vault writes."""
    decision = decisions.recording(squad, written)
    fund = verify_record.fund(written)
    return change(target, "program record", inputs, squad, decision, [fund])


def change(  # noqa: PLR0913, PLR0917 - each is a part of the plan
    target: str,
    command: str,
    inputs: Mapping[str, Json],
    squad: Squad,
    decision: Decision,
    before: Sequence[Step[World]] = (),
    rounds: int = 1,
) -> Plan[World]:
    """What members decide about the program itself; where one execution is too small, in rounds."""
    return Plan(
        target=target,
        command=command,
        waits=_waits(squad, max(1, rounds)),
        inputs={**inputs, "multisig": str(squad.multisig)},
        steps=[
            checks.cluster(),
            *before,
            *_decided(squad, decision),
            steps.execute(squad, decision),
        ],
    )


def idl_authority(
    target: str, inputs: Mapping[str, Json], squad: Squad, new: Pubkey | None
) -> Plan[World]:
    """Another key that may change the IDL of the vault's program, or none."""
    return change(
        target,
        "program idl authority",
        {**inputs, "idl_authority": str(new) if new else None},
        squad,
        decisions.handing_over(squad, new),
    )


def retire(target: str, squad: Squad, due: Sequence[Standing]) -> Plan[World]:
    """Ways back that are kept no longer: ended, their buffers closed."""
    return Plan(
        target=target,
        command=RETIRE,
        waits=_waits(squad, len(due)),
        inputs={"multisig": str(squad.multisig), **noted(due)},
        steps=[checks.cluster(), *(part for one in due for part in retiring(squad, one))],
    )


def _waits(squad: Squad, decisions: int) -> str:
    """What so many decisions, one after another, wait for beside their steps."""
    if not squad.time_lock:
        return "what the members take"
    times = f"{decisions} times " if decisions > 1 else ""
    total = f", {duration(decisions * squad.time_lock)}" if decisions > 1 else ""
    return f"{times}a time lock of {duration(squad.time_lock)}{total}, and what the members take"


def _filled(squad: Squad) -> list[Step[World]]:
    """A buffer with the world's code, in the vault's hands."""
    return [
        buffer.make_key(),
        buffer.create(),
        buffer.upload(Timeout("upload", UPLOAD_SECONDS)),
        buffer.compare(),
        steps.give(squad),
    ]


def _published(squad: Squad, publication: Publication) -> list[Step[World]]:
    """A buffer with the IDL, in the vault's hands, and rent for it where it will lie."""
    return [
        idl_buffer.make_key(publication),
        idl_buffer.create(publication),
        idl_buffer.upload(publication),
        idl_buffer.compare(publication),
        idl.fund(publication),
        idl_buffer.give(publication, squad.vault),
    ]


def _decided(squad: Squad, decision: Decision) -> list[Step[World]]:
    """From a full buffer to what may be executed."""
    return [
        steps.propose(squad, decision),
        steps.agree(squad, decision),
        steps.wait(squad, decision),
    ]
