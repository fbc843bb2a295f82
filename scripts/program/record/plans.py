"""The plan for a verify record that one key writes."""

from collections.abc import Mapping

from scripts.program.record.record import Record
from scripts.program.record.steps import write
from scripts.program.steps import checks
from scripts.program.world import World
from scripts.runs.canonical import Json
from scripts.runs.steps import Plan


def record(target: str, inputs: Mapping[str, Json], written: Record) -> Plan[World]:
    """From which source the running program was built."""
    return Plan(
        target=target,
        command="program record",
        inputs=inputs,
        steps=[checks.cluster(), write(written)],
    )
