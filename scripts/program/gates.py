"""Gates: what has to be so before a program may be deployed or upgraded, and how to get there.

Each is a pure function of a candidate, which holds what was found out before.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from environments.model import Cluster
from scripts.program import proven
from scripts.program.candidate import Candidate
from scripts.program.gate import Gate
from scripts.program.node import sol
from scripts.program.soak import Soak
from scripts.runs.approvers import SIGN_OFFS, Role
from scripts.runs.evidence import Bundle, hash_of
from standards import figure, requirement

_VERSION: Final = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_LAMPORTS: Final = 10**9
_NAMED: Final = 3
_BEFORE: Final = {Cluster.DEVNET: Cluster.LOCALNET, Cluster.MAINNET_BETA: Cluster.DEVNET}
"""The cluster that a program has to have passed before."""


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


def _records(candidate: Candidate) -> Gate:
    return Gate(
        requirement="PIPE-11",
        name="records of earlier runs",
        passed=not candidate.owed,
        found="; ".join(candidate.owed) or "nothing is owed",
        how="bring what is owed: slipway evidence settle",
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


def no_way_back() -> Gate:
    """What an emergency does without where a vault owns the program: two votes are too many."""
    return Gate(
        requirement="ROLL-01",
        name="way back",
        passed=True,
        found="none lies ready: a rollback would wait for the members and their time lock",
        how="leave --emergency away",
        skipped="SOL-15: a fix is deployed in an emergency",
    )


_EVERY: Final = frozenset(Cluster)
_SHARED: Final = frozenset({Cluster.DEVNET, Cluster.MAINNET_BETA})
_MAINNET: Final = frozenset({Cluster.MAINNET_BETA})

GATES: Final[tuple[tuple[Callable[[Candidate], Gate], frozenset[Cluster]], ...]] = (
    (_version, _EVERY),
    (_checksum, _EVERY),
    (_size, _EVERY),
    (_operator, _SHARED),
    (_records, _SHARED),
    (_sequence, _SHARED),
    (proven.tests, _SHARED),
    (proven.build, _SHARED),
    (proven.compute, _SHARED),
    (_stand_ins, _SHARED),
    (_soak, _MAINNET),
    (_smoke, _MAINNET),
    (proven.audit, _MAINNET),
    (_tag, _MAINNET),
    (_authority, _MAINNET),
    (_sign_offs, _MAINNET),
    (_wallet, _MAINNET),
)
"""Each gate, and the clusters that it guards."""

AFTERWARDS: Final[Mapping[str, str]] = {
    "GATE-05": "AUD-02: signed off afterwards; PIPE-11: somebody on call releases it",
    "PIPE-11": "PIPE-11: its record stays open until what is written afterwards is there",
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
