"""Whether devnet still runs what is to go further, and since when: asked, not believed (SOL-04)."""

import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from solana.exceptions import SolanaRpcException
from solana.rpc.async_api import AsyncClient
from solana.rpc.core import RPCException
from solders.pubkey import Pubkey

from environments import ConfigurationError, load
from environments.model import Solana
from scripts.exits import CommandError
from scripts.program.cluster import check_address, confirm
from scripts.program.node import Node
from scripts.program.state import look
from scripts.runs.evidence import Bundle
from scripts.runs.steps import StepPendingError

RPC_VARIABLE: Final = "SLIPWAY_DEVNET_RPC_URL"
"""Names a node of devnet in the place of the record's, for this question."""
_SECONDS: Final = 15.0
"""How long its nodes may take to answer."""


@dataclass(frozen=True, kw_only=True)
class Soak:
    """A deployment to devnet, and what devnet says of it now."""

    deployed: datetime
    """When its run ended, by the evidence."""
    hash: str | None = None
    """What runs there now; None where nothing does, or where nobody could be asked."""
    slot: int = 0
    """Since which slot."""
    since: datetime | None = None
    """Since when; None where the node does not know the time of that slot any more."""
    unasked: str = ""
    """Why nobody could be asked; empty where somebody was."""


async def ask(bundle: Bundle, project: Path) -> Soak:
    """What the cluster that `bundle` deployed to says now, by the nodes of its environment."""
    try:
        solana = load(bundle.where.partition("/")[0], project).solana
        return await _ask(bundle, solana)
    except (ConfigurationError, CommandError, StepPendingError, ValueError) as error:
        return Soak(deployed=bundle.ended, unasked=str(error))


async def _ask(bundle: Bundle, solana: Solana) -> Soak:
    inputs = bundle.entries[0].data.get("inputs")
    program = Pubkey.from_string(str(inputs["program"] if isinstance(inputs, Mapping) else ""))
    own = os.environ.get(RPC_VARIABLE)
    urls = [own] if own else solana.rpc_urls
    for url in urls:
        check_address(url, solana.cluster)
    async with AsyncExitStack() as closing:
        first, *others = [
            await closing.enter_async_context(AsyncClient(url, timeout=_SECONDS)) for url in urls
        ]
        node = Node(first, others=others)
        with node.within(_SECONDS):
            await confirm(node, solana.cluster)
            found = await look(node, program)
            if found.data is None:
                return Soak(deployed=bundle.ended)
            slot = found.data.slot
            return Soak(
                deployed=bundle.ended, hash=found.hash, slot=slot, since=await _time(node, slot)
            )


async def _time(node: Node, slot: int) -> datetime | None:
    """When `slot` was, where the node still knows."""
    try:
        answer = await node.client.get_block_time(slot)
    except (SolanaRpcException, RPCException):
        return None
    return datetime.fromtimestamp(answer.value, UTC) if answer.value else None
