"""Which cluster a node serves, by its genesis hash: a program never goes to the wrong one."""

import asyncio
from typing import Final
from urllib.parse import urlsplit

import httpx2
from solana.rpc.core import RPCException
from solders.hash import Hash
from solders.rpc.errors import NodeUnhealthyMessage

from environments.model import Cluster
from scripts.program.node import Node
from scripts.program.state import ProgramRefusedError

GENESIS: Final = {
    "mainnet-beta": Hash.from_string("5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"),
    "devnet": Hash.from_string("EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"),
    "testnet": Hash.from_string("4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY"),
}
"""The public clusters; any other chain is a local one."""
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_NOBODY: Final = "nobody listens at the node's address"
_TRIES: Final = 5


def check_address(url: str, cluster: Cluster) -> None:
    """Refuse an address that names another cluster, or none, before it is asked anything."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host:
        # It may be a key, typed into the wrong place: it is not shown.
        raise ProgramRefusedError(
            "the node's address is none: http://HOST:PORT or https://HOST (SLIPWAY_RPC_URL, or"
            " slipway:solana.rpcUrls)"
        )
    other = next((name for name in GENESIS if name in host and name != cluster), None)
    if other:
        raise ProgramRefusedError(
            f"{host} is a node of {other}, and the environment's is {cluster}"
        )
    if cluster is Cluster.LOCALNET and host not in _LOOPBACK:
        raise ProgramRefusedError(
            f"{host} is not this machine, where a localnet runs: `slipway localnet` starts one"
        )


async def confirm(node: Node, cluster: Cluster) -> Hash:
    """The genesis hash of the node's chain; refused where it is another cluster's, or is behind."""
    if cluster is Cluster.LOCALNET and node.count == 1 and await _health(node) == _NOBODY:
        # A chain of this machine that was not started: no patience brings it.
        raise ProgramRefusedError(f"{_NOBODY}: slipway localnet starts a local chain")
    answer, said = await asyncio.gather(
        node.ask(lambda: node.client.get_genesis_hash()),  # noqa: PLW0108 - of the one asked then
        _health(node),
    )
    genesis = answer.value
    serves = next((name for name, hash_ in GENESIS.items() if hash_ == genesis), None)
    if serves != (None if cluster is Cluster.LOCALNET else cluster.value):
        raise ProgramRefusedError(
            f"the node serves {serves or 'a local chain'} (genesis {genesis}), and the"
            f" environment's cluster is {cluster}: correct slipway:solana.rpcUrls"
        )
    node.genesis = genesis
    for number in range(1, _TRIES * node.count + 1):
        if not said:
            return genesis
        await node.pause(node.pace.poll, said)
        if number % _TRIES == 0:
            await node.leave(node.client, said)
        said = await _health(node)
    raise ProgramRefusedError(f"{said}: wait until it has caught up, or name another node")


async def _health(node: Node) -> str:
    """What is wrong with the node by its own word; empty if nothing is."""
    try:
        await node.client.is_connected()
    except RPCException as error:
        told = error.args[0] if error.args else None
        return told.message if isinstance(told, NodeUnhealthyMessage) else str(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the next question says so with patience
        nobody = isinstance(error.__cause__ or error, httpx2.ConnectError)
        return _NOBODY if nobody else "the node does not say that it is healthy"
    return ""
