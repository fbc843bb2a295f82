"""From which source a program was built, as it is to stand on chain."""

from dataclasses import dataclass

from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from scripts.program.multisig.message import MessageError
from scripts.program.node import Node
from scripts.program.record.origin import Origin, RecordError
from scripts.program.record.otter import (
    OTTER,
    Params,
    initialize,
    parse_record,
    record_address,
    update,
)
from scripts.program.world import World


@dataclass(frozen=True, kw_only=True)
class Record:
    """`origin`, as `signer`, the program's upgrade authority, says it."""

    origin: Origin
    program: Pubkey
    signer: Pubkey

    @property
    def address(self) -> Pubkey:
        """Where it lies."""
        return record_address(self.program, self.signer)

    async def is_done(self, world: World, slot: int | None = None) -> bool:
        """Whether it stands there, of what runs since `slot` if that is given."""
        found = await read_record(world.node, self.address)
        if found is None:
            return False
        return found == self.origin.params(found.slot if slot is None else slot)

    async def lacking(self, world: World) -> int:
        """The lamports that its account still lacks for its rent."""
        account = await world.node.account(self.address)
        rent = await world.node.rent(self.origin.params(0).space)
        return max(0, rent - (account.lamports if account else 0))

    async def funding(self, world: World) -> list[Instruction]:
        """What its account still lacks, from who pays."""
        missing = await self.lacking(world)
        if not missing:
            return []
        return [
            transfer(
                TransferParams(
                    from_pubkey=world.payer.pubkey(), to_pubkey=self.address, lamports=missing
                )
            )
        ]

    async def writing(self, world: World, slot: int = 0) -> list[Instruction]:
        """What `signer` signs for it to stand there."""
        write = update if await read_record(world.node, self.address) else initialize
        return [write(self.program, self.signer, self.origin.params(slot))]


async def refuse_record(node: Node) -> None:
    """Refuse a record where nobody keeps one."""
    if await node.account(OTTER) is None:
        raise RecordError(
            f"the cluster has no program {OTTER}, which keeps verify records: leave --repository"
            " out here"
        )


async def read_record(node: Node, address: Pubkey) -> Params | None:
    """What stands at the address of a record; None where nothing does."""
    account = await node.account(address)
    if account is None or account.owner != OTTER:
        return None  # lamports that somebody sent there are no record
    try:
        return parse_record(bytes(account.data))
    except MessageError as error:
        raise RecordError(f"{address}: {error}") from None
