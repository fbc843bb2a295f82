"""Plans for a program that a multisig owns."""

from collections.abc import Mapping

from scripts.program.multisig import steps
from scripts.program.multisig.squad import Squad
from scripts.program.plans import UPLOAD_SECONDS
from scripts.program.steps import buffer, checks, switch
from scripts.program.world import World
from scripts.runs.canonical import Json
from scripts.runs.steps import Plan, Step, Timeout


def upgrade(
    target: str, inputs: Mapping[str, Json], squad: Squad, running: bytes | None
) -> Plan[World]:
    """A new version, with the way back to `running` one execution away before it runs.

    Without `running` there is none: an emergency does not wait for two votes.
    """
    return Plan(
        target=target,
        command="program upgrade",
        inputs={**inputs, "multisig": str(squad.multisig)},
        steps=[
            checks.cluster(),
            switch.keep_build(),
            switch.save(withdrawn=False),
            *(steps.standby(each, running) for each in _decided(squad) if running is not None),
            *_decided(squad),
            switch.grow(),
            steps.execute(squad),
            checks.verify(),
            checks.smoke(),
            checks.settle(),
        ],
    )


def rollback(
    target: str, inputs: Mapping[str, Json], squad: Squad, *, is_ready: bool
) -> Plan[World]:
    """A saved version back: one execution where it lies ready, else decided from the start."""
    return Plan(
        target=target,
        command="program rollback",
        inputs={**inputs, "multisig": str(squad.multisig)},
        steps=[
            checks.cluster(),
            switch.save(withdrawn=True),
            *([] if is_ready else _decided(squad)),
            switch.grow(),
            steps.execute(squad, "Switch the program back"),
            checks.verify(),
            checks.smoke(),
            checks.settle(),
        ],
    )


def _decided(squad: Squad) -> list[Step[World]]:
    """From nothing to an upgrade that may be executed."""
    return [
        buffer.make_key(),
        buffer.create(),
        buffer.upload(Timeout("upload", UPLOAD_SECONDS)),
        buffer.compare(),
        steps.give(squad),
        steps.propose(squad),
        steps.agree(squad),
        steps.wait(squad),
    ]
