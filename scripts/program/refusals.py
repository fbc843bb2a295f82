"""What is refused before a lamport moves: each says why, and what to do."""

from solders.null_signer import NullSigner

from scripts.program.estimate import Bill
from scripts.program.loader import LARGEST_ACCOUNT, LOADER, PROGRAM_DATA_HEADER, read_buffer
from scripts.program.node import sol
from scripts.program.state import OnChain, ProgramRefusedError
from scripts.program.steps.switch import LEAST_EXTENSION
from scripts.program.world import World


def refuse_deploy(world: World, found: OnChain, *, runs: bool = True) -> None:
    """Refuse what is no first deployment; where it `runs` at once, also without the key for it."""
    _refuse_closed(found)
    if found.data is not None and not found.runs(world.code):
        raise ProgramRefusedError(
            f"{world.program} is deployed and runs {found.hash}: use `slipway program upgrade`"
        )
    if runs and found.data is None and world.program_key is None:
        raise ProgramRefusedError(
            f"a first deployment needs the key of {world.program}: name its file with --program-key"
        )
    if world.program_key and world.program_key.pubkey() != world.program:
        raise ProgramRefusedError(
            f"--program-key is the key of {world.program_key.pubkey()}, and the environment's"
            f" programId is {world.program}: give the right key, or change programId by a review"
        )


def refuse_change(world: World, found: OnChain) -> None:
    """Refuse a change of a program that is not there, is final, or is somebody else's."""
    _refuse_closed(found)
    if found.data is None:
        raise ProgramRefusedError(f"{world.program} is not deployed: use `slipway program deploy`")
    if found.is_final:
        raise ProgramRefusedError(
            f"{world.program} is final: it has no upgrade authority, and nobody can change it."
            " Deploy a new program and change the environment's programId by a review"
        )
    if found.data.authority != world.upgrade_authority:
        raise ProgramRefusedError(
            f"{world.upgrade_authority} is not the upgrade authority of {world.program}:"
            f" {found.data.authority} is. Name its key with --authority, or its multisig with"
            " --multisig"
        )


def refuse_extension(found: OnChain, size: int) -> None:
    """Refuse an extension that the loader would refuse."""
    more = size - found.capacity
    if more <= 0:
        raise ProgramRefusedError(
            f"the program has room for {found.capacity:,} bytes already; it cannot shrink"
        )
    most = LARGEST_ACCOUNT - PROGRAM_DATA_HEADER
    if size > most:
        raise ProgramRefusedError(f"a program has at most {most:,} bytes, not {size:,}")
    if more < LEAST_EXTENSION and size != most:
        raise ProgramRefusedError(
            f"it would grow by {more:,} bytes, and the loader takes at least {LEAST_EXTENSION:,}:"
            f" --to {min(found.capacity + LEAST_EXTENSION, most)}"
        )


async def refuse_buffer(world: World) -> None:
    """Refuse a kept buffer that turned out to be another's."""
    key = world.folder.buffer(world.code)
    account = await world.node.account(key.pubkey()) if key else None
    if key is None or account is None:
        return
    path = world.folder.buffer_path(world.code)
    if account.owner != LOADER:
        raise ProgramRefusedError(f"{key.pubkey()} ({path}) is no buffer: move the file away")
    buffer = read_buffer(bytes(account.data))
    if buffer.authority not in world.owners:
        raise ProgramRefusedError(
            f"the buffer {key.pubkey()} belongs to {buffer.authority}, not to"
            f" {world.authority.pubkey()}: give its authority's key with --authority, or move"
            f" {path} away to begin with a new one"
        )
    if len(buffer.code) != len(world.code):
        raise ProgramRefusedError(
            f"the buffer {key.pubkey()} has room for {len(buffer.code):,} bytes, the program has"
            f" {len(world.code):,}. Its lamports come back with: slipway program recover"
            f" ENVIRONMENT --buffer {key.pubkey()} --close --execute"
        )


def refuse_poor(bill: Bill) -> None:
    """Refuse to begin what the payer cannot pay to its end."""
    if bill.missing:
        raise ProgramRefusedError(
            f"{bill.payer} has {sol(bill.balance)} and needs {sol(bill.needed)}:"
            f" {sol(bill.missing)} is missing"
        )


def unsigned(world: World) -> list[str]:
    """The keys that are missing where addresses stand for them, for people."""
    named = (("payer", world.payer), ("authority", world.authority))
    return [
        f"  MISSING the key of {signer.pubkey()}: --{option} FILE"
        for option, signer in named
        if isinstance(signer, NullSigner) and not (option == "authority" and signer is world.payer)
    ]


def refuse_unsigned(world: World) -> None:
    """Refuse to begin without a key that has to sign."""
    if missing := unsigned(world):
        raise ProgramRefusedError("\n".join(["an address signs nothing:", *missing]))


def _refuse_closed(found: OnChain) -> None:
    if found.closed:
        raise ProgramRefusedError(
            f"{found.program} was closed, and its id is gone for good: deploy with a new key, and"
            " change the environment's programId by a review"
        )
