"""How a decision is put to the members: one transaction where it has room, else two."""

from collections.abc import Sequence
from typing import Final

from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import Message as Transaction
from solders.pubkey import Pubkey

from scripts.program.chunks import LARGEST_TRANSACTION, transaction_size
from scripts.program.idl.account import look
from scripts.program.idl.publication import Publication
from scripts.program.loader import upgrade
from scripts.program.multisig import squads
from scripts.program.multisig.message import Message, compiled
from scripts.program.multisig.squad import Squad, SquadError, read_multisig, unasked
from scripts.program.record.record import Record
from scripts.program.world import World

_BUFFER, STAND_IN = (Pubkey(bytes([number]) * 32) for number in (254, 255))
"""In the place of buffers whose keys are not made yet."""
_FEES: Final = (set_compute_unit_limit(0), set_compute_unit_price(0))


async def asking(world: World, squad: Squad, message: Message) -> list[Instruction]:
    """What asks the members next: with both at once, where one transaction has room for both."""
    left = await unasked(world.node, squad, message)
    if left:
        return [_proposal(squad, left)]
    index = (await read_multisig(world.node, squad)).transaction_index + 1
    written = _transaction(squad, index, message)
    both = [written, _proposal(squad, index)]
    return both if _overhang(world, both) <= 0 else [written]


async def refuse_large(
    world: World, squad: Squad, publication: Publication | None, record: Record | None
) -> None:
    """Refuse what no proposal has room for, before anything is paid for it."""
    message = await expected(world, squad, publication, record)
    over = _overhang(world, [_transaction(squad, 1, message)])
    if over > 0:
        raise SquadError(
            f"the upgrade, its IDL and its verify record are {over:,} bytes too many for one"
            " proposal: give shorter --build-args, let the member pay (--payer and --member the"
            " same key), or publish the IDL on its own: slipway program idl publish"
        )


async def expected(
    world: World, squad: Squad, publication: Publication | None, record: Record | None
) -> Message:
    """What will be put to the members, but for the addresses of buffers that are not there yet."""
    vault, payer = squad.vault, world.payer.pubkey()
    everything = [upgrade(program=world.program, buffer=_BUFFER, authority=vault, spill=payer)]
    if publication:
        found = await look(world.node, world.program)
        everything += publication.placed(world, found, STAND_IN, vault)
    if record:
        everything += await record.writing(world)
    return compiled(vault, everything)


def _overhang(world: World, instructions: Sequence[Instruction]) -> int:
    """By how many bytes they are too large for one transaction, with a price."""
    message = Transaction.new_with_blockhash(
        [*_FEES, *instructions], world.payer.pubkey(), Hash.default()
    )
    return transaction_size(message) - LARGEST_TRANSACTION


def _transaction(squad: Squad, index: int, message: Message) -> Instruction:
    return squads.create_transaction(
        multisig=squad.multisig,
        index=index,
        creator=squad.key,
        message=message,
        vault_index=squad.vault_index,
    )


def _proposal(squad: Squad, index: int) -> Instruction:
    return squads.create_proposal(multisig=squad.multisig, index=index, creator=squad.key)
