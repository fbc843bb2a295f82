"""The steps that bring an IDL into a buffer: its key on disk, filled, compared, handed over."""

from collections.abc import Mapping, Sequence
from typing import Final

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from scripts.program.chunks import plan_chunks
from scripts.program.idl import metadata
from scripts.program.idl.document import IdlError
from scripts.program.idl.metadata import HEADER
from scripts.program.idl.publication import Publication, buffer_at, kept_keys, largest_write
from scripts.program.world import World, step
from scripts.runs.canonical import Json
from scripts.runs.steps import Acting, Step, StepFailedError, Timeout

UNITS: Final = 20_000
"""The compute units of a transaction that is about a buffer alone."""
_TRANSACTION: Final = Timeout("transaction", 90)
_READING: Final = Timeout("reading", 30)
_UPLOAD: Final = Timeout("upload of an IDL", 600)
_AGAIN: Final = "Run the command again: it goes on."
_SERVED: Final = ("SOL-10",)


def make_key(publication: Publication) -> Step[World]:
    """The buffer's key on disk."""

    async def is_done(world: World) -> bool:
        return publication.key(world) is not None or await publication.is_done(world)

    async def run(world: World, _acting: Acting) -> Mapping[str, Json]:
        return {"buffer": str(publication.make_key(world).pubkey())}

    return step(
        id_="idl-key",
        title="Keep a key for the IDL's buffer",
        does="Makes the buffer's key on disk (mode 0600), before a lamport moves.",
        is_done=is_done,
        run=run,
        timeout=Timeout("disk", 15),
        on_failure="Make room on the disk, and run it again. Nothing was spent.",
        requirements=_SERVED,
    )


def create(publication: Publication) -> Step[World]:
    """The buffer on chain."""

    async def is_done(world: World) -> bool:
        return await publication.is_done(world) or await publication.buffer(world) is not None

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        key, length = _key(world, publication), len(publication.idl.packed)
        lamports = await world.node.rent(HEADER + length)

        async def build() -> Sequence[Instruction] | None:
            if await is_done(world):
                return None
            return metadata.create_buffer(
                payer=world.payer.pubkey(),
                buffer=key.pubkey(),
                authority=world.authority.pubkey(),
                length=length,
                lamports=lamports,
            )

        landed = await world.sender.send(
            build,
            writes=[world.payer.pubkey(), key.pubkey()],
            signers=[key],
            acting=acting,
            units=UNITS,
        )
        facts = landed.facts() if landed else {}
        return {"buffer": str(key.pubkey()), "rent_lamports": lamports, **facts}

    return step(
        id_="idl-buffer",
        title="Create the IDL's buffer",
        does="Creates the buffer account; its rent comes back when the IDL is in place.",
        is_done=is_done,
        run=run,
        timeout=_TRANSACTION,
        on_failure=_AGAIN,
        requirements=_SERVED,
    )


def upload(publication: Publication) -> Step[World]:
    """The compressed IDL in the buffer."""

    async def is_done(world: World) -> bool:
        return await publication.is_done(world) or not await publication.difference(world)

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        key = _key(world, publication).pubkey()
        owner = world.authority.pubkey()
        largest = largest_write(world.payer.pubkey(), owner, key)

        async def build() -> Sequence[Instruction] | None:
            missing = await _missing(world, publication, largest)
            return [metadata.write(key, owner, *missing[0])] if missing else None

        writes = fees = 0
        while landed := await world.sender.send(
            build, writes=[key], signers=[world.authority], acting=acting, units=UNITS
        ):
            writes, fees = writes + 1, fees + landed.fee
            acting.note({})  # the next write is another transaction, and stands on its own
        return {"writes": writes, "fee_lamports": fees}

    return step(
        id_="idl-upload",
        title="Upload the IDL",
        does="Writes what is missing of the compressed IDL, until all of it lies there.",
        is_done=is_done,
        run=run,
        timeout=_UPLOAD,
        on_failure=_AGAIN,
        requirements=_SERVED,
    )


def compare(publication: Publication) -> Step[World]:
    """The buffer read back, before anybody sees it."""

    async def is_done(world: World) -> bool:
        return await publication.is_done(world) or not await publication.difference(world)

    async def run(world: World, _acting: Acting) -> Mapping[str, Json]:
        raise StepFailedError(await publication.difference(world))

    return step(
        id_="idl-compare",
        title="Compare the buffer with the IDL",
        does="Reads the whole buffer back: length and every byte have to be the IDL's.",
        is_done=is_done,
        run=run,
        timeout=_READING,
        on_failure="Nobody sees this buffer. Run it again, which writes what is wrong anew.",
        requirements=_SERVED,
    )


def give(publication: Publication, vault: Pubkey) -> Step[World]:
    """The buffer in the vault's hands: from then on nobody alone can change it."""

    async def is_done(world: World) -> bool:
        if await publication.is_done(world):
            return True
        found = await publication.buffer(world)
        return found is not None and found.authority == vault

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        key = _key(world, publication).pubkey()

        async def build() -> Sequence[Instruction] | None:
            if await is_done(world):
                return None
            if said := await publication.difference(world):
                raise StepFailedError(said)
            return [metadata.give_buffer(key, world.authority.pubkey(), vault)]

        landed = await world.sender.send(
            build, writes=[key], signers=[world.authority], acting=acting, units=UNITS
        )
        return {"buffer": str(key), **(landed.facts() if landed else {})}

    return step(
        id_="idl-give",
        title="Hand the IDL's buffer to the vault",
        does="Compares the buffer once more and makes the vault its owner: nobody alone writes it.",
        is_done=is_done,
        run=run,
        timeout=_TRANSACTION,
        on_failure=_AGAIN,
        requirements=(*_SERVED, "SOL-13"),
    )


async def _missing(world: World, publication: Publication, largest: int) -> list[tuple[int, bytes]]:
    """The writes that the buffer still needs, in order."""
    found, packed = await publication.buffer(world), publication.idl.packed
    if found is None:
        raise StepFailedError("there is no buffer for the IDL: run it again, which creates it")
    if found.authority != world.authority.pubkey() or len(found.data) != len(packed):
        raise StepFailedError(await publication.difference(world))
    return [(chunk.offset, chunk.data) for chunk in plan_chunks(packed, largest, found.data)]


async def clear(world: World, acting: Acting) -> None:
    """Close each buffer of an IDL that was left, and forget its key.

    One that is a vault's stays: its proposal closes it.
    """
    own, payer = world.authority.pubkey(), world.payer.pubkey()
    for path, key in kept_keys(world.folder).items():
        buffer = key.pubkey()
        found = await buffer_at(world, buffer)
        if found and found.authority != own:
            continue

        async def build(buffer: Pubkey = buffer) -> Sequence[Instruction] | None:
            found = await buffer_at(world, buffer)
            return [metadata.close_buffer(buffer, own, payer)] if found else None

        await world.sender.send(
            build,
            writes=[payer, buffer],
            signers=[world.authority],
            acting=acting,
            units=UNITS,
        )
        path.unlink(missing_ok=True)


def _key(world: World, publication: Publication) -> Keypair:
    key = publication.key(world)
    if key is None:
        raise IdlError(f"{publication.path(world.folder)} is gone: run it again")
    return key
