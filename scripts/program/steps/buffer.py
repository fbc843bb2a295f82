"""Steps that bring a program into a buffer, ready to be switched to."""

from collections.abc import Mapping, Sequence

from solders.account import Account
from solders.instruction import Instruction
from solders.keypair import Keypair

from scripts.program.loader import BUFFER_HEADER, create_buffer
from scripts.program.sending import RefusedError
from scripts.program.upload import Uploader, UploadError, held
from scripts.program.world import World, step
from scripts.runs.canonical import Json
from scripts.runs.steps import Acting, Step, Timeout

_AGAIN = (
    "Run the command again: it goes on. Or the lamports come back:"
    " slipway program recover ENVIRONMENT --close --execute"
)


def make_key() -> Step[World]:
    """The buffer's key on disk."""

    async def is_done(world: World) -> bool:
        return world.folder.buffer(world.code) is not None or await world.is_switched()

    async def run(world: World, _acting: Acting) -> Mapping[str, Json]:
        return {"buffer": str(world.folder.make_buffer(world.code).pubkey())}

    return step(
        id_="buffer-key",
        title="Keep a key for the buffer",
        does="Makes the buffer's key on disk (mode 0600), before a lamport moves.",
        is_done=is_done,
        run=run,
        timeout=Timeout("disk", 15),
        on_failure="Make room on the disk, and run it again. Nothing was spent.",
    )


def create() -> Step[World]:
    """The buffer on chain."""

    async def is_done(world: World) -> bool:
        return await world.is_switched() or await _is_there(world)

    return step(
        id_="buffer",
        title="Create the buffer",
        does="Creates the buffer account; its rent comes back when the program is switched.",
        is_done=is_done,
        run=_create,
        timeout=Timeout("transaction", 90),
        on_failure=_AGAIN,
    )


async def _create(world: World, acting: Acting) -> Mapping[str, Json]:
    """Create the buffer, with a new key where its own is gone."""
    key = world.folder.buffer(world.code) or world.folder.make_buffer(world.code)
    length = len(world.code)
    lamports = await world.node.rent(BUFFER_HEADER + length)

    async def build() -> Sequence[Instruction] | None:
        if await world.is_switched() or await _is_there(world):
            return None
        return create_buffer(
            payer=world.payer.pubkey(),
            buffer=key.pubkey(),
            authority=world.authority.pubkey(),
            length=length,
            lamports=lamports,
        )

    writes = [world.payer.pubkey(), key.pubkey()]
    landed = await world.sender.send(build, writes=writes, signers=[key], acting=acting)
    facts = landed.facts() if landed else {}
    return {"buffer": str(key.pubkey()), "rent_lamports": lamports, **facts}


async def _is_there(world: World) -> bool:
    return (await world.look())[1] is not None


def upload(timeout: Timeout) -> Step[World]:
    """The program's bytes in the buffer; in another one, if somebody closes the first."""

    async def is_done(world: World) -> bool:
        return await world.is_switched() or await holds_all(world)

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        async def read() -> Account | None:
            return (await world.look())[1]

        uploader = Uploader(
            sender=world.sender, authority=world.authority, watch=world.watch, read=read
        )
        again: Mapping[str, Json] = {}
        while True:
            try:
                done = await uploader.upload(_key(world).pubkey(), world.code, acting)
            except (RefusedError, UploadError):
                world.node.forget()
                if await _is_there(world):
                    raise
                acting.note({})  # on a newer blockhash: what failed on this one is over
                again = await _create(world, acting)
            else:
                facts = {"writes": done.landed, "sent": done.sent, "fee_lamports": done.fees}
                return {**again, **facts}

    return step(
        id_="upload",
        title="Upload the program",
        does="Writes what is missing, in parallel, signed anew until all of it lies there.",
        is_done=is_done,
        run=run,
        timeout=timeout,
        on_failure=_AGAIN,
    )


def compare() -> Step[World]:
    """The buffer read back, before anything runs from it."""

    async def is_done(world: World) -> bool:
        return await world.is_switched() or await holds_all(world)

    async def run(world: World, _acting: Acting) -> Mapping[str, Json]:
        raise UploadError(await difference(world))

    return step(
        id_="compare",
        title="Compare the buffer with the build",
        does="Reads the whole buffer back: length and every byte have to be the build's.",
        is_done=is_done,
        run=run,
        timeout=Timeout("reading", 30),
        on_failure="Nothing runs from this buffer. Close it, and run the command again:"
        " slipway program recover ENVIRONMENT --close --execute",
        requirements=("ART-04",),
    )


async def holds_all(world: World) -> bool:
    """Whether the buffer holds exactly the program."""
    key, (_, account) = world.folder.buffer(world.code), await world.look()
    if key is None or account is None:
        return False
    return held(key.pubkey(), account, world.owners, len(world.code)) == world.code


async def difference(world: World) -> str:
    """Where the buffer differs from the program; empty if it does not."""
    code, key = world.code, world.folder.buffer(world.code)
    _, account = await world.look()
    if key is None or account is None:
        return "there is no buffer"
    buffer = key.pubkey()
    there = held(buffer, account, world.owners, len(code))
    if there == code:
        return ""
    wrong = [at for at, (left, right) in enumerate(zip(there, code, strict=True)) if left != right]
    return (
        f"buffer {buffer} differs from the build in {len(wrong):,} of {len(code):,} bytes,"
        f" first at byte {wrong[0]:,}"
    )


def _key(world: World) -> Keypair:
    key = world.folder.buffer(world.code)
    if key is None:
        raise UploadError(f"{world.folder.buffer_path(world.code)} is gone: run it again")
    return key
