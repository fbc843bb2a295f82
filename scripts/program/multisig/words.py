"""What a proposal does, in words that a member can check before a vote."""

from collections.abc import Sequence
from datetime import UTC, datetime

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from scripts.program.elf import program_hash
from scripts.program.loader import LOADER, AccountStateError, Tag, read_buffer
from scripts.program.multisig.squad import Asked
from scripts.program.multisig.squads import Multisig, Permission, Status
from scripts.program.node import Node

_UPGRADE_PROGRAM, _UPGRADE_BUFFER = 1, 2


async def told(node: Node, asked: Asked, multisig: Multisig) -> list[str]:
    """The lines on one proposal: what it does, with which bytes, and how far it is."""
    lines = [f"Proposal {asked.proposal.index}: {standing(asked, multisig)}"]
    for instruction in asked.message.unpacked():
        lines += [f"  {line}" for line in await _does(node, instruction)]
    for name in ("approved", "rejected", "cancelled"):
        members: Sequence[Pubkey] = getattr(asked.proposal, name)
        if members:
            lines.append(f"  {name} by {', '.join(map(str, members))}")
    return lines


def standing(asked: Asked, multisig: Multisig) -> str:
    """How far a proposal is, and what it waits for."""
    proposal = asked.proposal
    match proposal.status:
        case Status.ACTIVE if proposal.index <= multisig.stale_index:
            return "stale: the members changed, nobody can vote on it any more"
        case Status.ACTIVE:
            missing = multisig.threshold - len(proposal.approved)
            return f"open, {missing} of {multisig.threshold} approvals missing"
        case Status.APPROVED:
            opens = datetime.fromtimestamp(proposal.since + multisig.time_lock, UTC)
            return f"approved, can be executed from {opens:%Y-%m-%d %H:%M:%S} UTC on"
        case status:
            return status.name.lower()


def who_votes(multisig: Multisig) -> str:
    """The multisig itself, in a line."""
    voters = len(multisig.who(Permission.VOTE))
    lock = f"time lock {multisig.time_lock:,} s" if multisig.time_lock else "no time lock"
    return f"{multisig.threshold} of {voters} members decide, {lock}"


async def _does(node: Node, instruction: Instruction) -> list[str]:
    tag = int.from_bytes(instruction.data[:4], "little")
    if instruction.program_id != LOADER or tag not in set(Tag):
        accounts = ", ".join(str(one.pubkey) for one in instruction.accounts)
        return [f"calls {instruction.program_id} with {instruction.data.hex()} on {accounts}"]
    keys = [one.pubkey for one in instruction.accounts]
    if tag != Tag.UPGRADE:
        return [f"{Tag(tag).name.lower().replace('_', ' ')}: {', '.join(map(str, keys))}"]
    buffer = keys[_UPGRADE_BUFFER]
    return [
        f"upgrades {keys[_UPGRADE_PROGRAM]} from buffer {buffer}",
        await _holds(node, buffer),
    ]


async def _holds(node: Node, buffer: Pubkey) -> str:
    """What lies in a buffer now."""
    account = await node.account(buffer)
    if account is None:
        return "the buffer is not there any more"
    try:
        found = read_buffer(bytes(account.data))
    except AccountStateError:
        return "the account is no buffer"
    hash_ = program_hash(found.code)
    return f"which holds {hash_} ({len(found.code):,} bytes) and belongs to {found.authority}"
