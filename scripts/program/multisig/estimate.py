"""What the members' decisions take beside the new version itself: the way back, and the asking.

Whoever pays needs all of it: the buffer of the way back holds its rent until it is retired, and the
new version's lies beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from scripts.program.estimate import Bill, Filling, counted, filling
from scripts.program.idl.estimate import estimate as estimate_idl
from scripts.program.idl.publication import Publication
from scripts.program.keys import Signer
from scripts.program.loader import BUFFER_HEADER, read_buffer
from scripts.program.multisig import decisions, words
from scripts.program.multisig.asking import expected
from scripts.program.multisig.decisions import Decision
from scripts.program.multisig.message import Message
from scripts.program.multisig.squad import Squad, read_multisig
from scripts.program.multisig.squads import Status, proposal_space, transaction_space
from scripts.program.multisig.steps import UNITS
from scripts.program.node import sol
from scripts.program.record.record import Record
from scripts.program.sending import SIGNATURE_FEE, distinct, priority_fee
from scripts.program.sending import UNITS as FEW_UNITS
from scripts.program.state import ProgramRefusedError
from scripts.program.world import World

_EACH = 3
"""The transactions of one decision: asking, this member's voice, the execution."""


@dataclass(frozen=True, kw_only=True)
class Members(Bill):
    """What the members' decisions take of the payer, and of the member who asks."""

    back_writes: int
    back_rent: int
    """Of the way back's buffer, still to be paid; comes back when it is retired."""
    beside_rent: int
    """Of an IDL and a record, and of the IDL's buffer, which comes back."""
    squads_rent: int
    """Of what the members are asked, which Squads keeps."""
    rules: str
    """Who decides, and how long all wait."""
    asked: int
    """How many proposals are still to be made."""
    member: Pubkey
    member_balance: int

    @property
    def member_missing(self) -> int:
        """What the member lacks, who pays for what is asked."""
        pays = self.member == self.payer
        return 0 if pays else max(0, self.squads_rent - self.member_balance)

    def lines(self) -> list[str]:
        """For people: what it is that all of it is needed for."""
        found = [self.rules]
        if self.back_writes or self.back_rent:
            found.append(
                f"the way back first: {counted(self.back_writes, 'write')}, rent"
                f" {sol(self.back_rent)} of its buffer, comes back when it is retired"
            )
        if self.beside_rent:
            found.append(f"rent {sol(self.beside_rent)} of the IDL and the verify record")
        if self.asked:
            lacks = f": MISSING {sol(self.member_missing)}" if self.member_missing else ""
            found.append(
                f"{counted(self.asked, 'proposal')}: rent {sol(self.squads_rent)}, which Squads"
                f" keeps, paid by the member {self.member}{lacks}"
            )
        return found


def refuse_poor_member(asked: Members) -> None:
    """Refuse to begin what the member cannot ask."""
    if asked.member_missing:
        raise ProgramRefusedError(
            f"the member {asked.member} pays {sol(asked.squads_rent)} for what is asked and has"
            f" {sol(asked.member_balance)}: {sol(asked.member_missing)} is missing"
        )


class _Sends:
    """Transactions that are still to be sent."""

    def __init__(self) -> None:
        self.count = 0
        self._signatures = 0
        self._units = 0

    def add(self, count: int, signers: Sequence[Signer], units: int = FEW_UNITS) -> None:
        """So many more, that each of `signers` signs."""
        self.count += count
        self._signatures += count * len(distinct(*signers))
        self._units += count * units

    def fees(self, price: int) -> int:
        """What all of them cost at a price."""
        return self._signatures * SIGNATURE_FEE + priority_fee(price, self._units)


async def members(
    world: World,
    squad: Squad,
    running: bytes | None,
    publication: Publication | None = None,
    record: Record | None = None,
) -> Members:
    """What is left to do and to pay for the members to decide on the world's code."""
    node, footing = world.node, await world.sender.footing([world.payer.pubkey()])
    sends, asked, squads_rent = _Sends(), 0, 0
    back = Filling(begun=True, writes=0)
    back_rent = 0
    switched = await world.is_switched()
    if running is not None and not switched:
        beside = replace(world, code=running, lies_ready=True)
        back = await filling(beside, footing.fees)
        back_rent = 0 if back.begun else await node.rent(BUFFER_HEADER + len(running))
        given = await _is_given(beside, squad)
        sends.add(back.writes + (not given), [world.payer, world.authority])
        sends.add(not back.begun, [world.payer, Keypair()])
        message = await expected(world, squad, None, None)
        rent = await _asking(beside, squad, decisions.upgrading(squad), message, sends)
        asked, squads_rent = asked + (rent > 0), squads_rent + rent
    if not switched:
        decision = decisions.upgrading(squad, publication, record)
        message = await expected(world, squad, publication, record)
        rent = await _asking(world, squad, decision, message, sends)
        asked, squads_rent = asked + (rent > 0), squads_rent + rent
        sends.add(1, [world.payer, squad.member], UNITS)  # its execution
        if await _is_given(world, squad):
            # What the new version counts as its switch is the handing over of its buffer.
            sends.add(-1, [world.payer, world.authority])
    published = await estimate_idl(world, publication) if publication else None
    recorded = await record.lacking(world) if record else 0
    beside_rent = recorded + (published.buffer_rent + max(published.stays, 0) if published else 0)
    taken = await _members(world, squad, sends, asked, squads_rent)
    fees, most_fees = (published.fees, published.most_fees) if published else (0, 0)
    return replace(
        taken,
        transactions=taken.transactions + (published.transactions if published else 0),
        fees=taken.fees + fees,
        most_fees=taken.most_fees + most_fees,
        needed=taken.needed + back_rent + beside_rent + most_fees,
        back_writes=back.writes,
        back_rent=back_rent,
        beside_rent=beside_rent,
    )


async def one_decision(
    world: World, squad: Squad, decision: Decision, message: Message, times: int = 1
) -> Members:
    """What is left for the members to decide on one thing, so many `times` one after another."""
    sends, rent = _Sends(), 0
    if not await decision.is_done(world):
        rent = await _asking(world, squad, decision, message, sends)
        rent += (times - 1) * await asking_rent(world, squad, message)
        sends.add(1 + (times - 1) * _EACH, [world.payer, squad.member], UNITS)
    asked = times if rent else 0
    return await _members(world, squad, sends, asked, rent)


async def _members(
    world: World, squad: Squad, sends: _Sends, asked: int, squads_rent: int
) -> Members:
    node, payer = world.node, world.payer.pubkey()
    footing = await world.sender.footing([payer])
    most_fees = sends.fees(world.sender.ceiling)
    return Members(
        payer=payer,
        transactions=sends.count,
        fees=sends.fees(footing.price),
        most_fees=most_fees,
        needed=most_fees + (squads_rent if squad.key == payer else 0),
        balance=await node.lamports(payer),
        back_writes=0,
        back_rent=0,
        beside_rent=0,
        squads_rent=squads_rent,
        rules=words.deciding(await read_multisig(node, squad)),
        asked=asked,
        member=squad.key,
        member_balance=await node.lamports(squad.key),
    )


async def _asking(
    world: World, squad: Squad, decision: Decision, message: Message, sends: _Sends
) -> int:
    """The rent of asking the members, if they are still to be asked, and what is sent for it."""
    found = await decisions.proposed(world, squad, decision)
    if found is None:
        sends.add(2, [world.payer, squad.member], UNITS)
        return await asking_rent(world, squad, message)
    if found.proposal.status is Status.ACTIVE and squad.key not in found.proposal.approved:
        sends.add(1, [world.payer, squad.member], UNITS)
    return 0


async def asking_rent(world: World, squad: Squad, message: Message) -> int:
    """What Squads keeps for asking the members once."""
    rules = await read_multisig(world.node, squad)
    spaces = transaction_space(message), proposal_space(len(rules.members))
    return sum([await world.node.rent(space) for space in spaces])


async def _is_given(world: World, squad: Squad) -> bool:
    """Whether the buffer is the vault's already."""
    _, account = await world.look()
    return account is not None and read_buffer(bytes(account.data)).authority == squad.vault
