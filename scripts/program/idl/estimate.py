"""What a publication takes: transactions, lamports, and what comes back of them."""

from dataclasses import dataclass

from scripts.program.chunks import plan_chunks
from scripts.program.estimate import Bill, counted
from scripts.program.idl import buffer as buffers
from scripts.program.idl.account import look
from scripts.program.idl.metadata import HEADER
from scripts.program.idl.publication import Publication, largest_write
from scripts.program.idl.steps import UNITS
from scripts.program.node import sol
from scripts.program.sending import SIGNATURE_FEE, distinct, priority_fee
from scripts.program.world import World


@dataclass(frozen=True, kw_only=True)
class Estimate(Bill):
    """What a publication takes, without the transactions of a vault's proposal."""

    writes: int
    buffer_rent: int
    """Still to be paid; comes back when the IDL is in place."""
    stays: int
    """The rent that the IDL's account lacks; what it has too much, where negative."""

    def lines(self) -> list[str]:
        """For people."""
        rent = "comes back from the larger one" if self.stays < 0 else "stays with the IDL"
        return [
            f"{counted(self.writes, 'write')}, {counted(self.transactions, 'transaction')}",
            self.paid,
            f"rent {sol(self.buffer_rent)} of a buffer comes back; {sol(abs(self.stays))} {rent}",
            self.wallet,
        ]


async def estimate(world: World, publication: Publication) -> Estimate:
    """What is left to do and to pay for the IDL to be published."""
    node, packed = world.node, publication.idl.packed
    payer, authority = world.payer.pubkey(), world.authority.pubkey()
    balance = await node.lamports(payer)
    if await publication.is_done(world):
        return Estimate(
            payer=payer,
            writes=0,
            transactions=0,
            fees=0,
            most_fees=0,
            buffer_rent=0,
            stays=0,
            needed=0,
            balance=balance,
        )
    found, buffer = await look(node, world.program), await publication.buffer(world)
    largest = largest_write(payer, authority, found.address)
    writes = len(plan_chunks(packed, largest, buffer.data if buffer else b""))
    signers = len(distinct(world.payer, world.authority))
    transactions = writes + (0 if buffer else 1) + 1
    signatures = writes * signers + (0 if buffer else 2) + signers
    footing = await world.sender.footing([found.address])
    base = signatures * SIGNATURE_FEE

    def fees(price: int) -> int:
        return (
            base
            + (transactions - 1) * priority_fee(price, buffers.UNITS)
            + priority_fee(price, UNITS)
        )

    most_fees = fees(world.sender.ceiling)
    rent = await node.rent(HEADER + len(packed))
    buffer_rent = 0 if buffer else rent
    stays = rent - found.lamports
    return Estimate(
        payer=payer,
        writes=writes,
        transactions=transactions,
        fees=fees(footing.price),
        most_fees=most_fees,
        buffer_rent=buffer_rent,
        stays=stays,
        needed=buffer_rent + max(stays, 0) + most_fees + await node.rent(0),
        balance=balance,
    )
