"""`slipway program prove`: run what proves a gate, and sign what came of it."""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from scripts.commands.signing import role_of, signer_of
from scripts.exits import ExitCode
from scripts.program.choices import Kind
from scripts.program.elf import read_program_file
from scripts.program.proofs import ONE_OFF, Proof, ProofError, prove, ran, reported
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
    rebuilt: Path | None,
    figures: Iterable[str],
    output: Path | None,
    as_json: bool = False,
) -> int:
    """Write the proof of `kind` for the binary in `file`."""
    program = read_program_file(file)
    typed = dict(map(_figure, figures))
    if kind in ONE_OFF:
        if command or not report:
            raise ProofError(f"what proves the {kind} is a report: --report FILE, and no command")
        found = reported(report, typed)
    elif report or not command:
        raise ProofError(f"what proves the {kind} is a command: name it after --")
    else:
        found = ran(command, file, typed, rebuilt)
    proof = prove(
        kind,
        found,
        program=program.hash,
        at=utc_now(),
        by=by,
        role=role_of(role),
        signer=signer_of(key, kms),
    )
    path = output or Path(f"{kind}-{program.hash[:12]}.json")
    proof.write(path)
    sys.stdout.write(_json(path, proof) if as_json else _text(path, proof))
    return ExitCode.DONE


def _text(path: Path, proof: Proof) -> str:
    said, (signed,) = proof.statement, proof.signatures
    lines = [f"{path}: {said.kind} of {said.program}, signed by {signed.by} as {signed.role}"]
    for name, value in said.figures.items():
        how = "as the command printed it" if name in said.read else "as typed"
        lines.append(f"  {name}: {value:,}, {how}")
    return "\n".join([*lines, ""])


def _json(path: Path, proof: Proof) -> str:
    told = {"file": str(path), **proof.model_dump(mode="json")}
    return json.dumps(told, indent=2) + "\n"


def _figure(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if not name or not number.isdecimal():
        raise ProofError(f"--figure {text}: write NAME=NUMBER, a whole number")
    return name, int(number)
