"""Steps that switch a program to what lies in the buffer, with the way back kept."""

from collections.abc import Mapping, Sequence

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from scripts.program.elf import program_hash, without_room
from scripts.program.folder import Saved, now
from scripts.program.idl.kept import belonging, keep
from scripts.program.keys import Signer
from scripts.program.loader import (
    LARGEST_PROGRAM,
    PROGRAM_SIZE,
    create_program,
    extend,
    extend_checked,
    program_data_address,
    upgrade,
)
from scripts.program.state import ProgramRefusedError
from scripts.program.steps.buffer import difference
from scripts.program.upload import UploadError
from scripts.program.world import World, step
from scripts.runs.canonical import Json
from scripts.runs.steps import Acting, Step, StepFailedError, Timeout

LEAST_EXTENSION = 10_240
"""What a program grows by at least (SIMD-0431)."""
_AGAIN = "Run the command again: it goes on. Until then the program runs what it ran before."


def keep_build() -> Step[World]:
    """The new build on disk, with its version: a later rollback finds it by that."""

    def about(world: World) -> Saved:
        known = world.folder.about(world.code, world.version)
        return known.model_copy(update={"version": world.version, "withdrawn": False})

    async def is_done(world: World) -> bool:
        return world.folder.saved(program_hash(world.code)) == about(world)

    async def run(world: World, _acting: Acting) -> Mapping[str, Json]:
        world.folder.save(world.code, about(world))
        return {"hash": program_hash(world.code)}

    return step(
        id_="keep",
        title="Keep the build",
        does="Keeps the build on disk, with its version and hash.",
        is_done=is_done,
        run=run,
        timeout=Timeout("disk", 15),
        on_failure="Make room on the disk, and run it again. Nothing was spent.",
        requirements=("ROLL-05",),
    )


def save(*, withdrawn: bool) -> Step[World]:
    """The running program and its IDL on disk; `withdrawn` where it goes because it is bad."""

    async def is_done(world: World) -> bool:
        found = await world.on_chain()
        if found.hash is None or found.runs(world.code):
            return True
        saved = world.folder.saved(found.hash)
        if saved is None or saved.replaced is None or saved.withdrawn is not withdrawn:
            return False
        idl = await belonging(world, saved)
        if idl and saved.idl != idl.hash:
            return False
        return found.runs(world.folder.code(found.hash))

    async def run(world: World, _acting: Acting) -> Mapping[str, Json]:
        found = await world.on_chain()
        if found.data is None or found.hash is None:
            raise ProgramRefusedError(f"{world.program} is not deployed")
        code = without_room(found.data.code)
        about = world.folder.about(code).model_copy(
            update={"replaced": now(), "withdrawn": withdrawn}
        )
        about = keep(world, await belonging(world, about), about)
        world.folder.save(code, about)
        return {"previous": found.hash, "previous_bytes": len(code), "previous_idl": about.idl}

    return step(
        id_="save",
        title="Save the running program",
        does="Keeps the program that runs now, with its hash and its IDL: the way back.",
        is_done=is_done,
        run=run,
        timeout=Timeout("reading", 45),
        on_failure="Make room on the disk, and run it again. Nothing was changed on chain.",
        requirements=("ROLL-05", "SOL-15"),
    )


def grow() -> Step[World]:
    """Room for a larger program."""

    async def is_done(world: World) -> bool:
        if (await world.on_chain()).capacity >= len(world.code):
            return True
        return (await world.how_loads()).sizes_itself

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        async def build() -> Sequence[Instruction] | None:
            if await is_done(world):
                return None
            return await extended(
                world, extension((await world.on_chain()).capacity, len(world.code))
            )

        landed = await world.sender.send(
            build,
            writes=[program_data_address(world.program)],
            signers=await signers_of_extension(world),
            acting=acting,
        )
        return landed.facts() if landed else {}

    return step(
        id_="extend",
        title="Extend the program",
        does="Makes room for the program where it has become larger; its rent stays with it.",
        is_done=is_done,
        run=run,
        timeout=Timeout("transaction", 90),
        on_failure=_AGAIN,
    )


def extension(capacity: int, length: int) -> int:
    """By how many bytes a program of `capacity` has to grow for `length`."""
    if length <= capacity:
        return 0
    return min(max(length - capacity, LEAST_EXTENSION), LARGEST_PROGRAM - capacity)


async def extended(world: World, more: int) -> list[Instruction]:
    """The instruction that makes the program longer, as the cluster's loader takes it."""
    await a_slot_later(world)
    payer = world.payer.pubkey()
    if not (await world.how_loads()).checks_extensions:
        return [extend(world.program, payer, more)]
    if world.vault:
        raise ProgramRefusedError(
            f"this cluster's loader lets only the upgrade authority extend a program, and that is"
            f" the vault {world.vault}: let the members extend it by {more:,} bytes first"
        )
    return [extend_checked(world.program, payer, world.authority.pubkey(), more)]


async def signers_of_extension(world: World) -> list[Signer]:
    """Who signs it beside the payer."""
    checks = (await world.how_loads()).checks_extensions
    return [world.authority] if checks and not world.vault else []


def switch(*, first: bool) -> Step[World]:
    """Deploy (`first`) or upgrade, from a buffer compared in that very moment."""

    async def is_done(world: World) -> bool:
        return await world.is_switched()

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        key = world.folder.buffer(world.code)
        program_key = [world.program_key] if world.program_key and first else []

        async def build() -> Sequence[Instruction] | None:
            if await is_done(world):
                return None
            if said := await difference(world):
                raise UploadError(said)
            return await (_deploy(world) if first else _upgrade(world))

        landed = await world.sender.send(
            build,
            writes=[program_data_address(world.program), world.payer.pubkey()],
            signers=[*program_key, world.authority],
            acting=acting,
        )
        return {
            "buffer": str(key.pubkey()) if key else None,
            **(landed.facts() if landed else {}),
        }

    return step(
        id_="deploy" if first else "upgrade",
        title="Deploy the program" if first else "Switch the program",
        does="Compares the buffer once more and makes the program run it, in one transaction.",
        is_done=is_done,
        run=run,
        timeout=Timeout("transaction", 90),
        on_failure=_AGAIN,
        requirements=("PIPE-02", "SOL-01", "SOL-12") if first else ("PIPE-02", "SOL-15"),
    )


async def _deploy(world: World) -> list[Instruction]:
    if world.program_key is None:
        raise StepFailedError("a first deployment needs the program's own key: --program-key")
    return create_program(
        payer=world.payer.pubkey(),
        program=world.program,
        buffer=_buffer(world),
        authority=world.authority.pubkey(),
        max_length=len(world.code) + world.room,
        lamports=await world.node.rent(PROGRAM_SIZE),
    )


async def _upgrade(world: World) -> list[Instruction]:
    await a_slot_later(world)
    return [
        upgrade(
            program=world.program,
            buffer=_buffer(world),
            authority=world.authority.pubkey(),
            spill=world.payer.pubkey(),
        )
    ]


async def a_slot_later(world: World) -> None:
    """Wait until the slot of the program's last change is over: the loader takes one in each."""
    node, data = world.node, (await world.on_chain()).data
    while data and data.slot >= (now := await node.now()).slot:
        await node.pause(node.pace.poll, f"slot {now.slot}, of the last change, is not over yet")
    if data:
        node.seen = max(node.seen, data.slot + 1)


def _buffer(world: World) -> Pubkey:
    key = world.folder.buffer(world.code)
    if key is None:
        raise StepFailedError(f"{world.folder.buffer_path(world.code)} is gone")
    return key.pubkey()
