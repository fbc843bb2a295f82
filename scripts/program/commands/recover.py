"""`slipway program recover`: the buffers that runs left behind, and their lamports back."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from solana.rpc.models import DataSliceOpts, MemcmpOpts
from solders.pubkey import Pubkey
from solders.rpc.responses import RpcKeyedAccount

from scripts.exits import ExitCode
from scripts.program.commands.act import Consent, Shown, act
from scripts.program.estimate import bill, counted
from scripts.program.loader import BUFFER_HEADER, LOADER, State
from scripts.program.node import CONFIRMED, sol
from scripts.program.refusals import refuse_poor
from scripts.program.sending import distinct
from scripts.program.session import Options, Session, SessionError, opened
from scripts.program.steps import change, checks
from scripts.program.world import World
from scripts.runs.canonical import Json
from scripts.runs.steps import Plan

_COMMAND: Final = "program recover"
_TAG: Final = bytes([State.BUFFER, 0, 0, 0, 1])
_BLOCKHASH_SLOTS: Final = 150
"""How long a blockhash is good: what was sent that long ago may still land."""


@dataclass(frozen=True, kw_only=True)
class Left:
    """A buffer on chain."""

    address: Pubkey
    lamports: int
    size: int
    key: Path | None
    """Its key's file, with which a run of the same program goes on."""
    program: Pubkey | None
    """Whose it is; None where no key of it is here, so that nobody knows."""
    slots: int | None
    """How many have passed since a transaction was about it; None where the node does not know."""

    @property
    def is_busy(self) -> bool:
        """Whether some run may be uploading it at this moment."""
        return self.slots is not None and self.slots < _BLOCKHASH_SLOTS


def recover_command(
    options: Options,
    consent: Consent,
    *,
    close: bool = False,
    named: Sequence[str] = (),
    as_json: bool = False,
) -> int:
    """List the authority's buffers; with `close` print or run the steps that close them.

    Those of this program are closed, or those that are `named`.
    """
    with opened(options) as session:
        world = session.world
        left = world.wait(buffers(world))
        begun = _begun(session, named)
        chosen = begun or _chosen(world, left, named)
        if not close or not chosen:
            elsewhere = world.wait(_of_the_owner(session))
            sys.stdout.write(_json(left) if as_json else _text(session, left) + elsewhere)
            return ExitCode.DONE
        plan = Plan(
            target=session.target,
            command=_COMMAND,
            inputs={"buffers": list(map(str, chosen))},
            steps=[checks.cluster(), *map(change.close_one, chosen)],
        )
        hash_ = world.wait(world.on_chain()).hash
        closing = [one for one in left if one.address in chosen]
        signers = len(distinct(world.payer, world.authority))
        taken = world.wait(bill(world, len(closing), len(closing) * signers))
        if consent.execute:
            refuse_poor(taken)
        shown = Shown(
            facts=[
                *(_line(world, one) for one in closing),
                f"{_sum(closing)} come back to {world.payer.pubkey()}",
                *(f"  {line}" for line in taken.lines()),
            ],
            hashes={"program": hash_} if hash_ else {},
        )
        code = act(session, plan, consent, shown, as_json=as_json)
        if consent.execute and code == ExitCode.DONE:
            for path, key in world.folder.every_buffer().items():
                if key.pubkey() in chosen:
                    path.unlink(missing_ok=True)
        return code


def _begun(session: Session, named: Sequence[str]) -> list[Pubkey]:
    """What an unfinished run closes, which is gone on with as it was begun."""
    inputs = session.unfinished(_COMMAND).get("buffers")
    begun = list(map(str, inputs)) if isinstance(inputs, list) else []
    return [Pubkey.from_string(one) for one in begun] if set(named) <= set(begun) else []


def _chosen(world: World, left: Sequence[Left], named: Sequence[str]) -> list[Pubkey]:
    """Which are closed: those that are named, else those of this program."""
    if missing := set(named) - {str(one.address) for one in left}:
        raise SessionError(
            f"{', '.join(sorted(missing))}: no buffer of {world.authority.pubkey()} on"
            f" {world.cluster}"
        )
    return [
        one.address
        for one in left
        if (str(one.address) in named if named else one.program == world.program)
    ]


async def _of_the_owner(session: Session) -> str:
    """What lies in the hands of the program's owner, where that is another: a vault, say."""
    world = session.world
    data = (await world.on_chain()).data
    owner = data.authority if data else None
    held = await _owned(world, owner) if owner and owner != world.authority.pubkey() else []
    if not held:
        return ""
    lamports = sum(one.account.lamports for one in held)
    return (
        f"{counted(len(held), 'buffer')}, {sol(lamports)}, in the hands of {owner}, who"
        " owns the program. Where that is the vault of a multisig: slipway program retire"
        f" {session.environment.name} --multisig ADDRESS\n"
    )


async def buffers(world: World) -> list[Left]:
    """Every buffer of the authority, as the chain has them."""
    found = await _owned(world, world.authority.pubkey())
    keys = {key.pubkey(): path for path, key in world.folder.every_buffer().items()}
    now = (await world.node.now()).slot

    async def left(address: Pubkey, lamports: int) -> Left:
        size, written = await asyncio.gather(_size(world, address), _written(world, address))
        path = keys.get(address)
        return Left(
            address=address,
            lamports=lamports,
            size=size,
            key=path,
            program=world.folder.program_of(path) if path else None,
            slots=None if written is None else max(0, now - written),
        )

    return [await left(one.pubkey, one.account.lamports) for one in found]


async def _owned(world: World, authority: Pubkey) -> list[RpcKeyedAccount]:
    """The buffers of `authority`."""
    answer = await world.node.ask(
        lambda: world.node.client.get_program_accounts(
            LOADER,
            CONFIRMED,
            "base64",
            DataSliceOpts(offset=0, length=BUFFER_HEADER),
            [
                MemcmpOpts(offset=0, bytes=_base58(_TAG)),
                MemcmpOpts(offset=len(_TAG), bytes=str(authority)),
            ],
        )
    )
    return answer.value


async def _size(world: World, buffer: Pubkey) -> int:
    account = await world.node.account(buffer)
    return len(account.data) - BUFFER_HEADER if account else 0


async def _written(world: World, buffer: Pubkey) -> int | None:
    """The slot of the last transaction about it."""
    answer = await world.node.ask(
        lambda: world.node.client.get_signatures_for_address(buffer, None, None, 1, CONFIRMED)
    )
    return answer.value[0].slot if answer.value else None


def _text(session: Session, left: Sequence[Left]) -> str:
    world = session.world
    if not left:
        return f"No buffer of {world.authority.pubkey()} is on {world.cluster}.\n"
    own = [one for one in left if one.program == world.program]
    others = [one for one in left if one.program != world.program]
    recover = f"slipway program recover {session.environment.name}"
    lines = [_line(world, one) for one in left]
    if own:
        lines += [
            f"{_sum(own)} of this program.",
            "A resumable one goes on with the deploy, upgrade or rollback that made it, run again.",
            f"Or the lamports come back with: {recover} --close --execute",
        ]
    if others:
        lines += [
            f"{_sum(others)} not of this program, as far as is known here.",
            "A run may still need such a one: it is closed only where it is named.",
            f"To close one: {recover} --buffer {others[0].address} --close --execute",
        ]
    return "\n".join([*lines, ""])


def _line(world: World, one: Left) -> str:
    if one.key is None:
        whose = "made elsewhere, or by another tool: no key of it is here"
    elif one.program == world.program:
        whose = f"resumable: {one.key}"
    else:
        whose = f"of the program {one.program}: {one.key}"
    busy = f"; BUSY, written to {one.slots} slots ago: a run may be uploading it"
    said = f"{one.address}  {one.size:,} bytes  {sol(one.lamports)}  {whose}"
    return said + (busy if one.is_busy else "")


def _sum(left: Sequence[Left]) -> str:
    return f"{sol(sum(one.lamports for one in left))} in {counted(len(left), 'buffer')}"


def _json(left: Sequence[Left]) -> str:
    said: list[dict[str, Json]] = [
        {
            "address": str(one.address),
            "lamports": one.lamports,
            "bytes": one.size,
            "key": str(one.key) if one.key else None,
            "program": str(one.program) if one.program else None,
            "busy": one.is_busy,
        }
        for one in left
    ]
    return json.dumps(said, indent=2) + "\n"


def _base58(data: bytes) -> str:
    """`data` in base58, as filters are written."""
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, len(alphabet))
        text = alphabet[digit] + text
    zeros = len(data) - len(data.lstrip(b"\0"))
    return alphabet[0] * zeros + text
