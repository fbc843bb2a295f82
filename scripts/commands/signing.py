"""`slipway evidence sign` and `approve`: a person's signature, of a run's evidence or of a plan."""

import re
import sys
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from scripts.exits import CommandError, ExitCode
from scripts.runs import aws
from scripts.runs.approvers import Role
from scripts.runs.canonical import NotCanonicalError, canonical, parse
from scripts.runs.evidence import Evidence, Purpose, hash_of, seal, sign
from scripts.runs.signing import KmsSigner, Signer, key_file
from scripts.runs.times import utc_now

_HASH: Final = re.compile(r"[0-9a-f]{64}")


class SignError(CommandError):
    """Something that cannot be signed."""

    code = ExitCode.USAGE


def sign_command(file: Path, *, by: str, role: str, key: Path | None, kms: str | None) -> int:
    """Add the signature of `by` to the evidence in `file`."""
    signer, wanted = signer_of(key, kms), role_of(role)
    try:
        evidence = Evidence.model_validate(parse(file.read_bytes().removesuffix(b"\n")))
    except (NotCanonicalError, ValidationError):
        raise SignError(f"{file} is no evidence: `slipway evidence verify` says why") from None
    if hash_of(evidence.bundle) != evidence.hash:
        raise SignError(f"{file} was changed after the run: it is not signed")
    if wanted is Role.LEAD and by != evidence.bundle.who:
        raise SignError(
            f"{evidence.bundle.who} ran it, and signs it as lead: {by}'s word does not stand for"
            " that. Name who runs it with --operator, as the file of approvers does"
        )
    made = sign(signer, Purpose.EVIDENCE, evidence.hash, by=by, role=wanted, at=utc_now())
    others = [one for one in evidence.signatures if (one.by, one.role) != (by, wanted)]
    seal(evidence.bundle, [*others, made]).write(file)
    sys.stdout.write(f"{file}: signed by {by} as {wanted.value}\n")
    return ExitCode.DONE


def approve_command(  # noqa: PLR0913 - each is an option of the command
    plan: str, *, by: str, role: str, key: Path | None, kms: str | None, output: Path | None
) -> int:
    """Write the approval by `by` of the plan with the hash `plan`."""
    wanted = role_of(role)
    if not _HASH.fullmatch(plan):
        raise SignError(f"{plan} is no plan's hash: --json shows it, 64 digits, as `plan`")
    made = sign(signer_of(key, kms), Purpose.APPROVAL, plan, by=by, role=wanted, at=utc_now())
    path = output or Path(f"approval-{plan[:12]}-{wanted.value}.json")
    path.write_bytes(canonical(made.model_dump(mode="json")) + b"\n")
    sys.stdout.write(f"{path}: approved by {by} as {wanted.value}\n")
    return ExitCode.DONE


def signer_of(key: Path | None, kms: str | None) -> Signer:
    """The key in a file or in KMS, of which one has to be named."""
    if (key is None) == (kms is None):
        raise SignError("name one: --key FILE or --kms KEY")
    if key:
        return key_file(key)
    return KmsSigner(aws.client("kms"), str(kms))


def role_of(name: str) -> Role:
    """The role of that name."""
    try:
        return Role(name)
    except ValueError:
        raise SignError(f"{name} is no role: {', '.join(Role)} are") from None
