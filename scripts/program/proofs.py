"""Proofs: what was found out about one binary, signed by who answers for it.

A proof is canonical JSON: `statement`, its `hash` and `signatures`. It names the program's hash, so
that it holds for these bytes and no others; what can be made again is good for as long as GATE-06
says. It is a person's word: that a command ended with 0, not that it was the right command.
"""

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from preview.files import replace
from scripts.exits import CommandError, ExitCode
from scripts.program.choices import Kind
from scripts.program.elf import read_program_file
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
"""What is not made again, and so does not grow old; it is a report, and no command."""
FILE: Final = "{file}"
"""Stands for the program's file in a command."""
FILE_VARIABLE: Final = "SLIPWAY_PROGRAM_FILE"
"""Names the program's file to a command."""
Figure = Annotated[int, Field(ge=0)]
_LATER: Final = frozenset({"read", "rebuilt"})
_FEWEST_WORDS: Final = 50
"""A text with fewer reports nothing."""


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
    figures: Mapping[str, Figure] = {}
    """What was measured or counted, by name with its unit."""
    read: tuple[str, ...] = ()
    """Which of them the command printed; the others were typed by who signs."""
    rebuilt: Hash | None = None
    """The hash of what the command built."""

    @property
    def hash(self) -> str:
        """What is signed of it."""
        said = self.model_dump(mode="json")
        # What statements did not have at first counts only where it says something, so that an
        # audit that was signed before still holds.
        return digest({name: value for name, value in said.items() if name not in _LATER or value})


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
    if stated.hash != proof.hash:
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


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a statement says besides whom it is about."""

    output: bytes
    """What a command printed, or the report."""
    command: str | None = None
    figures: Mapping[str, int] = field(default_factory=dict[str, int])
    read: tuple[str, ...] = ()
    rebuilt: str | None = None


def prove(  # noqa: PLR0913 - each is a part of the statement
    kind: Kind, found: Found, *, program: str, at: datetime, by: str, role: Role, signer: Signer
) -> Proof:
    """What was found out about `program`, signed.

    Raises:
        ProofError: it does not prove that, or somebody else has to sign it.
    """
    if role not in ROLES[kind]:
        raise ProofError(f"a proof of {kind} is signed as {' or '.join(sorted(ROLES[kind]))}")
    if kind is Kind.BUILD and found.rebuilt != program:
        built = f"the command built {found.rebuilt}" if found.rebuilt else "nothing was rebuilt"
        raise ProofError(f"{built}, and the program is {program}: nothing was signed")
    stated = Statement(
        kind=kind,
        program=program,
        at=at,
        command=found.command,
        output=sha256(found.output),
        figures=found.figures,
        read=found.read,
        rebuilt=found.rebuilt,
    )
    signature = sign(signer, Purpose.PROOF, stated.hash, by=by, role=role, at=at)
    return Proof(statement=stated, hash=stated.hash, signatures=(signature,))


def ran(
    command: Sequence[str], file: Path, typed: Mapping[str, int], rebuilt: Path | None = None
) -> Found:
    """What comes of the command about the program in `file`, which it is told.

    Raises:
        ProofError: it failed, printed nothing, or built nothing where it should have.
    """
    words = [word.replace(FILE, str(file.resolve())) for word in command]
    before = _made(rebuilt)
    output = _output(words, {FILE_VARIABLE: str(file.resolve())})
    if not output.strip():
        raise ProofError(f"`{shlex.join(command)}` printed nothing, which proves nothing")
    if rebuilt and _made(rebuilt) in {None, before}:
        raise ProofError(f"`{shlex.join(command)}` did not write {rebuilt}: build it from clean")
    printed = _printed(output)
    return Found(
        output=output,
        command=shlex.join(command),
        figures={**typed, **printed},
        read=tuple(sorted(printed)),
        rebuilt=read_program_file(rebuilt).hash if rebuilt else None,
    )


def reported(report: Path, typed: Mapping[str, int]) -> Found:
    """What a report says, which is a PDF or a text.

    Raises:
        ProofError: it is neither, or says nothing.
    """
    content = report.read_bytes()
    if content.startswith(b"%PDF-"):
        if b"%%EOF" not in content[-1024:]:
            raise ProofError(f"{report} was cut short: a PDF ends with %%EOF")
        return Found(output=content, figures=typed)
    try:
        words = len(content.decode().split())
    except UnicodeDecodeError:
        raise ProofError(f"{report} is no report: a PDF, or a text in UTF-8") from None
    if words < _FEWEST_WORDS:
        raise ProofError(f"{report} has {words} words: a report has {_FEWEST_WORDS} at the least")
    return Found(output=content, figures=typed)


def _made(path: Path | None) -> int | None:
    """When the file was written last, in nanoseconds."""
    return path.stat().st_mtime_ns if path and path.exists() else None


def _printed(output: bytes) -> dict[str, int]:
    """The figures that a command printed: in lines of JSON, `{"figures": {NAME: NUMBER}}`."""
    found: dict[str, int] = {}
    for line in output.decode(errors="replace").splitlines():
        if line.lstrip().startswith('{"figures"'):
            try:
                found |= _Printed.model_validate_json(line).figures
            except ValidationError as error:
                said = error.errors()[0]["msg"]
                raise ProofError(f"{line[:100]}: {said}: figures are whole numbers") from None
    return found


class _Printed(Record):
    figures: Mapping[str, Figure]


def _output(command: Sequence[str], variables: Mapping[str, str]) -> bytes:
    """What the command printed; `ProofError` where it failed: there is nothing to prove then."""
    try:
        run = subprocess.run(  # noqa: S603 - the product's own command, which its engineer names
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            env={**os.environ, **variables},
        )
    except OSError as error:
        raise ProofError(f"{command[0]}: {error.strerror}") from None
    if run.returncode:
        last = run.stdout.decode(errors="replace").strip().splitlines()[-5:]
        said = "\n  ".join([f"`{shlex.join(command)}` ended with {run.returncode}:", *last])
        raise ProofError(f"{said}\n  Nothing was signed")
    return run.stdout
