"""What a member says of a proposal."""

from collections.abc import Mapping, Sequence
from typing import Final

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from scripts.program.choices import Choice
from scripts.program.multisig import squads
from scripts.program.multisig.squad import Squad, asked, read_multisig
from scripts.program.multisig.squads import Status
from scripts.program.multisig.steps import UNITS
from scripts.program.world import World, step
from scripts.runs.canonical import Json
from scripts.runs.steps import Acting, Step, StepFailedError, Timeout

_SAID: Final = {
    Choice.APPROVE: "approved",
    Choice.REJECT: "rejected",
    Choice.CANCEL: "cancelled",
}
_CAST: Final = {
    Choice.APPROVE: squads.approve,
    Choice.REJECT: squads.reject,
    Choice.CANCEL: squads.cancel,
}


def cast_vote(choice: Choice, *, multisig: Pubkey, index: int, member: Pubkey) -> Instruction:
    """The instruction that says it."""
    return _CAST[choice](multisig=multisig, index=index, member=member)


def vote(squad: Squad, index: int, choice: Choice) -> Step[World]:
    """The member's vote on a proposal."""

    async def is_done(world: World) -> bool:
        proposal = (await asked(world.node, squad, index)).proposal
        return squad.key in getattr(proposal, _SAID[choice])

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        async def build() -> Sequence[Instruction] | None:
            if await is_done(world):
                return None
            proposal = (await asked(world.node, squad, index)).proposal
            wanted = Status.APPROVED if choice is Choice.CANCEL else Status.ACTIVE
            if proposal.status is not wanted:
                raise StepFailedError(
                    f"proposal {index} is {proposal.status.name.lower()}: only one that is"
                    f" {wanted.name.lower()} can be {_SAID[choice]}"
                )
            stale = (await read_multisig(world.node, squad)).stale_index
            if choice is not Choice.CANCEL and index <= stale:
                raise StepFailedError(
                    f"proposal {index} is stale: the members changed since, and nobody can vote on"
                    " it any more. Run the command that asked for it again, which asks anew"
                )
            return [cast_vote(choice, multisig=squad.multisig, index=index, member=squad.key)]

        landed = await world.sender.send(
            build,
            writes=[squads.proposal_address(squad.multisig, index)],
            signers=[squad.member],
            acting=acting,
            units=UNITS,
        )
        return {"proposal": index, **(landed.facts() if landed else {})}

    return step(
        id_=choice.value,
        title=f"{choice.value.capitalize()} proposal {index}",
        does=f"Has {squad.key} {choice.value} the proposal, and reads it back.",
        is_done=is_done,
        run=run,
        timeout=Timeout("transaction", 90),
        on_failure="Run the command again: it goes on.",
        requirements=("SOL-13",),
    )
