"""`slipway program recover`: the buffers that runs left behind, and their lamports back."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from solana.rpc.models import DataSliceOpts, MemcmpOpts
from solders.pubkey import Pubkey

from scripts.exits import ExitCode
from scripts.program.commands.act import Consent, Shown, act
from scripts.program.loader import BUFFER_HEADER, LOADER, State
from scripts.program.node import CONFIRMED, sol
from scripts.program.session import Options, opened
from scripts.program.steps import change, checks
from scripts.program.world import World
from scripts.runs.steps import Plan

_TAG = bytes([State.BUFFER, 0, 0, 0, 1])


@dataclass(frozen=True, kw_only=True)
class Left:
    """A buffer on chain."""

    address: Pubkey
    lamports: int
    size: int
    key: Path | None
    """Its key's file, with which a run of the same program goes on."""


def recover_command(
    options: Options, consent: Consent, *, close: bool = False, as_json: bool = False
) -> int:
    """List the authority's buffers; with `close` print or run the steps that close them."""
    with opened(options) as session:
        world = session.world
        left = world.wait(buffers(world))
        if not close:
            sys.stdout.write(_json(left) if as_json else _text(world, left))
            return ExitCode.DONE
        total = sum(one.lamports for one in left)
        plan = Plan(
            target=session.target,
            command="program recover",
            inputs={"buffers": [str(one.address) for one in left]},
            steps=[checks.cluster(), *(change.close_one(one.address) for one in left)],
        )
        hash_ = world.wait(world.on_chain()).hash
        shown = Shown(
            facts=[f"{len(left)} buffers, {sol(total)} come back to {world.payer.pubkey()}"],
            hashes={"program": hash_} if hash_ else {},
        )
        code = act(session, plan, consent, shown, as_json=as_json)
        if consent.execute and code == ExitCode.DONE:
            for one in left:
                if one.key:
                    one.key.unlink(missing_ok=True)
        return code


async def buffers(world: World) -> list[Left]:
    """Every buffer of the authority, as the chain has them."""
    authority = world.authority.pubkey()
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
    keys = {key.pubkey(): path for path, key in world.folder.buffers().items()}
    return [
        Left(
            address=one.pubkey,
            lamports=one.account.lamports,
            size=await _size(world, one.pubkey),
            key=keys.get(one.pubkey),
        )
        for one in answer.value
    ]


async def _size(world: World, buffer: Pubkey) -> int:
    account = await world.node.account(buffer)
    return len(account.data) - BUFFER_HEADER if account else 0


def _text(world: World, left: list[Left]) -> str:
    if not left:
        return f"No buffer of {world.authority.pubkey()} is on {world.cluster}.\n"
    lines = [
        f"{one.address}  {one.size:,} bytes  {sol(one.lamports)}"
        + (f"  resumable: {one.key}" if one.key else "")
        for one in left
    ]
    return "\n".join(
        [
            *lines,
            f"{sol(sum(one.lamports for one in left))} in {len(left)} buffers.",
            "A resumable one goes on with the deploy, upgrade or rollback that made it, run again.",
            "The lamports come back with: slipway program recover --close --execute",
            "",
        ]
    )


def _json(left: list[Left]) -> str:
    said = [
        {
            "address": str(one.address),
            "lamports": one.lamports,
            "bytes": one.size,
            "key": str(one.key) if one.key else None,
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
