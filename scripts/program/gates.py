"""Gates: what has to be so before a program may be deployed or upgraded, and how to get there.

Each is a pure function of a candidate, which holds what was found out before.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from environments.model import Cluster
from scripts.program.candidate import Candidate
from scripts.program.choices import Kind
from scripts.program.node import sol
from scripts.program.proofs import Proof, Statement, problem
from scripts.program.soak import Soak
from scripts.runs.approvers import SIGN_OFFS, Role
from scripts.runs.canonical import Json
from scripts.runs.evidence import Bundle, hash_of
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
    on: tuple[str, ...] = ()
    """The hashes of the proofs, or of the evidence, that it was passed on."""
    skipped: str = ""
    """The sentence that lets an emergency pass it by; empty where it was not."""

    def found_out(self) -> dict[str, Json]:
        """What was found, as it is kept."""
        said = {name: value for name, value in vars(self).items() if name != "how"}
        return {**said, "on": list(self.on)}


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
        how=f"slipway program prove {kind} FILE --by NAME --role engineering --key FILE {command}",
        on=(found.hash,) if found else (),
    )


def _tests(candidate: Candidate) -> Gate:
    return _proven(
        candidate,
        Kind.TESTS,
        requirement="SOL-02",
        name="tests on a local chain",
        command="-- the command that tests it, with {file} where the program's file goes",
    )


def _build(candidate: Candidate) -> Gate:
    return _proven(
        candidate,
        Kind.BUILD,
        requirement="SOL-09",
        name="deterministic build",
        command="--rebuilt target/deploy/NAME.so -- the command that rebuilds it",
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
        on=(found.hash,) if found else (),
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
        on=(found.hash,) if found else (),
        how="slipway program prove compute FILE --by NAME --role engineering --key FILE -- the"
        " command that measures them and prints a line"
        ' {"figures": {"instruction_compute_units": N, "transaction_bytes": N}}',
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
            return one, f"attested by {by} on {one.statement.at:%Y-%m-%d}{_from(one.statement)}"
        problems.append(why)
    return None, problems[0]


def _from(stated: Statement) -> str:
    """What was run, and which figures it did not print itself."""
    typed = ", ".join(sorted(stated.figures.keys() - {*stated.read}))
    ran = f" with `{stated.command}`" if stated.command else ""
    return ran + (f", typed by hand: {typed}" if typed else "")


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
    ran = [one for one in candidate.earlier if passed(one, before, candidate.program)]
    return Gate(
        requirement="SOL-01",
        name=f"passed {before} before",
        passed=bool(ran),
        found=f"deployed there on {ran[0].ended:%Y-%m-%d}" if ran else "no evidence of these bytes",
        on=tuple(map(hash_of, ran)),
        how=f"deploy these bytes to {before} first, sign the run's evidence, and name it with"
        " --evidence FILE",
    )


def _soak(candidate: Candidate) -> Gate:
    least = figure("SOL-04", "soak_min_hours").hours
    soaks = [_soaked(one, candidate) for one in candidate.soaks]
    longest, found = max(soaks, default=(timedelta(), "no evidence of a deployment to devnet"))
    return Gate(
        requirement="SOL-04",
        name="soak on devnet",
        passed=longest >= timedelta(hours=least),
        found=f"{found}, at least {least} hours wanted",
        how=f"leave it on devnet for {least} hours, and name that deployment's evidence with"
        " --evidence FILE",
    )


def _soaked(soak: Soak, candidate: Candidate) -> tuple[timedelta, str]:
    """For how long it has run on devnet, as devnet says; where it does not, by the evidence."""
    began = max(soak.deployed, soak.since or soak.deployed)
    hours = f"{(candidate.at - began).total_seconds() / 3600:.1f} hours"
    if soak.unasked:
        said = f"{hours} by the evidence alone, whether it still runs was not seen"
        return candidate.at - began, f"{said} ({soak.unasked})"
    since = f"slot {soak.slot:,}"
    if soak.hash != candidate.program:
        return timedelta(), f"devnet runs {soak.hash or 'nothing'} now, since {since}"
    if soak.since is None:
        return candidate.at - began, f"{hours} by the evidence, runs there since {since}"
    return candidate.at - began, f"{hours}, runs there since {since} ({_minute(soak.since)})"


def _minute(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"


def passed(bundle: Bundle, cluster: Cluster, program: str) -> bool:
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


def _operator(candidate: Candidate) -> Gate:
    return Gate(
        requirement="AUD-01",
        name="operator",
        passed=not candidate.stranger,
        found=candidate.stranger or "may sign this run's evidence as lead",
        how="name who runs it as the file of approvers does, with the role lead: --operator NAME",
    )


def _smoke(candidate: Candidate) -> Gate:
    why = candidate.without_smoke
    return Gate(
        requirement="SOL-15",
        name="smoke instruction",
        passed=bool(candidate.smoke or why),
        found=candidate.smoke or (f"none: {why}" if why else "none was given"),
        how="name the instruction that is simulated afterwards: --smoke FILE; or say why there can"
        " be none: --without-smoke TEXT",
    )


_EVERY: Final = frozenset(Cluster)
_SHARED: Final = frozenset({Cluster.DEVNET, Cluster.MAINNET_BETA})
_MAINNET: Final = frozenset({Cluster.MAINNET_BETA})

GATES: Final[tuple[tuple[Callable[[Candidate], Gate], frozenset[Cluster]], ...]] = (
    (_version, _EVERY),
    (_checksum, _EVERY),
    (_size, _EVERY),
    (_operator, _SHARED),
    (_sequence, _SHARED),
    (_tests, _SHARED),
    (_build, _SHARED),
    (_compute, _SHARED),
    (_stand_ins, _SHARED),
    (_soak, _MAINNET),
    (_smoke, _MAINNET),
    (_audit, _MAINNET),
    (_tag, _MAINNET),
    (_authority, _MAINNET),
    (_sign_offs, _MAINNET),
    (_wallet, _MAINNET),
)
"""Each gate, and the clusters that it guards."""

AFTERWARDS: Final[Mapping[str, str]] = {
    "GATE-05": "AUD-02: signed off afterwards; PIPE-11: somebody on call releases it",
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
    return replace(gate, passed=True, skipped=reason)
