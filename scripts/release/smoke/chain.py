"""Whether the chain's nodes answer, for the right cluster, and are not behind the others."""

from collections.abc import Iterator
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import httpx2
from pydantic import JsonValue

from environments import Cluster, Environment
from scripts.release.smoke.asking import SmokeFailureError
from scripts.release.smoke.journeys import at
from scripts.release.smoke.tests import Ground, SmokeTest

GENESIS: Final = {
    Cluster.MAINNET_BETA: "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d",
    Cluster.DEVNET: "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG",
}
"""The genesis hashes of the public clusters; a local chain has its own."""


def chain(environment: Environment) -> Iterator[SmokeTest]:
    """One test for each node (NET-12), which is an integration of the product, too (SMOKE-04)."""
    urls = environment.solana.rpc_urls
    cited = tuple(one for one in ("SMOKE-04", "NET-12") if environment.must(one))
    for number, url in enumerate(urls, 1):
        name = f"node {urlsplit(url).hostname}"
        is_first = [urlsplit(one).hostname for one in urls].index(urlsplit(url).hostname)
        yield SmokeTest(
            name=name if is_first == number - 1 else f"{name} ({number})",
            requirements=cited,
            asks=f"getHealth, getGenesisHash and getSlot of {urlsplit(url).hostname}: healthy, of "
            f"{environment.solana.cluster}, at most {environment.smoke.slots_behind} slots behind",
            run=partial(_serves, environment, url),
            seconds=environment.smoke.seconds * 2,
            critical=False,  # a rollback mends no node
        )


async def _serves(environment: Environment, url: str, _ground: Ground) -> str:
    host, cluster = urlsplit(url).hostname, environment.solana.cluster
    async with httpx2.AsyncClient(trust_env=False, timeout=environment.smoke.seconds) as client:
        health = await _call(client, url, "getHealth")
        if health != "ok":
            raise SmokeFailureError(
                f"getHealth of {host}",
                str(health),
                "ok",
                "Wait until it has caught up, or name another node in slipway:solana.rpcUrls.",
            )
        genesis = await _call(client, url, "getGenesisHash")
        wanted = GENESIS.get(cluster)
        if genesis != wanted and (wanted or genesis in GENESIS.values()):
            raise SmokeFailureError(
                f"getGenesisHash of {host}",
                str(genesis),
                f"that of {cluster}: {wanted or 'a local chain'}",
                "It serves another cluster: correct slipway:solana.rpcUrls.",
            )
        slot = await _slot(client, url)
        others = [one for one in environment.solana.rpc_urls if one != url]
        newest = slot
        for other in others:
            try:
                newest = max(newest, await _slot(client, other))
            except SmokeFailureError:
                continue  # its own test says so
    behind = newest - slot
    if behind > environment.smoke.slots_behind:
        raise SmokeFailureError(
            f"getSlot of {host}",
            f"{behind} slots behind",
            f"at most {environment.smoke.slots_behind} (smoke.slotsBehind)",
            "Take it out of slipway:solana.rpcUrls until it has caught up.",
        )
    return f"healthy, of {cluster}, slot {slot}" + (f", {behind} behind" if others else "")


async def _slot(client: httpx2.AsyncClient, url: str) -> int:
    slot = await _call(client, url, "getSlot")
    if isinstance(slot, int):
        return slot
    raise SmokeFailureError(
        f"getSlot of {urlsplit(url).hostname}", "no number", "a slot", "Name another node."
    )


async def _call(client: httpx2.AsyncClient, url: str, method: str) -> object:
    """The node's answer, or its error in words; the address, which may hold a key, is not told."""
    host = urlsplit(url).hostname
    call: JsonValue = {"jsonrpc": "2.0", "id": 1, "method": method, "params": []}
    try:
        answer = await client.post(url, json=call)
        content: JsonValue = answer.json()
    except (httpx2.HTTPError, ValueError) as error:
        raise SmokeFailureError(
            f"{method} of {host}",
            f"no answer: {type(error).__name__}",
            "an answer",
            "Look whether the node is up and the key in its address is valid.",
        ) from None
    message = at(content, "/error/message")
    return message if isinstance(message, str) else at(content, "/result")
