"""Proofs: what was found out about one binary, signed by who answers for it.

A proof is canonical JSON: `statement`, its `hash` and `signatures`. It names the program's hash, so
that it holds for these bytes and no others; what can be made again is good for as long as GATE-06
says.
"""

import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from preview.files import replace
from scripts.exits import CommandError, ExitCode
from scripts.program.choices import Kind
from scripts.runs.approvers import Approvers, Role
from scripts.runs.canonical import NotCanonicalError, canonical, digest, parse, sha256
from scripts.runs.evidence import Hash, Purpose, Signature, check_signatures, sign
from scripts.runs.journal import Record
from scripts.runs.signing import Signer
from scripts.runs.times import CLOCK_SKEW, Timestamp
from standards import figure


class ProofError(CommandError):
    """A file that is no proof, or a proof that cannot be made."""

    code = ExitCode.USAGE


ROLES: Final[Mapping[Kind, frozenset[Role]]] = {
    Kind.TESTS: frozenset({Role.ENGINEERING, Role.LEAD}),
    Kind.BUILD: frozenset({Role.ENGINEERING, Role.LEAD}),
    Kind.COMPUTE: frozenset({Role.ENGINEERING, Role.LEAD}),
    Kind.AUDIT: frozenset({Role.SECURITY}),
}
"""In which roles a proof of each kind is signed."""
ONE_OFF: Final = frozenset({Kind.AUDIT})
"""What is not made again, and so does not grow old."""


class Statement(Record):
    """What was found out."""

    version: Literal[1] = 1
    kind: Kind
    program: Hash
    """The hash of the binary, as solana-verify shows it."""
    at: Timestamp
    command: str | None = None
    """What was run, and ended with 0."""
    output: Hash | None = None
    """The SHA-256 of what it printed, or of the report."""
    figures: Mapping[str, Annotated[int, Field(ge=0)]] = {}
    """What was measured or counted, by name with its unit."""


class Proof(Record):
    """What the file holds."""

    statement: Statement
    hash: Hash
    signatures: tuple[Signature, ...]

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        replace(path, canonical(self.model_dump(mode="json")) + b"\n", mode=0o644)


def read_proofs(paths: Sequence[Path]) -> list[Proof]:
    """The proofs in files, and in all `.json` files of folders."""
    files = [
        file
        for path in paths
        for file in (sorted(path.glob("*.json")) if path.is_dir() else [path])
    ]
    return [_read(file) for file in files]


def _read(path: Path) -> Proof:
    try:
        return Proof.model_validate(parse(path.read_bytes().removesuffix(b"\n")))
    except OSError as error:
        raise ProofError(f"{path}: {error.strerror}") from None
    except (NotCanonicalError, ValidationError):
        raise ProofError(
            f"{path} is no proof, or was changed: `slipway program prove` writes one"
        ) from None


def problem(proof: Proof, approvers: Approvers, *, program: str, at: datetime) -> str:
    """Why the proof does not count for `program` at the time `at`; empty if it does."""
    stated = proof.statement
    if digest(stated.model_dump(mode="json")) != proof.hash:
        return "it was changed after it was signed"
    if stated.program != program:
        return f"it is about another binary, {stated.program[:16]}…"
    if stated.at > at + CLOCK_SKEW:
        return "it is from the future"
    most = figure("GATE-06", "evidence_age_max_hours").hours
    if stated.kind not in ONE_OFF and at - stated.at > timedelta(hours=most):
        return f"it is older than {most} hours (GATE-06)"
    good, problems = check_signatures(Purpose.PROOF, proof.hash, proof.signatures, approvers, at)
    if not any(one.role in ROLES[stated.kind] for one in good):
        roles = " or ".join(sorted(ROLES[stated.kind]))
        return "; ".join([f"nobody known signed it as {roles}", *problems])
    return ""


def prove(  # noqa: PLR0913 - each is a part of the statement
    kind: Kind,
    *,
    program: str,
    at: datetime,
    by: str,
    role: Role,
    signer: Signer,
    command: Sequence[str] = (),
    report: Path | None = None,
    figures: Mapping[str, int] | None = None,
) -> Proof:
    """Run what proves it, or read the report, and sign what came of it.

    Raises:
        ProofError: the command failed, or there is nothing to sign.
    """
    if role not in ROLES[kind]:
        raise ProofError(f"a proof of {kind} is signed as {' or '.join(sorted(ROLES[kind]))}")
    output = _output(command) if command else report.read_bytes() if report else None
    if output is None:
        raise ProofError("name what proves it: --report FILE, or a command after --")
    stated = Statement(
        kind=kind,
        program=program,
        at=at,
        command=" ".join(command) or None,
        output=sha256(output),
        figures=figures or {},
    )
    hash_ = digest(stated.model_dump(mode="json"))
    signature = sign(signer, Purpose.PROOF, hash_, by=by, role=role, at=at)
    return Proof(statement=stated, hash=hash_, signatures=(signature,))


def _output(command: Sequence[str]) -> bytes:
    """What the command printed; `ProofError` where it failed: there is nothing to prove then."""
    try:
        run = subprocess.run(  # noqa: S603 - the product's own command, which its engineer names
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
    except OSError as error:
        raise ProofError(f"{command[0]}: {error.strerror}") from None
    if run.returncode:
        last = run.stdout.decode(errors="replace").strip().splitlines()[-5:]
        said = "\n  ".join([f"`{' '.join(command)}` ended with {run.returncode}:", *last])
        raise ProofError(f"{said}\n  Nothing was signed")
    return run.stdout
