"""The steps that put an IDL in place from its buffer, and say who may change it.

First and later publications are alike: what is seen on chain changes in one transaction, from the
IDL before to this one, and the buffer's lamports come back in it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from scripts.program.idl import buffer, metadata
from scripts.program.idl.account import look
from scripts.program.idl.publication import Publication
from scripts.program.spending import spent
from scripts.program.world import World, step
from scripts.runs.canonical import Json
from scripts.runs.steps import Acting, Step, StepFailedError, Timeout

UNITS: Final = 200_000
"""The compute units of a transaction that puts an IDL in place: it looks addresses up."""
_TRANSACTION: Final = Timeout("transaction", 90)
_READING: Final = Timeout("reading", 30)
_AGAIN: Final = "Run the command again: it goes on."
_SERVED: Final = ("SOL-10",)


def fund(publication: Publication) -> Step[World]:
    """The IDL's account with rent for it: a vault puts it in place, and the payer pays."""

    async def is_done(world: World) -> bool:
        return await publication.is_done(world) or not await publication.funding(world)

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        address = metadata.metadata_address(world.program)

        async def build() -> Sequence[Instruction] | None:
            return await publication.funding(world) or None

        landed = await world.sender.send(
            build, writes=[world.payer.pubkey(), address], acting=acting
        )
        return landed.facts() if landed else {}

    return step(
        id_="idl-fund",
        title="Pay the rent of the IDL",
        does="Sends the account what it lacks, so that the vault needs no lamports.",
        is_done=is_done,
        run=run,
        timeout=_TRANSACTION,
        on_failure=_AGAIN,
        requirements=_SERVED,
    )


def publish(publication: Publication) -> Step[World]:
    """The IDL in place, from a buffer compared in that very moment."""

    async def is_done(world: World) -> bool:
        return await publication.is_done(world)

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        address = metadata.metadata_address(world.program)

        async def build() -> Sequence[Instruction] | None:
            if await is_done(world):
                return None
            if said := await publication.difference(world):
                raise StepFailedError(said)
            placed = await publication.switch(world, world.authority.pubkey())
            return [*await publication.funding(world), *(placed or [])]

        landed = await world.sender.send(
            build,
            writes=[world.payer.pubkey(), address],
            signers=[world.authority],
            acting=acting,
            units=UNITS,
        )
        return {"idl": str(address), **(landed.facts() if landed else {})}

    return step(
        id_="idl-publish",
        title="Put the IDL in place",
        does="Compares the buffer once more, puts the IDL in place and closes the buffer, at once.",
        is_done=is_done,
        run=run,
        timeout=_TRANSACTION,
        on_failure=f"{_AGAIN} Until then clients see the IDL before.",
        requirements=_SERVED,
    )


def verify(publication: Publication) -> Step[World]:
    """The IDL read back, byte by byte."""

    async def is_done(world: World) -> bool:
        return await publication.is_done(world)

    async def run(world: World, _acting: Acting) -> Mapping[str, Json]:
        raise StepFailedError(
            f"the IDL of {world.program} is not what was to be published: slipway program idl show"
        )

    return step(
        id_="idl-verify",
        title="Read the IDL back",
        does="Unpacks what is published and compares every byte with the build's file.",
        is_done=is_done,
        run=run,
        timeout=_READING,
        on_failure=_AGAIN,
        requirements=_SERVED,
    )


def settle(publication: Publication) -> Step[World]:
    """No buffer of it left, nothing can undo it, and what it cost."""

    async def is_done(world: World) -> bool:
        return "idl-settle" in world.passed

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        await buffer.clear(world, acting)
        await world.node.until_final((await world.node.now()).slot)
        if not await publication.is_done(world):
            raise StepFailedError("a fork undid it: run the command again, it goes on")
        facts = await spent(world, acting.notes())
        world.passed.add("idl-settle")
        return facts

    return step(
        id_="idl-settle",
        title="Wait until it is final",
        does="Closes buffers that were left, waits for finality, and adds up what was paid.",
        is_done=is_done,
        run=run,
        timeout=_TRANSACTION,
        on_failure=_AGAIN,
        requirements=("AUD-01",),
    )


def hand_over(new: Pubkey | None) -> Step[World]:
    """Who may change the IDL beside the program's upgrade authority."""

    async def is_done(world: World) -> bool:
        found = (await look(world.node, world.program)).metadata
        return found is not None and found.authority == new

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        async def build() -> Sequence[Instruction] | None:
            if await is_done(world):
                return None
            return [metadata.set_authority(world.program, world.authority.pubkey(), new)]

        landed = await world.sender.send(
            build,
            writes=[metadata.metadata_address(world.program)],
            signers=[world.authority],
            acting=acting,
            units=UNITS,
        )
        return {"authority": str(new), **(landed.facts() if landed else {})}

    return step(
        id_="idl-authority",
        title="Let a key change the IDL" if new else "Let the upgrade authority alone change it",
        does=f"Lets {new} change the IDL, too, and reads it back."
        if new
        else "Takes the right to change the IDL from the key that had it, and reads it back.",
        is_done=is_done,
        run=run,
        timeout=_TRANSACTION,
        on_failure=_AGAIN,
        requirements=_SERVED,
    )
