"""What a vault is to do once its members agree, and how far they are with it."""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from scripts.program.idl import metadata
from scripts.program.idl.account import look
from scripts.program.idl.publication import Publication
from scripts.program.loader import upgrade
from scripts.program.multisig.message import Message, compiled
from scripts.program.multisig.squad import (
    Asked,
    Squad,
    SquadError,
    chain_time,
    find,
    read_multisig,
)
from scripts.program.multisig.squads import Status
from scripts.program.record.record import Record
from scripts.program.steps.buffer import difference
from scripts.program.upload import UploadError
from scripts.program.world import World
from scripts.runs.steps import StepFailedError


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What the vault is to do, once the members agree."""

    title: str
    does: str
    message: Callable[[World], Coroutine[Any, Any, Message | None]]
    """What is put to the members; None while what it is made from is not there."""
    is_done: Callable[[World], Awaitable[bool]]
    problem: Callable[[World], Awaitable[str]]
    """Why it must not be asked for or executed now; empty where it may."""
    again: str = ""
    """Why it is asked anew where one execution did not do all of it; empty where one has to."""


def upgrading(
    squad: Squad, publication: Publication | None = None, record: Record | None = None
) -> Decision:
    """The program from the buffer of the world's code; its IDL and record in the same breath."""

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
        placed = await publication.switch(world, squad.vault) if publication else []
        if placed is None:
            return None
        return compiled(squad.vault, [switch, *placed, *await _written(world, record)])

    async def problem(world: World) -> str:
        if said := await difference(world):
            return said
        if publication is None or await publication.is_done(world):
            return ""
        return await publication.difference(world)

    return Decision(
        title="Switch the program",
        does=", ".join(
            [
                "the vault's upgrade",
                *(["its IDL"] if publication else []),
                *(["its verify record"] if record else []),
            ]
        ),
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


def recording(squad: Squad, record: Record) -> Decision:
    """From which source the program was built."""

    async def message(world: World) -> Message | None:
        written = await _written(world, record)
        return compiled(squad.vault, written) if written else None

    async def problem(_world: World) -> str:
        return ""

    return Decision(
        title="Write the verify record",
        does="the vault's verify record",
        message=message,
        is_done=record.is_done,
        problem=problem,
    )


async def _written(world: World, record: Record | None) -> list[Instruction]:
    """What writes the record; nothing where there is none, or it stands there already."""
    return [] if record is None or await record.is_done(world) else await record.writing(world)


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


async def is_ready(world: World, squad: Squad) -> bool:
    """Whether the upgrade to the world's code is approved and past its lock: one execute away."""
    key = world.folder.buffer(world.code)
    if key is None or await world.node.account(key.pubkey()) is None:
        return False
    if await difference(world):
        return False
    return await opens_at(world, squad, upgrading(squad)) == 0


async def ready(world: World, decision: Decision) -> Message:
    """What may be put to the members or executed now, compared in this very moment."""
    if said := await decision.problem(world):
        raise UploadError(said)
    message = await decision.message(world)
    if message is None:
        raise StepFailedError("what it is made from is gone: run it again")
    return message


async def proposed(world: World, squad: Squad, decision: Decision) -> Asked | None:
    """What the members were asked about it, and did not refuse; None where nothing was."""
    message = await decision.message(world)
    found = await find(world.node, squad, message) if message else None
    if found and found.proposal.status is Status.EXECUTED and not await decision.is_done(world):
        return None  # executed once, and undone since: the members are asked anew
    return found


async def must_be_proposed(world: World, squad: Squad, decision: Decision) -> Asked:
    """The same; refused where there is nothing any more."""
    found = await proposed(world, squad, decision)
    if found is None:
        raise SquadError("the proposal was refused or taken back: run it again, which asks anew")
    return found


async def opens_at(world: World, squad: Squad, decision: Decision) -> int | None:
    """When the lock opens (Unix time), 0 where it is open; None where nothing is approved."""
    found = await proposed(world, squad, decision)
    if found is None:
        return None
    if found.proposal.status is Status.EXECUTED:
        return 0
    opens = found.proposal.executable_at(await read_multisig(world.node, squad))
    if opens is None:
        return None
    return 0 if await chain_time(world.node) >= opens else opens
