"""What is to be deployed, where, and what is known about both: what gates are asked about."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from environments.model import Cluster
from scripts.program.proofs import Proof
from scripts.program.soak import Soak
from scripts.program.source import StandIn
from scripts.runs.approvers import Approvers, Role
from scripts.runs.evidence import Bundle


@dataclass(frozen=True, kw_only=True)
class SizeLimit:
    """A limit of the product's own, and why it needs one."""

    size: int
    because: str


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What is to be deployed, where, and what is known about both."""

    cluster: Cluster
    program: str = ""
    """The program's hash, as solana-verify shows it."""
    size: int
    checksum: str
    """SHA-256 of the file as it lies here."""
    recorded_checksum: str | None
    """The one that was recorded when it was built."""
    version: str | None
    balance: int
    """Lamports of the wallet that pays."""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    limit: SizeLimit | None = None
    proofs: Sequence[Proof] = ()
    approvers: Approvers | None = None
    """Whose signatures of proofs count; nobody's where there is no such file."""
    stand_ins: Sequence[StandIn] | None = None
    """What should not stand in the source; None where no source was given."""
    tag_problem: str | None = None
    """Why the source is not the release's; None where no source was given."""
    earlier: Sequence[Bundle] = ()
    """Deployments to other clusters, from evidence that verified."""
    is_first: bool = False
    has_multisig: bool = False
    """Whether a multisig owns the program."""
    signed_off: frozenset[Role] = frozenset()
    """In which roles the plan was signed off, each by another person."""
    stranger: str = "nobody was named"
    """Why who runs it could never sign its evidence; empty where they can."""
    owed: Sequence[str] = ()
    """What earlier runs still owe, whose time is up."""
    soaks: Sequence[Soak] = ()
    """What devnet says of `earlier`, where it was asked."""
    smoke: str = ""
    """The hash of the instruction that is simulated afterwards."""
    without_smoke: str = ""
    """Why there is none."""
