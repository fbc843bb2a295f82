"""The steps of an upgrade that a multisig decides: hand over, ask, agree, wait, execute.

One time lock holds for whatever a vault does, the way back too. So the way back is served first:
the running program lies in a buffer whose upgrade is approved and past its lock before another
runs.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from scripts.program.idl import metadata
from scripts.program.idl.account import look
from scripts.program.idl.publication import Publication
from scripts.program.loader import read_buffer, set_authority, upgrade
from scripts.program.multisig import squads
from scripts.program.multisig.message import Message, compiled
from scripts.program.multisig.squad import (
    Asked,
    Squad,
    SquadError,
    asked,
    chain_time,
    find,
    read_multisig,
)
from scripts.program.multisig.squads import Permission, Status
from scripts.program.steps.buffer import difference
from scripts.program.upload import UploadError
from scripts.program.world import World, step
from scripts.runs.canonical import Json
from scripts.runs.steps import Acting, Step, StepFailedError, StepPendingError, Timeout

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


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What the vault is to do, once the members agree."""

    title: str
    does: str
    message: Callable[[World], Awaitable[Message | None]]
    """What is put to the members; None while what it is made from is not there."""
    is_done: Callable[[World], Awaitable[bool]]
    problem: Callable[[World], Awaitable[str]]
    """Why it must not be asked for or executed now; empty where it may."""


def upgrading(squad: Squad, publication: Publication | None = None) -> Decision:
    """The program from the buffer of the world's code, and its IDL in the same breath."""

    async def message(world: World) -> Message | None:
        key = world.folder.buffer(world.code)
        if key is None:
            return None
        switch = upgrade(
            program=world.program,
            buffer=key.pubkey(),
            authority=squad.vault,
            spill=world.payer.pubkey(),
        )
        if publication is None:
            return compiled(squad.vault, [switch])
        beside = await publication.switch(world, squad.vault)
        return None if beside is None else compiled(squad.vault, [switch, *beside])

    async def problem(world: World) -> str:
        if said := await difference(world):
            return said
        if publication is None or await publication.is_done(world):
            return ""
        return await publication.difference(world)

    return Decision(
        title="Switch the program",
        does="the vault's upgrade" + (" and its IDL" if publication else ""),
        message=message,
        is_done=World.is_switched,
        problem=problem,
    )


def publishing(squad: Squad, publication: Publication) -> Decision:
    """The program's IDL from its buffer."""

    async def message(world: World) -> Message | None:
        placed = await publication.switch(world, squad.vault)
        return compiled(squad.vault, placed) if placed else None

    return Decision(
        title="Put the IDL in place",
        does="the vault's publication",
        message=message,
        is_done=publication.is_done,
        problem=publication.difference,
    )


def handing_over(squad: Squad, new: Pubkey | None) -> Decision:
    """The program's IDL for `new` to change, too, or for the vault alone."""

    async def message(world: World) -> Message | None:
        return compiled(squad.vault, [metadata.set_authority(world.program, squad.vault, new)])

    async def is_done(world: World) -> bool:
        found = (await look(world.node, world.program)).metadata
        return found is not None and found.authority == new

    async def problem(_world: World) -> str:
        return ""

    return Decision(
        title="Let a key change the IDL" if new else "Let the vault alone change the IDL",
        does="whom the vault lets change the IDL",
        message=message,
        is_done=is_done,
        problem=problem,
    )


def give(squad: Squad) -> Step[World]:
    """The buffer in the vault's hands: from then on nobody alone can change it."""

    async def is_done(world: World) -> bool:
        if await world.is_switched():
            return True
        key = world.folder.buffer(world.code)
        account = await world.node.account(key.pubkey()) if key else None
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
        return await decision.is_done(world) or await _found(world, squad, decision) is not None

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        index = 0

        async def build() -> Sequence[Instruction] | None:
            nonlocal index
            if await is_done(world):
                return None
            message = await _ready(world, decision)
            index = (await read_multisig(world.node, squad)).transaction_index + 1
            multisig, creator = squad.multisig, squad.key
            return [
                squads.create_transaction(
                    multisig=multisig,
                    index=index,
                    creator=creator,
                    message=message,
                    vault_index=squad.vault_index,
                ),
                squads.create_proposal(multisig=multisig, index=index, creator=creator),
            ]

        landed = await world.sender.send(
            build, writes=[squad.multisig], signers=[squad.member], acting=acting, units=UNITS
        )
        found = await _found(world, squad, decision)
        told: dict[str, Json] = {"proposal": found.proposal.index if found else index}
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
        found = await _found(world, squad, decision)
        return found is not None and found.proposal.status is not Status.ACTIVE

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        multisig = await read_multisig(world.node, squad)
        found = await _asked(world, squad, decision)
        index = found.proposal.index

        async def build() -> Sequence[Instruction] | None:
            now = (await _asked(world, squad, decision)).proposal
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
        said = (await _asked(world, squad, decision)).proposal
        if said.status is Status.ACTIVE:
            others = [key for key in multisig.who(Permission.VOTE) if key not in said.approved]
            raise StepPendingError(
                f"proposal {index} has {len(said.approved)} of {multisig.threshold} approvals. Who"
                f" can give one: {', '.join(map(str, others))}. Each runs: slipway program vote"
                f" ENVIRONMENT {index} --approve --multisig {squad.multisig} --member FILE"
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
        return await decision.is_done(world) or await _opens(world, squad, decision) == 0

    async def run(world: World, _acting: Acting) -> Mapping[str, Json]:
        opens = await _opens(world, squad, decision)
        if opens:
            when = datetime.fromtimestamp(opens, UTC)
            raise StepPendingError(
                f"the time lock of {squad.multisig} is over at {when:%Y-%m-%d %H:%M:%S} UTC"
            )
        return {}

    return step(
        id_="time-lock",
        title="Wait out the time lock",
        does="Waits until the multisig lets what was approved be executed.",
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
        index = (await _asked(world, squad, decision)).proposal.index

        async def build() -> Sequence[Instruction] | None:
            if await is_done(world):
                return None
            message = await _ready(world, decision)
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
        return {"proposal": index, **(landed.facts() if landed else {})}

    return step(
        id_="execute",
        title=title or decision.title,
        does="Compares the buffer once more and executes what the members approved.",
        is_done=is_done,
        run=run,
        timeout=_TRANSACTION,
        on_failure=f"{_AGAIN} Until then nothing has changed.",
        requirements=("SOL-13", "SOL-15"),
    )


class Choice(StrEnum):
    """What a member can say."""

    APPROVE = "approve"
    REJECT = "reject"
    CANCEL = "cancel"


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
        timeout=_TRANSACTION,
        on_failure=_AGAIN,
        requirements=_SERVED,
    )


async def is_ready(world: World, squad: Squad) -> bool:
    """Whether the upgrade to the world's code is approved and past its lock: one execute away."""
    key = world.folder.buffer(world.code)
    if key is None or await world.node.account(key.pubkey()) is None:
        return False
    if await difference(world):
        return False
    return await _opens(world, squad, upgrading(squad)) == 0


async def _ready(world: World, decision: Decision) -> Message:
    """What may be put to the members or executed now, compared in this very moment."""
    if said := await decision.problem(world):
        raise UploadError(said)
    message = await decision.message(world)
    if message is None:
        raise StepFailedError("what it is made from is gone: run it again")
    return message


async def _found(world: World, squad: Squad, decision: Decision) -> Asked | None:
    message = await decision.message(world)
    found = await find(world.node, squad, message) if message else None
    if found and found.proposal.status is Status.EXECUTED and not await decision.is_done(world):
        return None  # executed once, and undone since: the members are asked anew
    return found


async def _asked(world: World, squad: Squad, decision: Decision) -> Asked:
    found = await _found(world, squad, decision)
    if found is None:
        raise SquadError("the proposal was refused or taken back: run it again, which asks anew")
    return found


async def _opens(world: World, squad: Squad, decision: Decision) -> int | None:
    """When the lock opens (Unix time), 0 where it is open; None where nothing is approved."""
    found = await _found(world, squad, decision)
    if found is None:
        return None
    if found.proposal.status is Status.EXECUTED:
        return 0
    opens = found.proposal.executable_at(await read_multisig(world.node, squad))
    if opens is None:
        return None
    return 0 if await chain_time(world.node) >= opens else opens


def _buffer(world: World) -> Pubkey:
    key = world.folder.buffer(world.code)
    if key is None:
        raise StepFailedError(f"{world.folder.buffer_path(world.code)} is gone: run it again")
    return key.pubkey()
