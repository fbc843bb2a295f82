"""What a proposal does, in words that a member can check before a vote."""

from collections.abc import Sequence
from datetime import UTC, datetime

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from scripts.program.elf import program_hash
from scripts.program.idl import metadata
from scripts.program.idl.account import unpacked
from scripts.program.idl.document import IdlError
from scripts.program.loader import LOADER, AccountStateError, Tag, read_buffer
from scripts.program.multisig.message import MessageError
from scripts.program.multisig.squad import Asked
from scripts.program.multisig.squads import Multisig, Permission, Status
from scripts.program.node import Node
from scripts.program.record.otter import OTTER, parse_instruction
from scripts.runs.canonical import sha256
from scripts.runs.steps import duration

_UPGRADE_PROGRAM, _UPGRADE_BUFFER = 1, 2
_IDL_BUFFER = 2
_OWNER, _CLOSED_PROGRAM = 1, 3


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
    lock = f"time lock {duration(multisig.time_lock)}" if multisig.time_lock else "no time lock"
    return f"{multisig.threshold} of {voters} members decide, {lock}"


def deciding(multisig: Multisig) -> str:
    """The same, with who they are."""
    return f"{who_votes(multisig)}: {', '.join(map(str, multisig.who(Permission.VOTE)))}"


async def _does(node: Node, instruction: Instruction) -> list[str]:
    if instruction.program_id == metadata.METADATA:
        return await _does_to_idl(node, instruction)
    if instruction.program_id == OTTER:
        return _does_to_record(instruction)
    if instruction.program_id == LOADER:
        return await _does_to_program(node, instruction)
    accounts = ", ".join(str(one.pubkey) for one in instruction.accounts)
    return [f"calls {instruction.program_id} with {instruction.data.hex()} on {accounts}"]


async def _does_to_program(node: Node, instruction: Instruction) -> list[str]:
    """What an instruction of the loader does: from which buffer, above all, or for good."""
    keys, data = [one.pubkey for one in instruction.accounts], instruction.data
    match int.from_bytes(data[:4], "little"):
        case Tag.UPGRADE:
            buffer = keys[_UPGRADE_BUFFER]
            said = f"upgrades {keys[_UPGRADE_PROGRAM]} from buffer {buffer}"
            return [said, await _holds(node, buffer)]
        case Tag.SET_AUTHORITY if len(keys) > _OWNER + 1:
            said = f"makes {keys[_OWNER + 1]} the upgrade authority of {keys[0]}"
        case Tag.SET_AUTHORITY:
            said = f"makes {keys[0]} final: nobody can ever change it again"
        case Tag.CLOSE if len(keys) > _CLOSED_PROGRAM:
            said = f"closes the program {keys[_CLOSED_PROGRAM]} FOR GOOD; its rent to {keys[1]}"
        case Tag.CLOSE:
            said = f"closes the buffer {keys[0]}; its rent to {keys[1]}"
        case Tag.EXTEND_CHECKED:
            said = f"extends {keys[1]} by {int.from_bytes(data[4:8], 'little'):,} bytes"
        case _:
            said = f"calls the loader with {data.hex()} on {', '.join(map(str, keys))}"
    return [said]


async def _does_to_idl(node: Node, instruction: Instruction) -> list[str]:
    """What an instruction of program-metadata does: whose bytes become the IDL, above all."""
    keys = [one.pubkey for one in instruction.accounts]
    data = instruction.data
    match data[0] if data else None:
        case metadata.Tag.SET_DATA:
            buffer, address = keys[_IDL_BUFFER], keys[0]
        case metadata.Tag.WRITE if keys[_IDL_BUFFER] != metadata.METADATA:
            buffer, address = keys[_IDL_BUFFER], keys[0]
        case metadata.Tag.SET_AUTHORITY:
            new = Pubkey.from_bytes(data[2:]) if data[1] else "nobody but the upgrade authority"
            return [f"lets {new} change the IDL at {keys[0]}"]
        case tag if tag in set(metadata.Tag):
            name = metadata.Tag(tag).name.lower().replace("_", " ")
            return [f"IDL, {name}: {', '.join(map(str, keys))}"]
        case _:
            return [f"calls {metadata.METADATA} with {data.hex()}"]
    return [f"puts the IDL at {address} in place from buffer {buffer}", await _idl_in(node, buffer)]


def _does_to_record(instruction: Instruction) -> list[str]:
    """From which source the vault is to say that the program was built."""
    keys, data = [one.pubkey for one in instruction.accounts], instruction.data
    try:
        said = parse_instruction(data)
    except MessageError:
        return [f"calls {OTTER} with {data.hex()} on {', '.join(map(str, keys))}"]
    return [
        f"writes the verify record {keys[0]} of {keys[2]}: built from {said.git_url}",
        f"at {said.commit} with {' '.join(said.args)}",
    ]


async def _idl_in(node: Node, buffer: Pubkey) -> str:
    """What lies in an IDL's buffer now."""
    account = await node.account(buffer)
    if account is None or account.owner != metadata.METADATA:
        return "the buffer is not there any more"
    try:
        found = metadata.parse_buffer(bytes(account.data))
        content = unpacked(found.data, metadata.Compression.ZLIB)
    except (metadata.MetadataError, IdlError) as error:
        return f"which holds no IDL: {error}"
    return (
        f"which holds SHA-256 {sha256(content)} ({len(content):,} bytes) and belongs to"
        f" {found.authority}"
    )


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
