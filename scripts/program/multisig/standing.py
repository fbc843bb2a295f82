"""Ways back that stand ready: which there are, how long each is kept, and how it is taken away.

An approved upgrade to an earlier version can be executed for as long as nobody cancels it, and its
buffer holds lamports that only the vault can move. Once the release before is kept no longer
(ROLL-06: after its successor's first week), members cancel it and close its buffer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from solders.account import Account
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from scripts.program.choices import Choice
from scripts.program.elf import program_hash
from scripts.program.folder import Saved
from scripts.program.loader import LOADER, AccountStateError, Buffer, Tag, close_buffer, read_buffer
from scripts.program.multisig import steps
from scripts.program.multisig.decisions import Decision
from scripts.program.multisig.message import Message, compiled
from scripts.program.multisig.squad import Squad, asked, read_multisig, search
from scripts.program.multisig.squads import (
    Multisig,
    Permission,
    Proposal,
    Status,
    proposal_address,
)
from scripts.program.multisig.steps import UNITS
from scripts.program.multisig.votes import cast_vote
from scripts.program.world import World, step
from scripts.runs.canonical import Json
from scripts.runs.steps import Acting, Step, StepPendingError, Timeout
from standards import figure

RETENTION: Final = timedelta(days=figure("ROLL-06", "first_week_days").days)
_PROGRAM, _BUFFER = 1, 2
_SERVED: Final = ("SOL-13", "ROLL-06")
_AGAIN: Final = "Run the command again: it goes on."
_ENDS: Final = {Status.APPROVED: Choice.CANCEL, Status.ACTIVE: Choice.REJECT}
"""What members say to end a proposal, by how far it is."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """An upgrade that was not executed, and its buffer, which is the vault's."""

    index: int
    """Of its proposal; 0 where the members were never asked."""
    status: Status
    buffer: Pubkey
    lamports: int
    """What the buffer holds, and comes back."""
    hash: str
    """Of the program that lies in the buffer."""
    about: Saved | None
    """What is kept of that program on this machine."""
    until: datetime
    """Until when it is kept."""

    @property
    def is_way_back(self) -> bool:
        """Whether what lies in its buffer ran before."""
        return self.about is not None and self.about.replaced is not None


async def standing(world: World, squad: Squad) -> list[Standing]:
    """The program's upgrades that lie ready, are being asked for, or were never asked for."""
    there: dict[Pubkey, Proposal | datetime] = {}

    def wanted(message: Message) -> bool:
        return _upgrades_from(message, world.program) is not None

    async for one in search(world.node, squad, wanted):
        buffer = _upgrades_from(one.message, world.program)
        if buffer and one.proposal.status is not Status.EXECUTED:
            there.setdefault(buffer, one.proposal)
    for path, key in world.folder.buffers().items():
        there.setdefault(key.pubkey(), datetime.fromtimestamp(path.stat().st_mtime, UTC))
    accounts = await world.node.accounts([*there]) if there else []
    return [
        _standing(world, said, address, account, held)
        for (address, said), account in zip(there.items(), accounts, strict=True)
        if account and (held := _held(account)) and held.authority == squad.vault
    ]


async def overdue(world: World, environment: str) -> list[str]:
    """Ways back whose time is up and whose buffers still lie there, for people."""
    folder, now = world.folder, datetime.now(UTC)
    kept = folder.buffers()
    old = [one for one in folder.all_saved() if one.replaced and one.replaced + RETENTION <= now]
    keys = {
        one.hash: key.pubkey()
        for one in (old if kept else [])
        if (key := kept.get(folder.buffer_path(folder.code(one.hash))))
    }
    accounts = await world.node.accounts([*keys.values()]) if keys else []
    there = {hash_ for hash_, account in zip(keys, accounts, strict=True) if account}
    return [
        f"due since {one.replaced + RETENTION:%Y-%m-%d}: the way back to"
        f" {one.version or one.hash[:16]}. To take it away: slipway program retire {environment}"
        for one in old
        if one.hash in there and one.replaced
    ]


def _standing(
    world: World, said: Proposal | datetime, address: Pubkey, account: Account, held: Buffer
) -> Standing:
    """What is kept, by what members said of it, or by when its key was made."""
    hash_ = program_hash(held.code)
    about = world.folder.saved(hash_)
    replaced = about.replaced if about else None
    asked = isinstance(said, Proposal)
    begins = replaced or (datetime.fromtimestamp(said.since, UTC) if asked else said)
    refused = asked and said.status in {Status.REJECTED, Status.CANCELLED}
    return Standing(
        index=said.index if asked else 0,
        status=said.status if asked else Status.DRAFT,
        buffer=address,
        lamports=account.lamports,
        hash=hash_,
        about=about,
        # What was refused and never ran is nobody's way back: nothing of it is kept.
        until=begins if refused and replaced is None else begins + RETENTION,
    )


def _upgrades_from(message: Message, program: Pubkey) -> Pubkey | None:
    """The buffer that it upgrades the program from, where that is what it does."""
    for instruction in message.unpacked():
        keys = [meta.pubkey for meta in instruction.accounts]
        tag = int.from_bytes(instruction.data[:4], "little")
        if (instruction.program_id, tag) == (LOADER, Tag.UPGRADE) and keys[_PROGRAM] == program:
            return keys[_BUFFER]
    return None


def _held(account: Account | None) -> Buffer | None:
    try:
        return read_buffer(bytes(account.data)) if account else None
    except AccountStateError:
        return None


def noted(due: Sequence[Standing]) -> dict[str, Json]:
    """What a run writes down of what it takes away: the same again is the same run."""
    return {
        "proposals": [one.index for one in due],
        "buffers": [str(one.buffer) for one in due],
    }


def recalled(inputs: Json) -> list[Standing]:
    """What a run that was killed is about, also where the chain does not show it any more."""
    match inputs:
        case {"proposals": [*indexes], "buffers": [*buffers]}:
            return [
                Standing(
                    index=index,
                    status=Status.CANCELLED,
                    buffer=Pubkey.from_string(str(buffer)),
                    lamports=0,
                    hash="",
                    about=None,
                    until=datetime.now(UTC),
                )
                for index, buffer in zip(indexes, buffers, strict=True)
                if isinstance(index, int)
            ]
        case _:
            return []


def retiring(squad: Squad, one: Standing) -> list[Step[World]]:
    """Its proposal ended if there is one, its buffer closed, its key forgotten."""
    closing = _closing(squad, one)
    parts = [
        *([_say_no(squad, one)] if one.index else []),
        steps.propose(squad, closing),
        steps.agree(squad, closing),
        *([_ended(squad, one)] if one.index else []),
        steps.wait(squad, closing),
        steps.execute(squad, closing),
        _forget(one),
    ]
    return [replace(part, id=f"{part.id}-{one.index or one.buffer}") for part in parts]


def _closing(squad: Squad, one: Standing) -> Decision:
    """Its buffer closed by the vault, the lamports to who pays."""

    async def message(world: World) -> Message | None:
        closed = close_buffer(one.buffer, world.payer.pubkey(), squad.vault)
        return compiled(squad.vault, [closed])

    async def is_done(world: World) -> bool:
        return await world.node.account(one.buffer) is None

    async def problem(_world: World) -> str:
        return ""

    return Decision(
        title=f"Close the buffer {one.buffer}",
        does="the end of a buffer that nobody needs any more",
        message=message,
        is_done=is_done,
        problem=problem,
    )


def _say_no(squad: Squad, one: Standing) -> Step[World]:
    """This member's voice against it."""

    async def needed(world: World) -> Choice | None:
        multisig = await read_multisig(world.node, squad)
        found = (await asked(world.node, squad, one.index)).proposal
        if squad.key not in multisig.who(Permission.VOTE) or is_over(found, multisig):
            return None
        said = found.cancelled if found.status is Status.APPROVED else found.rejected
        return None if squad.key in said else _ENDS[found.status]

    async def is_done(world: World) -> bool:
        return await needed(world) is None

    async def run(world: World, acting: Acting) -> Mapping[str, Json]:
        async def build() -> Sequence[Instruction] | None:
            choice = await needed(world)
            if choice is None:
                return None
            return [cast_vote(choice, multisig=squad.multisig, index=one.index, member=squad.key)]

        landed = await world.sender.send(
            build,
            writes=[proposal_address(squad.multisig, one.index)],
            signers=[squad.member],
            acting=acting,
            units=UNITS,
        )
        return {"proposal": one.index, **(landed.facts() if landed else {})}

    return step(
        id_="take-back",
        title=f"Take back proposal {one.index}",
        does="Says, as this member, that the standing upgrade is not to be executed any more.",
        is_done=is_done,
        run=run,
        timeout=Timeout("transaction", 90),
        on_failure=_AGAIN,
        requirements=_SERVED,
    )


def _ended(squad: Squad, one: Standing) -> Step[World]:
    """As many voices against it as that takes."""

    async def missing(world: World) -> str:
        multisig = await read_multisig(world.node, squad)
        found = (await asked(world.node, squad, one.index)).proposal
        if is_over(found, multisig):
            return ""
        said = found.cancelled if found.status is Status.APPROVED else found.rejected
        others = [key for key in multisig.who(Permission.VOTE) if key not in said]
        return (
            f"proposal {one.index} can still be executed. Who can take it back:"
            f" {', '.join(map(str, others))}. Each runs: slipway program vote ENVIRONMENT"
            f" {one.index} {_ENDS[found.status]} --multisig {squad.multisig} --member FILE"
        )

    async def is_done(world: World) -> bool:
        return not await missing(world)

    async def run(world: World, _acting: Acting) -> Mapping[str, Json]:
        if said := await missing(world):
            raise StepPendingError(said)
        return {}

    return step(
        id_="ended",
        title=f"See that nobody can execute proposal {one.index}",
        does="Waits for as many members against it as the multisig wants.",
        is_done=is_done,
        run=run,
        timeout=Timeout("reading", 30),
        on_failure=_AGAIN,
        requirements=_SERVED,
    )


def is_over(proposal: Proposal, multisig: Multisig) -> bool:
    """Whether nobody can execute it, now or later."""
    if proposal.status is Status.ACTIVE:
        return proposal.index <= multisig.stale_index
    return proposal.status is not Status.APPROVED


def _forget(one: Standing) -> Step[World]:
    """The key of the buffer, which is gone."""

    def kept(world: World) -> list[Path]:
        keys = world.folder.buffers().items()
        return [path for path, key in keys if key.pubkey() == one.buffer]

    async def is_done(world: World) -> bool:
        return not kept(world)

    async def run(world: World, _acting: Acting) -> Mapping[str, Json]:
        for path in kept(world):
            path.unlink(missing_ok=True)
        return {"buffer": str(one.buffer)}

    return step(
        id_="forget",
        title="Forget the buffer's key",
        does="Deletes the key of the buffer from the disk; the saved program stays.",
        is_done=is_done,
        run=run,
        timeout=Timeout("disk", 15),
        on_failure=_AGAIN,
    )
