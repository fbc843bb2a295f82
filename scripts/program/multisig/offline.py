"""Votes that are signed without a network: exported here, signed there, sent from here again.

The transaction stands on a durable nonce, which stays good for as long as nobody uses it: a
blockhash would be gone before a member has walked to the machine that holds the key.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from solders.commitment_config import CommitmentConfig, CommitmentLevel
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import ID as SYSTEM
from solders.system_program import AdvanceNonceAccountParams, advance_nonce_account
from solders.transaction import VersionedTransaction

from environments.model import Cluster
from preview import files
from scripts.exits import CommandError, ExitCode
from scripts.program.choices import Choice
from scripts.program.multisig.squads import SQUADS, tag
from scripts.program.multisig.votes import cast_vote
from scripts.program.node import Node
from scripts.program.world import World, step
from scripts.runs.canonical import Json
from scripts.runs.steps import Acting, Step, Timeout

_NONCE_AUTHORITY: Final = slice(8, 40)
_NONCE_HASH: Final = slice(40, 72)
_NONCE_SIZE: Final = 80
_CONFIRMED: Final = CommitmentConfig(CommitmentLevel.Confirmed)
_LARGEST: Final = 100_000


class OfflineError(CommandError):
    """A file that holds no vote, or one that cannot be signed or sent."""

    code = ExitCode.USAGE


class Exported(BaseModel):
    """A transaction for one member to sign."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slipway: Annotated[str, Field(pattern=r"^vote-1$")] = "vote-1"
    cluster: Cluster
    member: str
    told: tuple[str, ...]
    """What the exporter saw on the chain; the signer reads the message itself beside it."""
    message: str
    """The bytes to sign, in base64."""
    signature: str | None = None


async def export(  # noqa: PLR0913 - each is a part of the vote
    node: Node,
    *,
    cluster: Cluster,
    multisig: Pubkey,
    index: int,
    choice: Choice,
    member: Pubkey,
    nonce: Pubkey,
    told: Sequence[str],
) -> Exported:
    """The vote of `member`, who pays for it, on the nonce account `nonce`, which obeys them."""
    account = await node.account(nonce)
    if account is None or account.owner != SYSTEM or len(account.data) != _NONCE_SIZE:
        raise OfflineError(
            f"{nonce} is no nonce account: solana create-nonce-account KEY 0.0015"
            f" --nonce-authority {member} makes one"
        )
    data = bytes(account.data)
    authority = Pubkey.from_bytes(data[_NONCE_AUTHORITY])
    if authority != member:
        raise OfflineError(f"nonce account {nonce} obeys {authority}, not {member}, who is to sign")
    advance = advance_nonce_account(
        AdvanceNonceAccountParams(nonce_pubkey=nonce, authorized_pubkey=member)
    )
    message = Message.new_with_blockhash(
        [advance, cast_vote(choice, multisig=multisig, index=index, member=member)],
        member,
        Hash.from_bytes(data[_NONCE_HASH]),
    )
    return Exported(
        cluster=cluster,
        member=str(member),
        told=tuple(told),
        message=b64encode(bytes(message)).decode(),
    )


def read(path: Path) -> Exported:
    """The vote in a file; `OfflineError` where it holds none."""
    try:
        content = path.read_bytes()[:_LARGEST]
        return Exported.model_validate_json(content)
    except OSError as error:
        raise OfflineError(f"{path} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        said = error.errors()[0]
        where = ".".join(map(str, said["loc"]))
        raise OfflineError(f"{path} is no exported vote: {where} {said['msg']}".strip()) from None


def write(path: Path, exported: Exported) -> None:
    """Write the file whole or not at all."""
    files.write(path, exported.model_dump_json(indent=2, exclude_none=True) + "\n")


def described(exported: Exported) -> list[str]:
    """What the message itself asks for, and what the exporter said of it."""
    message = _message(exported)
    lines = [f"For {exported.cluster}, to be signed by {exported.member}:"]
    keys = message.account_keys
    for one in message.instructions:
        program = keys[one.program_id_index]
        if program == SYSTEM:
            lines.append(f"  advances the nonce account {keys[one.accounts[0]]}")
            continue
        verb = next(choice for choice in Choice if _is_vote(one.data, choice))
        lines.append(
            f"  {verb.value}s proposal account {keys[one.accounts[2]]} of {keys[one.accounts[0]]}"
        )
    return [*lines, "  The exporter saw:", *(f"    {line}" for line in exported.told)]


def sign(exported: Exported, key: Keypair) -> Exported:
    """The same with the member's signature."""
    if str(key.pubkey()) != exported.member:
        raise OfflineError(f"{exported.member} has to sign it, and this is {key.pubkey()}'s key")
    signature = key.sign_message(bytes(_message(exported)))
    return exported.model_copy(update={"signature": str(signature)})


def signed_transaction(exported: Exported) -> VersionedTransaction:
    """What to send; `OfflineError` where nobody signed it, or something else was signed."""
    if exported.signature is None:
        raise OfflineError("nobody signed it yet: slipway program sign FILE --key FILE")
    message = _message(exported)
    try:
        signature = Signature.from_string(exported.signature)
    except ValueError:
        raise OfflineError("its signature cannot be read: sign it again") from None
    if not signature.verify(Pubkey.from_string(exported.member), bytes(message)):
        raise OfflineError(f"its signature is not {exported.member}'s of this message")
    return VersionedTransaction.populate(message, [signature])


def check_cluster(exported: Exported, cluster: Cluster) -> None:
    """Refuse a vote for another cluster."""
    if exported.cluster != cluster:
        raise OfflineError(f"it is for {exported.cluster}, and the environment's is {cluster}")


def submit(transaction: VersionedTransaction) -> Step[World]:
    """Send what a member signed, until it has landed."""
    signature = transaction.signatures[0]

    async def is_done(world: World) -> bool:
        return await _landed(world.node, signature) is not None

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        acting.note({"blockhash": str(transaction.message.recent_blockhash)})
        slot = await send(world.node, transaction)
        return {"signature": str(signature), "slot": slot}

    return step(
        id_="submit",
        title="Send the vote",
        does=f"Sends {signature} until it has landed.",
        is_done=is_done,
        run=run,
        timeout=Timeout("transaction", 90),
        on_failure="Run the command again: it goes on. Where the nonce was used: export it again.",
        requirements=("SOL-13",),
    )


async def send(node: Node, transaction: VersionedTransaction) -> int:
    """Send until it has landed; the slot. `OfflineError` where it fails, or the nonce was used."""
    signature = transaction.signatures[0]
    message = transaction.message
    nonce = message.account_keys[message.instructions[0].accounts[0]]
    while True:
        if (slot := await _landed(node, signature)) is not None:
            return slot
        account = await node.account(nonce)
        if account is None or bytes(account.data)[_NONCE_HASH] != bytes(message.recent_blockhash):
            if (slot := await _landed(node, signature)) is not None:
                return slot
            raise OfflineError("its nonce was used by another transaction: export the vote again")
        await node.send(bytes(transaction))
        await node.pause(node.pace.poll * 4, f"{signature} has not landed")


async def _landed(node: Node, signature: Signature) -> int | None:
    """The slot of a transaction that is confirmed; `OfflineError` where it failed."""
    answer = await node.ask(
        lambda: node.client.get_signature_statuses([signature], search_transaction_history=True)
    )
    status = answer.value[0]
    if status and status.err is not None:
        raise OfflineError(f"it failed on chain ({signature}): {status.err}")
    return status.slot if status and status.satisfies_commitment(_CONFIRMED) else None


def _message(exported: Exported) -> Message:
    """The message, if it is a vote of the member on a nonce and nothing else."""
    try:
        message = Message.from_bytes(b64decode(exported.message, validate=True))
        programs = [message.account_keys[one.program_id_index] for one in message.instructions]
    except (ValueError, IndexError):
        raise OfflineError("its message cannot be read: export it again") from None
    votes = [one for one in message.instructions[1:] if any(_is_vote(one.data, c) for c in Choice)]
    nonce = programs[:1] == [SYSTEM] and message.instructions[0].data == b"\4\0\0\0"
    own = str(message.account_keys[0]) == exported.member
    if not (nonce and own and programs[1:] == [SQUADS] and len(votes) == 1):
        raise OfflineError(
            f"its message is not a vote of {exported.member} and nothing else: do not sign it"
        )
    if message.header.num_required_signatures != 1:
        raise OfflineError("its message wants other signatures, too: do not sign it")
    return message


def _is_vote(data: bytes, choice: Choice) -> bool:
    return data == tag("global", f"proposal_{choice.value}") + b"\0"
