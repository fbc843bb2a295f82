"""The steps that write a record down, and read it back."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from solders.instruction import Instruction

from scripts.program.estimate import Bill, bill
from scripts.program.record.record import Record
from scripts.program.sending import distinct
from scripts.program.world import World, step
from scripts.runs.canonical import Json
from scripts.runs.steps import Acting, Step, StepFailedError, Timeout

UNITS: Final = 100_000
"""The compute units of a transaction that writes a record: the program looks its address up."""
_TRANSACTION: Final = Timeout("transaction", 90)
_AGAIN: Final = "Run the command again: it goes on. The program runs, whatever the record says."


def fund(record: Record) -> Step[World]:
    """The record's account with rent: a vault writes it, and the payer pays."""

    async def is_done(world: World) -> bool:
        return await record.is_done(world) or not await record.funding(world)

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        async def build() -> Sequence[Instruction] | None:
            return await record.funding(world) or None

        writes = [world.payer.pubkey(), record.address]
        landed = await world.sender.send(build, writes=writes, acting=acting)
        return landed.facts() if landed else {}

    return step(
        id_="record-fund",
        title="Pay the rent of the verify record",
        does="Sends the record's account what it lacks, so that the vault needs no lamports.",
        is_done=is_done,
        run=run,
        timeout=_TRANSACTION,
        on_failure=_AGAIN,
    )


def write(record: Record) -> Step[World]:
    """The record of what runs, written by the upgrade authority's key."""

    async def slot(world: World) -> int:
        data = (await world.on_chain()).data
        return data.slot if data else 0

    async def is_done(world: World) -> bool:
        return await record.is_done(world, await slot(world))

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        async def build() -> Sequence[Instruction] | None:
            now = await slot(world)
            if await record.is_done(world, now):
                return None
            return [*await record.funding(world), *await record.writing(world, now)]

        landed = await world.sender.send(
            build,
            writes=[world.payer.pubkey(), record.address],
            signers=[world.authority],
            acting=acting,
            units=UNITS,
        )
        return {"record": str(record.address), **(landed.facts() if landed else {})}

    return step(
        id_="record",
        title="Write the verify record",
        does=f"Says on chain that it was built from {told(record)}.",
        is_done=is_done,
        run=run,
        timeout=_TRANSACTION,
        on_failure=_AGAIN,
    )


def verify(record: Record) -> Step[World]:
    """The record read back."""

    async def is_done(world: World) -> bool:
        return await record.is_done(world)

    async def run(_world: World, _acting: Acting) -> Mapping[str, Json]:
        raise StepFailedError(
            f"the verify record at {record.address} is not what was to be written: slipway program"
            " record"
        )

    return step(
        id_="record-verify",
        title="Read the verify record back",
        does=f"Compares it: {told(record)}.",
        is_done=is_done,
        run=run,
        timeout=Timeout("reading", 30),
        on_failure=_AGAIN,
    )


async def costs(world: World, record: Record) -> Bill:
    """What it takes beside an upgrade, in a transaction of its own."""
    left = 0 if await record.is_done(world) else 1
    signers = len(distinct(world.payer, world.authority))
    taken = await bill(world, left, left * signers, units=UNITS)
    return replace(taken, needed=left * (await record.lacking(world) + taken.most_fees))


def told(record: Record) -> str:
    """The source, for people."""
    origin = record.origin
    return f"{origin.git_url} at {origin.commit} ({' '.join(origin.args)})"
