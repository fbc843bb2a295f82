"""Plans for an IDL that one key may change."""

from collections.abc import Mapping
from dataclasses import replace

from solders.pubkey import Pubkey

from scripts.program.idl import buffer, steps
from scripts.program.idl.publication import Publication
from scripts.program.steps import checks
from scripts.program.world import World
from scripts.runs.canonical import Json
from scripts.runs.steps import Plan, Step


def publish(target: str, inputs: Mapping[str, Json], publication: Publication) -> Plan[World]:
    """The IDL of a build onto the chain, the first or the next."""
    return Plan(
        target=target,
        command="program idl publish",
        inputs=inputs,
        steps=[checks.cluster(), *_published(publication)],
    )


def then_publish(plan: Plan[World], publication: Publication) -> Plan[World]:
    """A way back, and once the program is back the IDL that belongs to it: no way back waits."""
    back = "The program is back, and stays; only its IDL is not yet. "
    return replace(
        plan,
        inputs={**plan.inputs, "idl": publication.idl.hash},
        steps=[
            *plan.steps,
            *(replace(one, on_failure=back + one.on_failure) for one in _published(publication)),
        ],
    )


def _published(publication: Publication) -> list[Step[World]]:
    return [
        buffer.make_key(publication),
        buffer.create(publication),
        buffer.upload(publication),
        buffer.compare(publication),
        steps.publish(publication),
        steps.verify(publication),
        steps.settle(publication),
    ]


def authority(target: str, inputs: Mapping[str, Json], new: Pubkey | None) -> Plan[World]:
    """Another key that may change the IDL, or none."""
    return Plan(
        target=target,
        command="program idl authority",
        inputs={**inputs, "idl_authority": str(new) if new else None},
        steps=[checks.cluster(), steps.hand_over(new)],
    )


def inputs(world: World, publication: Publication | None = None) -> dict[str, Json]:
    """What a publication is of: the same again is the same run."""
    common: dict[str, Json] = {
        "program": str(world.program),
        "cluster": world.cluster.value,
        "authority": str(world.upgrade_authority),
        "payer": str(world.payer.pubkey()),
    }
    if publication is None:
        return common
    idl = publication.idl
    return {**common, "idl": idl.hash, "bytes": len(idl.packed), "version": idl.version}
