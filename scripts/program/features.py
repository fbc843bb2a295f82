"""How the loader of a cluster behaves, by the features that are active there.

A feature's account belongs to the feature program and holds the slot of its activation.
"""

from dataclasses import dataclass
from typing import Final

from solders.account import Account
from solders.pubkey import Pubkey

from scripts.program.node import Node

_PROGRAM: Final = Pubkey.from_string("Feature111111111111111111111111111111111111")
SIZES_ITSELF: Final = Pubkey.from_string("EhisBfVtGvEA8bVCVN5VMaYEaX6iTfoUrmcDi8LY7Kxy")
"""SIMD-0433: an upgrade makes the program's data as long as the program, longer or shorter."""
CHECKS_EXTENSIONS: Final = Pubkey.from_string("2oMRZEDWT2tqtYMofhmmfQ8SsjqUFzT6sYXppQDavxwz")
"""An extension wants the upgrade authority's signature, and an instruction of its own."""


@dataclass(frozen=True, kw_only=True)
class Features:
    """What the loader does there."""

    sizes_itself: bool = False
    """Whether nothing has to be extended: what a smaller version frees comes back."""
    checks_extensions: bool = False
    """Whether only the upgrade authority may extend a program."""


async def read_features(node: Node) -> Features:
    """The features of the node's cluster."""
    sizes, checks = await node.accounts([SIZES_ITSELF, CHECKS_EXTENSIONS])
    return Features(sizes_itself=_is_active(sizes), checks_extensions=_is_active(checks))


def _is_active(account: Account | None) -> bool:
    return account is not None and account.owner == _PROGRAM and bytes(account.data)[:1] == b"\1"
