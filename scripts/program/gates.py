"""Gates: what has to be so before a program may be deployed or upgraded, and how to get there.

Each is a pure function of a candidate, which holds what was found out before.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from environments.model import Cluster
from scripts.program.choices import Kind
from scripts.program.node import sol
from scripts.program.proofs import Proof, problem
from scripts.program.source import StandIn
from scripts.runs.approvers import SIGN_OFFS, Approvers, Role
from scripts.runs.evidence import Bundle
from standards import Whole, figure, requirement

_VERSION: Final = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_LAMPORTS: Final = 10**9
_NAMED: Final = 3
_BEFORE: Final = {Cluster.DEVNET: Cluster.LOCALNET, Cluster.MAINNET_BETA: Cluster.DEVNET}
"""The cluster that a program has to have passed before."""


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


def _size(candidate: Candidate) -> Gate:
    most = figure("SOL-08", "binary_size_below_kilobytes").bytes
    limit, because = most, ""
    if candidate.limit:
        limit, because = candidate.limit.size, f": the product's own, {candidate.limit.because}"
    return Gate(
        requirement="SOL-08",
        name="binary size",
        passed=candidate.size < limit,
        found=f"{candidate.size:,} bytes, below {limit:,} wanted{because}",
        how="build in release mode and strip it, or justify another limit:"
        " --size-limit BYTES --because TEXT",
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


def _proven(candidate: Candidate, kind: Kind, *, requirement: str, name: str, command: str) -> Gate:
    """A gate that any good proof of a kind passes."""
    found, why = _proof(candidate, kind)
    return Gate(
        requirement=requirement,
        name=name,
        passed=found is not None,
        found=why,
        how=f"slipway program prove {kind} FILE --by NAME --role engineering --key FILE --"
        f" {command}",
    )


def _tests(candidate: Candidate) -> Gate:
    return _proven(
        candidate,
        Kind.TESTS,
        requirement="SOL-02",
        name="tests on a local chain",
        command="the command that tests it",
    )


def _build(candidate: Candidate) -> Gate:
    return _proven(
        candidate,
        Kind.BUILD,
        requirement="SOL-09",
        name="deterministic build",
        command="a command that rebuilds it and fails where the hash differs (solana-verify)",
    )


def _audit(candidate: Candidate) -> Gate:
    found, why = _proof(candidate, Kind.AUDIT)
    most = figure("SEC-04", "critical_findings_max_count").count
    critical = found.statement.figures.get("critical_findings_count") if found else None
    if found:
        why = (
            f"{why}, {critical} critical findings"
            if critical is not None
            else "the proof does not count critical findings"
        )
    return Gate(
        requirement="SEC-04",
        name="third-party audit",
        passed=critical is not None and critical <= most,
        found=why,
        how="slipway program prove audit FILE --report REPORT --figure critical_findings_count=0"
        " --by NAME --role security --key FILE",
    )


_BUDGETS: Final[Mapping[str, tuple[Whole, bool]]] = {
    "instruction_compute_units": (
        figure("SOL-18", "compute_units_per_instruction_below").count,
        True,
    ),
    "transaction_bytes": (figure("SOL-18", "transaction_size_below_bytes").bytes, True),
    "trade_compute_units": (figure("PM-03", "compute_units_per_trade_max").count, False),
    "batch_compute_units": (figure("PM-03", "compute_units_per_batch_below").count, True),
}
"""What a proof has measured at the most: the figure that it is held to, and whether it has to stay
below it. The first two every program has; the others those with trades and batches."""
_EVERYWHERE: Final = ("instruction_compute_units", "transaction_bytes")


def _compute(candidate: Candidate) -> Gate:
    found, why = _proof(candidate, Kind.COMPUTE)
    measured: Mapping[str, int] = found.statement.figures if found else {}
    problems = [f"{name} was not measured" for name in _EVERYWHERE if name not in measured]
    for name, (most, below) in _BUDGETS.items():
        used = measured.get(name)
        if used is not None and (used >= most if below else used > most):
            problems.append(
                f"{name} is {used:,}, {'below' if below else 'at most'} {most:,} wanted"
            )
    return Gate(
        requirement="SOL-18",
        name="compute and transaction budgets",
        passed=found is not None and not problems,
        found="; ".join(problems) if found and problems else why,
        how="slipway program prove compute FILE --figure instruction_compute_units=N --figure"
        " transaction_bytes=N [--figure trade_compute_units=N] --by NAME --role engineering"
        " --key FILE -- the command that measures them",
    )


def _proof(candidate: Candidate, kind: Kind) -> tuple[Proof | None, str]:
    """The newest good proof of a kind; and what was found, or why none counts."""
    own = [one for one in candidate.proofs if one.statement.kind is kind]
    if not own:
        return None, "no proof"
    if candidate.approvers is None:
        return None, "no file of approvers says whose proofs count"
    problems: list[str] = []
    for one in sorted(own, key=lambda one: one.statement.at, reverse=True):
        why = problem(one, candidate.approvers, program=candidate.program, at=candidate.at)
        if not why:
            by = ", ".join(signature.by for signature in one.signatures)
            return one, f"proven by {by} on {one.statement.at:%Y-%m-%d}"
        problems.append(why)
    return None, problems[0]


def _stand_ins(candidate: Candidate) -> Gate:
    found = candidate.stand_ins
    more = f" and {len(found) - _NAMED} more" if found and len(found) > _NAMED else ""
    named = "; ".join(map(str, found[:_NAMED])) + more if found else "nothing"
    return Gate(
        requirement="QA-11",
        name="stand-ins in the source",
        passed=found is not None and not found,
        found="no source was given" if found is None else named,
        how="give the program's folder with --source, and take out what stands in for the real"
        " thing",
    )


def _tag(candidate: Candidate) -> Gate:
    wrong = candidate.tag_problem
    return Gate(
        requirement="ART-13",
        name="tag of the release",
        passed=wrong == "",
        found="no source was given" if wrong is None else wrong or f"v{candidate.version}",
        how=f"git tag v{candidate.version or 'X.Y.Z'} on the production branch, check it out, and"
        " name its folder with --source",
    )


def _sequence(candidate: Candidate) -> Gate:
    before = _BEFORE[candidate.cluster]
    ran = [one for one in candidate.earlier if _passed(one, before, candidate.program)]
    return Gate(
        requirement="SOL-01",
        name=f"passed {before} before",
        passed=bool(ran),
        found=f"deployed there on {ran[0].ended:%Y-%m-%d}" if ran else "no evidence of these bytes",
        how=f"deploy these bytes to {before} first, sign the run's evidence, and name it with"
        " --evidence FILE",
    )


def _soak(candidate: Candidate) -> Gate:
    least = figure("SOL-04", "soak_min_hours").hours
    ran = [one for one in candidate.earlier if _passed(one, Cluster.DEVNET, candidate.program)]
    longest = max((candidate.at - one.ended for one in ran), default=timedelta())
    return Gate(
        requirement="SOL-04",
        name="soak on devnet",
        passed=longest >= timedelta(hours=least),
        found=f"{longest.total_seconds() / 3600:.1f} hours, at least {least} wanted",
        how=f"leave it on devnet for {least} hours, and name that deployment's evidence with"
        " --evidence FILE",
    )


def _passed(bundle: Bundle, cluster: Cluster, program: str) -> bool:
    """Whether the evidence is of a deployment of these bytes to that cluster."""
    inputs = bundle.entries[0].data.get("inputs") if bundle.entries else None
    return (
        bundle.what in {"program deploy", "program upgrade"}
        and bundle.outcome == "done"
        and bundle.hashes.get("program") == program
        and isinstance(inputs, Mapping)
        and inputs.get("cluster") == cluster.value
    )


def _authority(candidate: Candidate) -> Gate:
    return Gate(
        requirement="SOL-13",
        name="multi-signature authority",
        passed=candidate.has_multisig or candidate.is_first,
        found="a multisig's vault"
        if candidate.has_multisig
        else "to be handed over after this first deployment"
        if candidate.is_first
        else "a single key",
        how="hand it to the vault: slipway program authority ENVIRONMENT --new-address VAULT; then"
        " upgrade with --multisig",
    )


def _sign_offs(candidate: Candidate) -> Gate:
    return sign_offs(candidate.signed_off)


def sign_offs(given: frozenset[Role]) -> Gate:
    """Whether everybody whose word is needed has given it to the plan."""
    missing = sorted(SIGN_OFFS - given)
    return Gate(
        requirement="GATE-05",
        name="sign-offs",
        passed=not missing,
        found=f"missing: {', '.join(missing)}" if missing else "all of them",
        how="each of them: slipway evidence approve PLAN --by NAME --role ROLE --key FILE; name"
        " the files with --approval",
    )


_EVERY: Final = frozenset(Cluster)
_SHARED: Final = frozenset({Cluster.DEVNET, Cluster.MAINNET_BETA})
_MAINNET: Final = frozenset({Cluster.MAINNET_BETA})

GATES: Final[tuple[tuple[Callable[[Candidate], Gate], frozenset[Cluster]], ...]] = (
    (_version, _EVERY),
    (_checksum, _EVERY),
    (_size, _EVERY),
    (_sequence, _SHARED),
    (_tests, _SHARED),
    (_build, _SHARED),
    (_compute, _SHARED),
    (_stand_ins, _SHARED),
    (_soak, _MAINNET),
    (_audit, _MAINNET),
    (_tag, _MAINNET),
    (_authority, _MAINNET),
    (_sign_offs, _MAINNET),
    (_wallet, _MAINNET),
)
"""Each gate, and the clusters that it guards."""

AFTERWARDS: Final[Mapping[str, str]] = {
    "GATE-05": "AUD-02: an emergency is signed off afterwards",
    "SOL-04": "SOL-15: a fix is deployed in an emergency, its function validated",
}
"""What an emergency may leave for later, by requirement, and the sentence that lets it."""


def judge(candidate: Candidate, *, emergency: bool = False) -> list[Gate]:
    """Every gate of the candidate's cluster, passed or not; what an emergency skips says so."""
    found = [gate(candidate) for gate, clusters in GATES if candidate.cluster in clusters]
    for gate in found:
        requirement(gate.requirement)  # raises where there is none
    return [skipped(gate) if emergency else gate for gate in found]


def skipped(gate: Gate) -> Gate:
    """The gate in an emergency: passed, and marked so, where the standards let it wait."""
    reason = AFTERWARDS.get(gate.requirement)
    if gate.passed or reason is None:
        return gate
    said = f"SKIPPED ({reason}): {gate.found}"
    return Gate(requirement=gate.requirement, name=gate.name, passed=True, found=said, how=gate.how)
