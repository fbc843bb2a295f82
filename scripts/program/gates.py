"""Gates: what has to be so before a program may be deployed or upgraded, and how to get there.

Each is a pure function of a candidate, which holds what was found out before.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from environments.model import Cluster
from scripts.program.node import sol
from standards import figure, requirement

_VERSION: Final = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_LAMPORTS: Final = 10**9


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One condition of the standards, and whether it is met."""

    requirement: str
    name: str
    passed: bool
    found: str
    """What is so now."""
    how: str
    """What to do where it is missing."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What is to be deployed, where, and what is known about both."""

    cluster: Cluster
    size: int
    checksum: str
    """SHA-256 of the file as it lies here."""
    recorded_checksum: str | None
    """The one that was recorded when it was built."""
    version: str | None
    balance: int
    """Lamports of the wallet that pays."""


def _size(candidate: Candidate) -> Gate:
    most = figure("SOL-08", "binary_size_below_kilobytes").bytes
    return Gate(
        requirement="SOL-08",
        name="binary size",
        passed=candidate.size < most,
        found=f"{candidate.size:,} bytes, below {most:,} wanted",
        how="build in release mode and strip it, or justify another limit for the product",
    )


def _version(candidate: Candidate) -> Gate:
    version = candidate.version
    return Gate(
        requirement="ART-01",
        name="version",
        passed=version is not None and _VERSION.fullmatch(version) is not None,
        found=version or "none",
        how="name it: --version X.Y.Z",
    )


def _checksum(candidate: Candidate) -> Gate:
    recorded = candidate.recorded_checksum
    found = "none was recorded" if recorded is None else f"{candidate.checksum}, as recorded"
    if recorded is not None and recorded != candidate.checksum:
        found = f"{candidate.checksum}, and {recorded} was recorded"
    return Gate(
        requirement="ART-04",
        name="checksum",
        passed=recorded == candidate.checksum,
        found=found,
        how="where it is built: sha256sum program.so > program.so.sha256; bring both",
    )


def _wallet(candidate: Candidate) -> Gate:
    least = figure("SOL-07", "balance_min_sol").count
    return Gate(
        requirement="SOL-07",
        name="wallet",
        passed=candidate.balance >= least * _LAMPORTS,
        found=f"{sol(candidate.balance)}, at least {least} SOL wanted",
        how=f"send {sol(max(0, least * _LAMPORTS - candidate.balance))} to the payer",
    )


GATES: Final[tuple[tuple[Callable[[Candidate], Gate], frozenset[Cluster]], ...]] = (
    (_version, frozenset(Cluster)),
    (_checksum, frozenset(Cluster)),
    (_size, frozenset(Cluster)),
    (_wallet, frozenset({Cluster.MAINNET_BETA})),
)
"""Each gate, and the clusters that it guards."""


def judge(candidate: Candidate) -> list[Gate]:
    """Every gate of the candidate's cluster, passed or not."""
    found = [gate(candidate) for gate, clusters in GATES if candidate.cluster in clusters]
    for gate in found:
        requirement(gate.requirement)  # raises where there is none
    return found
