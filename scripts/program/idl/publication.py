"""An IDL on its way onto the chain: its buffer, and the instructions that put it in place."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from scripts.program.chunks import LARGEST_TRANSACTION, transaction_size
from scripts.program.folder import Folder
from scripts.program.idl import metadata
from scripts.program.idl.account import Published, look
from scripts.program.idl.document import Idl, IdlError
from scripts.program.idl.metadata import HEADER, LARGEST_GROWTH, Buffer, parse_buffer
from scripts.program.keys import make_key, read_key
from scripts.program.world import World

_SHORT: Final = 16


@dataclass(frozen=True, kw_only=True)
class Publication:
    """`idl`, published by whoever may change the program's IDL."""

    idl: Idl

    def path(self, folder: Folder) -> Path:
        """Where the key of its buffer lies."""
        return folder.root / "idl" / f"{folder.program}-{self.idl.hash[:_SHORT]}.json"

    def key(self, world: World) -> Keypair | None:
        """The key of its buffer, if it was made."""
        path = self.path(world.folder)
        return read_key(path) if path.exists() else None

    def make_key(self, world: World) -> Keypair:
        """A new key of a buffer, on disk before it is used."""
        return make_key(self.path(world.folder))

    async def is_done(self, world: World) -> bool:
        """Whether the chain has just this IDL."""
        return (await look(world.node, world.program)).holds(self.idl.content)

    async def buffer(self, world: World) -> Buffer | None:
        """Its buffer, as the chain has it; `IdlError` where the key is of something else."""
        key = self.key(world)
        return await buffer_at(world, key.pubkey()) if key else None

    async def difference(self, world: World) -> str:
        """Where the buffer differs from the IDL; empty if it does not."""
        found, packed = await self.buffer(world), self.idl.packed
        if found is None:
            return "there is no buffer for the IDL"
        if found.authority not in world.owners:
            return f"the buffer of the IDL belongs to {found.authority}"
        if len(found.data) != len(packed):
            return f"the buffer has {len(found.data):,} bytes, the compressed IDL {len(packed):,}"
        wrong = [at for at, byte in enumerate(found.data) if byte != packed[at]]
        return (
            f"the buffer differs from the IDL in {len(wrong):,} of {len(packed):,} bytes, first at"
            f" byte {wrong[0]:,}"
            if wrong
            else ""
        )

    async def funding(self, world: World) -> list[Instruction]:
        """The rent that the IDL's account still lacks, from who pays."""
        found = await look(world.node, world.program)
        missing = await world.node.rent(HEADER + len(self.idl.packed)) - found.lamports
        if missing <= 0:
            return []
        return [
            transfer(
                TransferParams(
                    from_pubkey=world.payer.pubkey(), to_pubkey=found.address, lamports=missing
                )
            )
        ]

    async def switch(self, world: World, owner: Pubkey) -> list[Instruction] | None:
        """From the buffer into place, with what `owner` signs; nothing where it is in place.

        The buffer is gone afterwards, and its rent is back. None while there is no buffer.
        """
        found, key = await look(world.node, world.program), self.key(world)
        if found.holds(self.idl.content):
            return []
        return None if key is None else self.placed(world, found, key.pubkey(), owner)

    def placed(
        self, world: World, found: Published, buffer: Pubkey, owner: Pubkey
    ) -> list[Instruction]:
        """The same, in the place of what was `found`, from `buffer`."""
        program, payer = world.program, world.payer.pubkey()
        grown = [metadata.extend(program, owner, more) for more in self.extensions(found)]
        if found.metadata is None:
            placed = [
                metadata.allocate(program, owner),
                *grown,
                metadata.copy(buffer, found.address, owner),
                metadata.initialize(program, owner),
            ]
        else:
            placed = [
                *grown,
                metadata.set_data(program, owner, buffer),
                metadata.trim(program, owner, payer),
            ]
        return [*placed, metadata.close_buffer(buffer, owner, payer)]

    def extensions(self, found: Published) -> list[int]:
        """By how much the account grows before the last instruction that makes it grow."""
        more = HEADER + len(self.idl.packed) - max(found.size, HEADER)
        steps: list[int] = []
        while more > LARGEST_GROWTH:
            steps.append(LARGEST_GROWTH)
            more -= LARGEST_GROWTH
        return steps

    def refuse_vault(self, found: Published) -> None:
        """Refuse what one execution of a vault cannot make room for: it counts as one growth."""
        if HEADER + len(self.idl.packed) - found.size > LARGEST_GROWTH:
            raise IdlError(
                f"the IDL grows by more than {LARGEST_GROWTH:,} bytes, which no vault can do at"
                " once: let a key of your own change it: slipway program idl authority"
            )


def kept_keys(folder: Folder) -> dict[Path, Keypair]:
    """Every key of an IDL's buffer that is kept."""
    found = sorted((folder.root / "idl").glob(f"{folder.program}-*.json"))
    return {path: read_key(path) for path in found}


async def buffer_at(world: World, address: Pubkey) -> Buffer | None:
    """The buffer at an address whose key is kept; `IdlError` where there is something else."""
    account = await world.node.account(address)
    if account is None:
        return None
    if account.owner != metadata.METADATA:
        raise IdlError(
            f"{address} is no buffer of program-metadata: move its key away from"
            f" {world.folder.root / 'idl'} to begin with a new one"
        )
    return parse_buffer(bytes(account.data))


def largest_write(payer: Pubkey, authority: Pubkey, buffer: Pubkey) -> int:
    """How many bytes one transaction can write, next to a compute price and limit."""
    fees = [set_compute_unit_limit(0), set_compute_unit_price(0)]

    def size(length: int) -> int:
        instructions: Sequence[Instruction] = [
            *fees,
            metadata.write(buffer, authority, 0, bytes(length)),
        ]
        return transaction_size(Message.new_with_blockhash(instructions, payer, Hash.default()))

    room = LARGEST_TRANSACTION - size(0)
    # The length takes more bytes itself when it is larger, so what is left is measured.
    while size(room) > LARGEST_TRANSACTION:
        room -= 1
    return room
