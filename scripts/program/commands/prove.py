"""`slipway program prove`: run what proves a gate, and sign what came of it."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from scripts.commands.signing import role_of, signer_of
from scripts.exits import ExitCode
from scripts.program.choices import Kind
from scripts.program.elf import read_program_file
from scripts.program.proofs import ProofError, prove
from scripts.runs.times import utc_now


def prove_command(  # noqa: PLR0913 - each is an option of the command
    kind: Kind,
    file: Path,
    command: Sequence[str],
    *,
    by: str,
    role: str,
    key: Path | None,
    kms: str | None,
    report: Path | None,
    figures: Iterable[str],
    output: Path | None,
) -> int:
    """Write the proof of `kind` for the binary in `file`."""
    program = read_program_file(file)
    proof = prove(
        kind,
        program=program.hash,
        at=utc_now(),
        by=by,
        role=role_of(role),
        signer=signer_of(key, kms),
        command=command,
        report=report,
        figures=dict(map(_figure, figures)),
    )
    path = output or Path(f"{kind}-{program.hash[:12]}.json")
    proof.write(path)
    sys.stdout.write(f"{path}: {kind} of {program.hash}, signed by {by} as {role}\n")
    return ExitCode.DONE


def _figure(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if not name or not number.isdecimal():
        raise ProofError(f"--figure {text}: write NAME=NUMBER, a whole number")
    return name, int(number)
