"""The gates that a person's signed proof passes: what it holds, and what it rests on."""

from collections.abc import Mapping
from typing import Final

from scripts.program.candidate import Candidate
from scripts.program.choices import Kind
from scripts.program.gate import Gate
from scripts.program.proofs import Proof, Statement, problem
from standards import Whole, figure


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


def tests(candidate: Candidate) -> Gate:
    """Its own suite passes on a local chain."""
    return _proven(
        candidate,
        Kind.TESTS,
        requirement="SOL-02",
        name="tests on a local chain",
        command="-- the command that tests it, with {file} where the program's file goes",
    )


def build(candidate: Candidate) -> Gate:
    """It was built anew, to the same bytes."""
    return _proven(
        candidate,
        Kind.BUILD,
        requirement="SOL-09",
        name="deterministic build",
        command="--rebuilt target/deploy/NAME.so -- the command that rebuilds it",
    )


def audit(candidate: Candidate) -> Gate:
    """A third party has audited it, and nothing critical is open."""
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


def compute(candidate: Candidate) -> Gate:
    """Instructions, transactions, trades and batches stay within their budgets."""
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
