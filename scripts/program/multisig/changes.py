"""What members decide about a program beside its bytes: its room, who upgrades it, its end."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from scripts.program.loader import (
    LARGEST_PROGRAM,
    PROGRAM_DATA_HEADER,
    close_program,
    extend_checked,
    program_data_address,
    set_authority,
)
from scripts.program.multisig.decisions import Decision
from scripts.program.multisig.message import Message, compiled
from scripts.program.multisig.squad import Squad
from scripts.program.state import OnChain, ProgramRefusedError
from scripts.program.world import World, step
from scripts.runs.canonical import Json
from scripts.runs.steps import Acting, Step, Timeout

GROWTH: Final = 10_240
"""By how much one execution can make a program grow: the runtime lets no account grow by more
inside of another program's instruction, and the loader takes no less."""


def extending(squad: Squad, size: int) -> Decision:
    """Room for `size` bytes, as far as one execution comes."""

    async def act(world: World) -> list[Instruction]:
        capacity = (await world.on_chain()).capacity
        more = min(GROWTH, LARGEST_PROGRAM - capacity)
        return [extend_checked(world.program, None, squad.vault, more)]

    async def is_done(world: World) -> bool:
        return (await world.on_chain()).capacity >= size

    return _decision(
        squad,
        title="Extend the program",
        does=f"the vault's extension by {GROWTH:,} bytes",
        act=act,
        is_done=is_done,
        again=f"one execution extends by {GROWTH:,} bytes: the members are asked for the next",
    )


def handing_over(squad: Squad, new: Pubkey | None) -> Decision:
    """The upgrade authority for `new`, or for nobody."""

    async def act(world: World) -> list[Instruction]:
        return [set_authority(program_data_address(world.program), squad.vault, new)]

    async def is_done(world: World) -> bool:
        found = await world.on_chain()
        return found.data is not None and found.data.authority == new

    return _decision(
        squad,
        title="Hand over the upgrade authority" if new else "Make the program final",
        does=f"the hand-over to {new}" if new else "the end of the upgrade authority",
        act=act,
        is_done=is_done,
    )


def closing(squad: Squad) -> Decision:
    """The program gone, its rent to who pays."""

    async def act(world: World) -> list[Instruction]:
        return [close_program(world.program, world.payer.pubkey(), squad.vault)]

    async def is_done(world: World) -> bool:
        return (await world.on_chain()).closed

    return _decision(
        squad,
        title="Close the program",
        does="the end of the program",
        act=act,
        is_done=is_done,
    )


def fund(size: int) -> Step[World]:
    """The rent of `size` bytes with the program: a vault extends it, and the payer pays."""

    async def missing(world: World) -> int:
        found = await world.on_chain()
        rent = await world.node.rent(PROGRAM_DATA_HEADER + rounded(found.capacity, size))
        return 0 if found.capacity >= size else max(0, rent - found.lamports)

    async def is_done(world: World) -> bool:
        return not await missing(world)

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        payer, account = world.payer.pubkey(), program_data_address(world.program)

        async def build() -> Sequence[Instruction] | None:
            lamports = await missing(world)
            paid = TransferParams(from_pubkey=payer, to_pubkey=account, lamports=lamports)
            return [transfer(paid)] if lamports else None

        landed = await world.sender.send(build, writes=[payer, account], acting=acting)
        return landed.facts() if landed else {}

    return step(
        id_="fund",
        title="Pay the rent of the extension",
        does="Sends the program's data what it lacks, so that the vault needs no lamports.",
        is_done=is_done,
        run=run,
        timeout=Timeout("transaction", 90),
        on_failure="Run the command again: it goes on.",
    )


async def refuse_growth(
    world: World, environment: str, squad: Squad, found: OnChain, running: bytes | None
) -> None:
    """Refuse, before anybody votes, an upgrade or a way back that the vault has no room for."""
    loads = await world.how_loads()
    more = 0 if found.runs(world.code) else len(world.code) - found.capacity
    if more > 0 and (more > GROWTH if loads.sizes_itself else loads.checks_extensions):
        raise ProgramRefusedError(
            f"the program grows by {more:,} bytes, and on this cluster only the vault extends it,"
            f" by {GROWTH:,} bytes at a time: first slipway program extend {environment} --to"
            f" {len(world.code)} --multisig {squad.multisig}"
        )
    shrinks = len(running) - len(world.code) if running else 0
    if loads.sizes_itself and shrinks > GROWTH:
        raise ProgramRefusedError(
            f"the program becomes smaller by {shrinks:,} bytes, and no vault can make it grow by"
            f" more than {GROWTH:,} at once: there would be no way back. Take smaller steps"
        )


def rounds(capacity: int, size: int) -> int:
    """How many executions make room for `size` bytes."""
    return -(-max(0, size - capacity) // GROWTH)


def rounded(capacity: int, size: int) -> int:
    """The room that they come to."""
    return min(capacity + rounds(capacity, size) * GROWTH, LARGEST_PROGRAM)


def _decision(  # noqa: PLR0913 - each is a part of the decision
    squad: Squad,
    *,
    title: str,
    does: str,
    act: Callable[[World], Awaitable[list[Instruction]]],
    is_done: Callable[[World], Awaitable[bool]],
    again: str = "",
) -> Decision:
    """One that is made from nothing but the program itself."""

    async def message(world: World) -> Message | None:
        return compiled(squad.vault, await act(world))

    async def problem(_world: World) -> str:
        return ""

    return Decision(
        title=title, does=does, message=message, is_done=is_done, problem=problem, again=again
    )
