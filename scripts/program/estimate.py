"""What a deployment will take: transactions, lamports, what comes back, and what must be there."""

import asyncio
from dataclasses import dataclass
from typing import Final

from solders.pubkey import Pubkey

from scripts.program.chunks import largest_chunk, plan_chunks
from scripts.program.loader import BUFFER_HEADER, PROGRAM_DATA_HEADER, PROGRAM_SIZE, read_buffer
from scripts.program.node import sol
from scripts.program.sending import SIGNATURE_FEE, distinct, priority_fee
from scripts.program.state import OnChain
from scripts.program.steps.switch import extension
from scripts.program.world import World

_UNKNOWN: Final = Pubkey(bytes([255]) * 32)
"""In the place of a buffer whose key is not made yet."""
_SYSTEM_ACCOUNT: Final = 0
"""The length of a wallet's account, whose rent stays in it."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """All in lamports, where nothing else is said."""

    writes: int
    transactions: int
    fees: int
    """At the price of the moment."""
    most_fees: int
    """At the ceiling."""
    buffer_rent: int
    """Still to be paid; comes back when the program is switched."""
    stays: int
    """The rent that stays in the program; what comes back of it, where negative."""
    extension_bytes: int
    returned: int
    needed: int
    """What the payer must have now."""
    balance: int
    resumable: str | None
    """The buffer that an earlier run left."""

    @property
    def missing(self) -> int:
        """What the payer lacks."""
        return max(0, self.needed - self.balance)

    def lines(self) -> list[str]:
        """For people."""
        found = [
            f"{self.writes:,} writes, {self.transactions:,} transactions",
            f"fees {sol(self.fees)} now, at most {sol(self.most_fees)} at the price's ceiling",
            f"rent of the buffer {sol(self.buffer_rent)}, comes back: {sol(self.returned)}",
            f"rent that comes back from the program {sol(-self.stays)}"
            if self.stays < 0
            else f"rent that stays in the program {sol(self.stays)}",
            f"needed {sol(self.needed)}, the payer has {sol(self.balance)}",
        ]
        if self.extension_bytes:
            found.insert(3, f"the program grows by {self.extension_bytes:,} bytes")
        if self.resumable:
            found.append(f"goes on with the buffer {self.resumable}")
        return found


async def estimate(world: World, found: OnChain) -> Estimate:
    """What is left to do and to pay for the world's code to run."""
    node, code, first = world.node, world.code, found.data is None
    if found.runs(code):
        return await _nothing(world)
    payer = world.payer.pubkey()
    key = world.folder.buffer(code)
    _, account = await world.look()
    held = read_buffer(bytes(account.data)).code if account else b""
    buffer = key.pubkey() if key else _UNKNOWN
    sizes_itself = (await world.how_loads()).sizes_itself
    more = 0 if first or sizes_itself else extension(found.capacity, len(code))
    room = len(code) if sizes_itself else max(len(code) + world.room, found.capacity + more)
    footing, buffer_rent, program_data, program, least, balance = await asyncio.gather(
        world.sender.footing([payer, buffer]),
        node.rent(BUFFER_HEADER + len(code)),
        node.rent(PROGRAM_DATA_HEADER + room),
        node.rent(PROGRAM_SIZE),
        node.rent(_SYSTEM_ACCOUNT),
        node.lamports(payer),
    )
    program = program if first else 0
    largest = largest_chunk(
        payer=payer,
        authority=world.authority.pubkey(),
        buffer=buffer,
        fees=footing.fees,
    )
    writes = len(plan_chunks(code, largest, held))
    to_pay = 0 if account else buffer_rent
    stays = program + program_data - (0 if first else found.lamports)
    # Only a loader that sizes the program's data gives back what is too much.
    stays = stays if sizes_itself else max(stays, 0)
    signers = len(distinct(world.payer, world.authority))
    # A buffer's creation has its key's signature, a program's its own key's.
    signatures = (
        writes * signers
        + (0 if account else 2)
        + (1 if more else 0)
        + (signers + 1 if first else signers)
    )
    transactions = writes + (0 if account else 1) + (1 if more else 0) + 1
    base = signatures * SIGNATURE_FEE
    most_fees = base + transactions * priority_fee(world.sender.ceiling)
    # A buffer's rent is back in the payer's hands before that of the program's data is taken.
    # So it is for an upgrade, too, where the loader itself sizes the program's data.
    peak = (
        max(to_pay + program, to_pay + stays - buffer_rent)
        if first or sizes_itself
        else to_pay + stays
    )
    return Estimate(
        writes=writes,
        transactions=transactions,
        fees=base + transactions * priority_fee(footing.price),
        most_fees=most_fees,
        buffer_rent=to_pay,
        stays=stays,
        extension_bytes=more,
        returned=buffer_rent,
        needed=peak + most_fees + least,
        balance=balance,
        resumable=str(key.pubkey()) if key and account else None,
    )


async def _nothing(world: World) -> Estimate:
    return Estimate(
        writes=0,
        transactions=0,
        fees=0,
        most_fees=0,
        buffer_rent=0,
        stays=0,
        extension_bytes=0,
        returned=0,
        needed=0,
        balance=await world.node.lamports(world.payer.pubkey()),
        resumable=None,
    )
