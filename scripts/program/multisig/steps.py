"""The steps of what a multisig decides: hand over, ask, agree, wait, execute.

One time lock holds for whatever a vault does, the way back too. So the way back is served first:
the running program lies in a buffer whose upgrade is approved and past its lock before another
runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from scripts.program.loader import read_buffer, set_authority
from scripts.program.multisig import decisions, squads
from scripts.program.multisig.asking import asking
from scripts.program.multisig.decisions import Decision
from scripts.program.multisig.squad import Squad, read_multisig
from scripts.program.multisig.squads import Permission, Status
from scripts.program.steps.buffer import difference
from scripts.program.steps.switch import a_slot_later
from scripts.program.upload import UploadError
from scripts.program.world import World, step
from scripts.runs.canonical import Json
from scripts.runs.steps import (
    Acting,
    Step,
    StepFailedError,
    StepPendingError,
    Timeout,
    duration,
)

UNITS: Final = 200_000
"""The compute units of a transaction for Squads: reading accounts, and the loader's own work."""
_TRANSACTION: Final = Timeout("transaction", 90)
_AGAIN: Final = "Run the command again: it goes on."
_SERVED: Final = ("SOL-13",)


def standby(each: Step[World], code: bytes) -> Step[World]:
    """The same step for `code`, the way back."""

    def beside(world: World) -> World:
        return replace(world, code=code, lies_ready=True)

    return Step(
        id=f"back-{each.id}",
        title=f"{each.title} (the way back)",
        does=each.does,
        is_done=lambda world: each.is_done(beside(world)),
        run=lambda world, acting: each.run(beside(world), acting),
        timeout=each.timeout,
        on_failure=each.on_failure,
        requirements=each.requirements,
    )


def give(squad: Squad) -> Step[World]:
    """The buffer in the vault's hands: from then on nobody alone can change it."""

    async def is_done(world: World) -> bool:
        if await world.is_switched():
            return True
        _, account = await world.look()
        return account is not None and read_buffer(bytes(account.data)).authority == squad.vault

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        buffer = _buffer(world)

        async def build() -> Sequence[Instruction] | None:
            if await is_done(world):
                return None
            if said := await difference(world):
                raise UploadError(said)
            return [set_authority(buffer, world.authority.pubkey(), squad.vault)]

        landed = await world.sender.send(
            build, writes=[buffer], signers=[world.authority], acting=acting
        )
        return {"buffer": str(buffer), **(landed.facts() if landed else {})}

    return step(
        id_="give",
        title="Hand the buffer to the vault",
        does="Compares the buffer once more and makes the vault its owner: nobody alone writes it.",
        is_done=is_done,
        run=run,
        timeout=_TRANSACTION,
        on_failure=_AGAIN,
        requirements=_SERVED,
    )


def propose(squad: Squad, decision: Decision) -> Step[World]:
    """The members asked."""

    async def is_done(world: World) -> bool:
        return (
            await decision.is_done(world)
            or await decisions.proposed(world, squad, decision) is not None
        )

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        async def build() -> Sequence[Instruction] | None:
            if await is_done(world):
                return None
            return await asking(world, squad, await decisions.ready(world, decision))

        landed = None
        while not await is_done(world):
            landed = await world.sender.send(
                build, writes=[squad.multisig], signers=[squad.member], acting=acting, units=UNITS
            )
        found = await decisions.proposed(world, squad, decision)
        told: dict[str, Json] = {"proposal": found.proposal.index} if found else {}
        return {**told, **(landed.facts() if landed else {})}

    return step(
        id_="propose",
        title="Ask the members",
        does=f"Writes {decision.does} down and opens the vote on it.",
        is_done=is_done,
        run=run,
        timeout=_TRANSACTION,
        on_failure=_AGAIN,
        requirements=_SERVED,
    )


def agree(squad: Squad, decision: Decision) -> Step[World]:
    """The members' approval, this member's given here."""

    async def is_done(world: World) -> bool:
        if await decision.is_done(world):
            return True
        found = await decisions.proposed(world, squad, decision)
        return found is not None and found.proposal.status is not Status.ACTIVE

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        multisig = await read_multisig(world.node, squad)
        found = await decisions.must_be_proposed(world, squad, decision)
        index = found.proposal.index

        async def build() -> Sequence[Instruction] | None:
            now = (await decisions.must_be_proposed(world, squad, decision)).proposal
            if now.status is not Status.ACTIVE or squad.key in now.approved:
                return None
            return [squads.approve(multisig=squad.multisig, index=index, member=squad.key)]

        landed = None
        if squad.key in multisig.who(Permission.VOTE):
            landed = await world.sender.send(
                build,
                writes=[squads.proposal_address(squad.multisig, index)],
                signers=[squad.member],
                acting=acting,
                units=UNITS,
            )
        said = (await decisions.must_be_proposed(world, squad, decision)).proposal
        if said.status is Status.ACTIVE:
            others = [key for key in multisig.who(Permission.VOTE) if key not in said.approved]
            raise StepPendingError(
                f"proposal {index} has {len(said.approved)} of {multisig.threshold} approvals. Who"
                f" can give one: {', '.join(map(str, others))}. Each runs: slipway program vote"
                f" ENVIRONMENT {index} approve --multisig {squad.multisig} --member FILE"
            )
        return {"proposal": index, **(landed.facts() if landed else {})}

    return step(
        id_="agree",
        title="Gather approvals",
        does="Approves as this member, and waits for as many others as the multisig wants.",
        is_done=is_done,
        run=run,
        timeout=_TRANSACTION,
        on_failure=_AGAIN,
        requirements=_SERVED,
    )


def wait(squad: Squad, decision: Decision) -> Step[World]:
    """The time lock, over."""

    async def is_done(world: World) -> bool:
        return (
            await decision.is_done(world) or await decisions.opens_at(world, squad, decision) == 0
        )

    async def run(world: World, _acting: Acting) -> Mapping[str, Json]:
        opens = await decisions.opens_at(world, squad, decision)
        if opens:
            when = datetime.fromtimestamp(opens, UTC)
            raise StepPendingError(
                f"the time lock of {squad.multisig} is over at {when:%Y-%m-%d %H:%M:%S} UTC"
            )
        return {}

    return step(
        id_="time-lock",
        title="Wait out the time lock",
        does=f"Waits {duration(squad.time_lock)} from the last approval on, as the multisig wants."
        if squad.time_lock
        else "Waits for nothing: the multisig has no time lock.",
        is_done=is_done,
        run=run,
        timeout=Timeout("reading", 30),
        on_failure=_AGAIN,
        requirements=_SERVED,
    )


def execute(squad: Squad, decision: Decision, title: str | None = None) -> Step[World]:
    """What the members approved, executed: one transaction."""

    async def is_done(world: World) -> bool:
        return await decision.is_done(world)

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        index = (await decisions.must_be_proposed(world, squad, decision)).proposal.index

        async def was_executed(world: World) -> bool:
            """Whether it was, and did not do all of it: it is not sent once more for that."""
            if not decision.again:
                return False
            return await decisions.proposed(world, squad, decision) is None

        async def build() -> Sequence[Instruction] | None:
            if await is_done(world) or await was_executed(world):
                return None
            await a_slot_later(world)
            message = await decisions.ready(world, decision)
            return [
                squads.execute(
                    multisig=squad.multisig, index=index, member=squad.key, message=message
                )
            ]

        landed = await world.sender.send(
            build,
            writes=[squads.proposal_address(squad.multisig, index)],
            signers=[squad.member],
            acting=acting,
            units=UNITS,
        )
        if decision.again and not await is_done(world):
            raise StepPendingError(decision.again)
        return {"proposal": index, **(landed.facts() if landed else {})}

    return step(
        id_="execute",
        title=title or decision.title,
        does="Looks once more at what it is made from, and executes what the members approved.",
        is_done=is_done,
        run=run,
        timeout=_TRANSACTION,
        on_failure=f"{_AGAIN} Until then nothing has changed.",
        requirements=("SOL-13", "SOL-15"),
    )


def _buffer(world: World) -> Pubkey:
    key = world.folder.buffer(world.code)
    if key is None:
        raise StepFailedError(f"{world.folder.buffer_path(world.code)} is gone: run it again")
    return key.pubkey()
