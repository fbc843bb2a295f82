"""Steps that change something else of a program: its authority, its room, whether it is there."""

from collections.abc import Mapping, Sequence

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from scripts.program.loader import (
    close_buffer,
    close_program,
    program_data_address,
    set_authority,
    set_authority_checked,
)
from scripts.program.steps.switch import a_slot_later, extended, signers_of_extension
from scripts.program.world import World, step
from scripts.runs.canonical import Json
from scripts.runs.steps import Acting, Step, Timeout

_AGAIN = "Run the command again: it goes on."
_TRANSACTION = Timeout("transaction", 90)


def hand_over(new: Keypair | Pubkey | None) -> Step[World]:
    """The upgrade authority to a key that signs too, to an address, or to nobody."""
    successor = new.pubkey() if isinstance(new, Keypair) else new

    async def is_done(world: World) -> bool:
        found = await world.on_chain()
        return found.data is not None and found.data.authority == successor

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        account, current = program_data_address(world.program), world.authority.pubkey()

        async def build() -> Sequence[Instruction] | None:
            if await is_done(world):
                return None
            if isinstance(new, Keypair):
                return [set_authority_checked(account, current, new.pubkey())]
            return [set_authority(account, current, successor)]

        signers = [world.authority, *([new] if isinstance(new, Keypair) else [])]
        landed = await world.sender.send(build, writes=[account], signers=signers, acting=acting)
        return {"authority": str(successor), **(landed.facts() if landed else {})}

    return step(
        id_="authority",
        title="Hand over the upgrade authority" if successor else "Make the program final",
        does=f"Makes {successor} the upgrade authority, and reads it back."
        if successor
        else "Takes the upgrade authority away for good, and reads it back.",
        is_done=is_done,
        run=run,
        timeout=_TRANSACTION,
        on_failure=_AGAIN,
        requirements=("SOL-13",),
    )


def grow_to(size: int) -> Step[World]:
    """Room for `size` bytes."""

    async def is_done(world: World) -> bool:
        return (await world.on_chain()).capacity >= size

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        async def build() -> Sequence[Instruction] | None:
            more = size - (await world.on_chain()).capacity
            return await extended(world, more) if more > 0 else None

        writes = [program_data_address(world.program), world.payer.pubkey()]
        signers = await signers_of_extension(world)
        landed = await world.sender.send(build, writes=writes, signers=signers, acting=acting)
        return landed.facts() if landed else {}

    return step(
        id_="extend",
        title="Extend the program",
        does=f"Makes room for {size:,} bytes in all; the rent stays with the program.",
        is_done=is_done,
        run=run,
        timeout=_TRANSACTION,
        on_failure=_AGAIN,
    )


def close_for_good() -> Step[World]:
    """The program gone, its lamports back."""

    async def is_done(world: World) -> bool:
        return (await world.on_chain()).closed

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        async def build() -> Sequence[Instruction] | None:
            if await is_done(world):
                return None
            await a_slot_later(world)
            payer = world.payer.pubkey()
            return [close_program(world.program, payer, world.authority.pubkey())]

        writes = [program_data_address(world.program), world.payer.pubkey()]
        landed = await world.sender.send(
            build, writes=writes, signers=[world.authority], acting=acting
        )
        return landed.facts() if landed else {}

    return step(
        id_="close",
        title="Close the program",
        does="Removes the program; its rent goes to the payer, its id can never be used again.",
        is_done=is_done,
        run=run,
        timeout=_TRANSACTION,
        on_failure=_AGAIN,
    )


def close_one(buffer: Pubkey) -> Step[World]:
    """A buffer gone, its lamports back, its key forgotten."""

    async def is_done(world: World) -> bool:
        return await world.node.account(buffer) is None

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        async def build() -> Sequence[Instruction] | None:
            if await is_done(world):
                return None
            return [close_buffer(buffer, world.payer.pubkey(), world.authority.pubkey())]

        writes = [buffer, world.payer.pubkey()]
        landed = await world.sender.send(
            build, writes=writes, signers=[world.authority], acting=acting
        )
        return {"buffer": str(buffer), **(landed.facts() if landed else {})}

    return step(
        id_=f"close-{buffer}",
        title=f"Close the buffer {buffer}",
        does="Removes the buffer; its rent goes to the payer.",
        is_done=is_done,
        run=run,
        timeout=_TRANSACTION,
        on_failure=_AGAIN,
    )


def keep(code: bytes) -> Step[World]:
    """The running program on disk, before it goes."""

    async def is_done(world: World) -> bool:
        found = await world.on_chain()
        return found.hash is None or world.folder.saved(found.hash) is not None

    async def run(world: World, _acting: Acting) -> Mapping[str, Json]:
        about = world.folder.about(code)
        world.folder.save(code, about)
        return {"saved": about.hash}

    return step(
        id_="keep",
        title="Save the program",
        does="Keeps the program that runs now on disk, with its hash.",
        is_done=is_done,
        run=run,
        timeout=Timeout("reading", 45),
        on_failure="Make room on the disk, and run it again. Nothing was changed on chain.",
    )
