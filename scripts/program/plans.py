"""Plans: which steps deploy, upgrade and roll back a program."""

from collections.abc import Mapping
from typing import Final

from scripts.program.elf import program_hash
from scripts.program.record.record import Record
from scripts.program.record.steps import write
from scripts.program.steps import buffer, checks, switch
from scripts.program.world import World
from scripts.runs.canonical import Json
from scripts.runs.steps import Plan, Timeout
from standards import figure

UPLOAD_SECONDS: Final = 1800.0
"""How long an upload may take, unless a rollback's bound leaves less."""


def deploy(target: str, inputs: Mapping[str, Json]) -> Plan[World]:
    """A program's first deployment."""
    return Plan(
        target=target,
        command="program deploy",
        inputs=inputs,
        steps=[
            checks.cluster(),
            switch.keep_build(),
            buffer.make_key(),
            buffer.create(),
            buffer.upload(Timeout("upload", UPLOAD_SECONDS)),
            buffer.compare(),
            switch.switch(first=True),
            checks.verify(),
            *checks.smoke(inputs),
            checks.settle(),
        ],
    )


def upgrade(target: str, inputs: Mapping[str, Json], record: Record | None = None) -> Plan[World]:
    """A new version in the place of the running one, and from which source it was built."""
    upload = Timeout("upload", UPLOAD_SECONDS)
    return _replace(target, "program upgrade", inputs, upload, record=record)


def rollback(target: str, inputs: Mapping[str, Json]) -> Plan[World]:
    """A saved version back in its place, within the standard's time."""
    most = figure("ROLL-01", "duration_below_minutes").seconds
    others = _replace(target, "", inputs, Timeout("upload", 0), withdrawn=True).bound
    # A second below the limit: the standard says under it.
    upload = Timeout("upload, what ROLL-01 leaves of its limit", most - others - 1)
    return _replace(target, "program rollback", inputs, upload, withdrawn=True)


def _replace(  # noqa: PLR0913 - each is what upgrades and rollbacks differ in
    target: str,
    command: str,
    inputs: Mapping[str, Json],
    upload: Timeout,
    *,
    withdrawn: bool = False,
    record: Record | None = None,
) -> Plan[World]:
    return Plan(
        target=target,
        command=command,
        inputs=inputs,
        always=withdrawn,
        steps=[
            checks.cluster(),
            *([] if withdrawn else [switch.keep_build()]),
            switch.save(withdrawn=withdrawn),
            buffer.make_key(),
            buffer.create(),
            buffer.upload(upload),
            buffer.compare(),
            switch.grow(),
            switch.switch(first=False),
            checks.verify(*(["ROLL-01"] if withdrawn else [])),
            *([write(record)] if record else []),
            *checks.smoke(inputs),
            checks.settle(),
        ],
    )


def inputs(world: World) -> dict[str, Json]:
    """What a deployment is of: the same again is the same run."""
    return {
        "program": str(world.program),
        "cluster": world.cluster.value,
        "hash": program_hash(world.code),
        "bytes": len(world.code),
        "version": world.version,
        "authority": str(world.upgrade_authority),
        "payer": str(world.payer.pubkey()),
        **({"smoke": world.smoke.hash} if world.smoke else {}),
    }
