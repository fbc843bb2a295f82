"""Evidence: what a run did, in one signed file that anybody can verify without a network.

The file is canonical JSON and a line feed: `bundle`, the `hash` of that, and `signatures` of the
hash. A signature is made of a statement that names its purpose, so that none passes for another.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, ValidationError

from preview.files import replace
from scripts.runs.approvers import SIGN_OFFS, Approvers, Role
from scripts.runs.canonical import NotCanonicalError, canonical, digest, parse
from scripts.runs.journal import Entry, Head, JournalError, Record, chain_problems
from scripts.runs.signing import Signer
from scripts.runs.times import CLOCK_SKEW, Timestamp, stamp
from standards import Tier, figure

Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 in hex."""


class Purpose(StrEnum):
    """What a signature says."""

    APPROVAL = "approval"
    """This plan may be run."""
    EVIDENCE = "evidence"
    """This is what happened."""
    PROOF = "proof"
    """This was found out about an artifact."""


class Change(StrEnum):
    """How a change was let in."""

    NORMAL = "normal"
    """Signed off before it started."""
    STANDARD = "standard"
    """Under the sign-offs of its pre-approval, whose hash is among the bundle's."""
    EMERGENCY = "emergency"
    """Signed off afterwards."""


class Signature(Record):
    """One person's signature."""

    by: str
    role: Role
    at: Timestamp
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]
    """Ed25519, of `statement`, in hex."""


class Bundle(Record):
    """What is signed: who did what, when, where and how, with whose approval."""

    version: Literal[1] = 1
    run: str
    who: str
    """The operator; the deployment lead of the run."""
    what: str
    """The command."""
    started: Timestamp
    ended: Timestamp
    where: str
    """What was acted on: the journal's name."""
    tier: Tier
    host: str
    how: str
    """The version of slipway."""
    plan: Hash
    """The hash of the plan that was run."""
    change: Change
    repeatable: bool
    """Whether it can be made again, and so goes out of date (GATE-06)."""
    outcome: Literal["done", "failed", "pending", "interrupted"]
    hashes: Mapping[str, Hash]
    """The artifacts that it was made for, by name."""
    costs: Mapping[str, Annotated[int, Field(ge=0)]]
    """By name, with the unit in it: `fees_lamports`."""
    approvals: tuple[Signature, ...]
    entries: tuple[Entry, ...]
    """The journal from the run's start to its end."""
    head: Head
    """Where the journal ended then."""


class Evidence(Record):
    """What the file holds."""

    bundle: Bundle
    hash: Hash
    signatures: tuple[Signature, ...]

    def text(self) -> bytes:
        """The file's content."""
        return canonical(self.model_dump(mode="json")) + b"\n"

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        replace(path, self.text(), mode=0o644)


@dataclass(frozen=True, kw_only=True)
class About:
    """What a bundle says that the journal does not know."""

    tier: Tier
    change: Change
    repeatable: bool
    hashes: Mapping[str, str]
    costs: Mapping[str, int]
    approvals: Sequence[Signature] = ()


def collect(entries: Sequence[Entry], run: str, about: About) -> Bundle:
    """What `run` did, from the journal's `entries`.

    Raises:
        JournalError: the journal has no such run, or it still goes on.
    """
    own = [place for place, entry in enumerate(entries) if entry.run == run]
    if not own or entries[own[0]].kind != "run.started":
        raise JournalError(f"the journal has no run {run}")
    first, last = entries[own[0]], entries[own[-1]]
    if last.kind not in _OUTCOMES:
        raise JournalError(f"the run {run} has not ended: run its command again")
    return Bundle.model_validate(
        {
            "run": run,
            "who": last.by,
            "what": first.data["command"],
            "started": first.at,
            "ended": last.at,
            "where": first.journal,
            "host": first.data["host"],
            "how": first.data["version"],
            "plan": first.data["plan"],
            "outcome": _OUTCOMES[last.kind],
            "entries": entries[own[0] : own[-1] + 1],
            "head": last.head,
            **vars(about),
        }
    )


def seal(bundle: Bundle, signatures: Iterable[Signature]) -> Evidence:
    """`bundle` with `signatures` of its hash."""
    return Evidence(bundle=bundle, hash=hash_of(bundle), signatures=tuple(signatures))


def hash_of(bundle: Bundle) -> str:
    """What is signed of `bundle`."""
    return digest(bundle.model_dump(mode="json"))


def statement(purpose: Purpose, subject: str, *, by: str, role: Role, at: datetime) -> bytes:
    """What a person signs: that in `role`, at that time, for `purpose`, they saw `subject`."""
    return canonical(
        {
            "at": stamp(at),
            "by": by,
            "purpose": purpose.value,
            "role": role.value,
            "statement": "slipway-1",
            "subject": subject,
        }
    )


def sign(  # noqa: PLR0913 - each is a part of the statement
    signer: Signer, purpose: Purpose, subject: str, *, by: str, role: Role, at: datetime
) -> Signature:
    """The signature of `by` in `role` of `subject`: a plan's hash or a bundle's."""
    made = signer.sign(statement(purpose, subject, by=by, role=role, at=at))
    return Signature.model_validate({"by": by, "role": role, "at": at, "signature": made.hex()})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came out of verifying a file."""

    problems: list[str]
    """Why it is not to be trusted, or does not suffice; a sentence each."""
    outstanding: list[str]
    """What an emergency still owes."""
    evidence: Evidence | None
    """What it holds, as far as it can be read; to be believed only without problems."""


def verify(text: bytes, approvers: Approvers, *, at: datetime) -> Verdict:
    """Whether the file with the content `text` is genuine, in force at `at`, and signed enough."""
    if not text.endswith(b"\n"):
        return Verdict(["the file was cut short: it ends without a line feed"], [], None)
    try:
        content = parse(text.removesuffix(b"\n"))
        evidence = Evidence.model_validate(content)
    except ValidationError as error:
        return Verdict([_sentence(error)], [], None)
    except NotCanonicalError as error:
        return Verdict([f"the file {error}"], [], None)
    bundle = evidence.bundle
    subject, missing = _approved(bundle)
    # Every signature is looked at, also those that no quorum needs: a wrong one is never harmless.
    approved, not_approved = check_signatures(
        Purpose.APPROVAL, subject, bundle.approvals, approvers, at
    )
    signed, not_signed = check_signatures(
        Purpose.EVIDENCE, evidence.hash, evidence.signatures, approvers, at
    )
    short, outstanding = _sign_offs(bundle, approved, signed)
    problems = [
        *_content(evidence, content),
        *_age(bundle, at),
        *missing,
        *not_approved,
        *not_signed,
        *_lead(bundle, signed),
        *short,
    ]
    return Verdict(problems, outstanding, evidence)


_OUTCOMES: Final = {
    f"run.{outcome}": outcome for outcome in ("done", "failed", "pending", "interrupted")
}
_PRE_APPROVAL: Final = "pre-approval"


def _content(evidence: Evidence, content: Mapping[str, object]) -> list[str]:
    """Whether the bundle is what was hashed, and agrees with the journal that it holds."""
    bundle = evidence.bundle
    problems: list[str] = []
    if hash_of(bundle) != evidence.hash or evidence.model_dump(mode="json") != content:
        problems.append("the bundle was changed: its hash is another one")
    problems += [f"journal: {problem}" for problem in chain_problems(bundle.entries, bundle.where)]
    if not bundle.entries:
        return [*problems, "journal: there are no entries"]
    first, last = bundle.entries[0], bundle.entries[-1]
    if last.head != bundle.head:
        problems.append(f"journal: it ends with entry {last.sequence}, before its head")
    told: dict[str, tuple[object, object]] = {
        "run": (bundle.run, first.run if first.kind == "run.started" else None),
        "end": (bundle.run, last.run),
        "who": (bundle.who, last.by),
        "what": (bundle.what, first.data.get("command")),
        "started": (stamp(bundle.started), first.at),
        "ended": (stamp(bundle.ended), last.at),
        "plan": (bundle.plan, first.data.get("plan")),
        "host": (bundle.host, first.data.get("host")),
        "how": (bundle.how, first.data.get("version")),
        "outcome": (bundle.outcome, _OUTCOMES.get(last.kind)),
    }
    problems += [
        f"{name}: the bundle says {said}, the journal {written}"
        for name, (said, written) in told.items()
        if said != written
    ]
    return problems


def _age(bundle: Bundle, at: datetime) -> list[str]:
    if bundle.ended > at + CLOCK_SKEW:
        return [f"it ended at {stamp(bundle.ended)}, which is yet to come"]
    if not bundle.repeatable:
        return [] if bundle.hashes else ["it names no artifact that it holds for (GATE-06)"]
    most = figure("GATE-06", "evidence_age_max_hours").hours
    if at - bundle.ended > timedelta(hours=most):
        expired = (
            f"it has expired: it ended at {stamp(bundle.ended)}, more than {most} hours before"
        )
        again = f"Run {bundle.what!r} again; --at judges it as of another time."
        return [f"{expired} {stamp(at)} (GATE-06). {again}"]
    return []


def _approved(bundle: Bundle) -> tuple[str, list[str]]:
    """The hash that was approved, and what is wrong if there is none."""
    if bundle.change is not Change.STANDARD:
        return bundle.plan, []
    if _PRE_APPROVAL in bundle.hashes:
        return bundle.hashes[_PRE_APPROVAL], []
    return "", [f"a standard change without the hash of its pre-approval (hashes.{_PRE_APPROVAL})"]


def check_signatures(
    purpose: Purpose,
    subject: str,
    signatures: Iterable[Signature],
    approvers: Approvers,
    at: datetime,
) -> tuple[list[Signature], list[str]]:
    """Which signatures of `subject` count, and what is wrong with the others."""
    good: list[Signature] = []
    problems: list[str] = []
    for one in signatures:
        message = statement(purpose, subject, by=one.by, role=one.role, at=one.at)
        if problem := _problem(one, message, approvers, at):
            problems.append(f"{purpose.value} of {one.by} as {one.role.value}: {problem}")
        else:
            good.append(one)
    return good, problems


def _problem(signature: Signature, message: bytes, approvers: Approvers, at: datetime) -> str:
    """What is wrong with `signature` of `message`; empty if nothing is."""
    keys = approvers.named(signature.by)
    made = bytes.fromhex(signature.signature)
    if not keys:
        return "the approvers file does not know this person"
    if not (own := [key for key in keys if key.verifies(made, message)]):
        return "the signature does not match: made with another key, or for something else"
    if not (role := [key for key in own if signature.role in key.roles]):
        return f"this key may sign as {', '.join(sorted(own[0].roles))} only"
    if not any(key.is_valid(signature.at) for key in role):
        return (
            f"made at {stamp(signature.at)}; the key was valid from {role[0].valid_from}"
            f" until {role[0].valid_until}"
        )
    if signature.at > at + CLOCK_SKEW:
        return f"made at {stamp(signature.at)}, which is yet to come"
    return ""


def _lead(bundle: Bundle, signatures: Sequence[Signature]) -> list[str]:
    if any(one.by == bundle.who and one.role is Role.LEAD for one in signatures):
        return []
    return [f"{bundle.who}, who ran it, has not signed it as lead"]


def _sign_offs(
    bundle: Bundle, approvals: Sequence[Signature], signatures: Sequence[Signature]
) -> tuple[list[str], list[str]]:
    """What of GATE-05 a production run lacks, and what an emergency still owes.

    Each role is another person, and none of them the one who ran it.
    """
    if bundle.tier is not Tier.PRODUCTION:
        return [], []
    emergency = bundle.change is Change.EMERGENCY
    counted = [one for one in approvals if emergency or one.at <= bundle.started]
    late = [f"{one.by} approved after the start" for one in approvals if one not in counted]
    people: dict[Role, str] = {}
    for one in [*counted, *(signatures if emergency else ())]:
        if one.role in SIGN_OFFS and one.by not in {bundle.who, *people.values()}:
            people.setdefault(one.role, one.by)
    needed = figure("GATE-05", "sign_offs_count").count
    if len(people) >= needed:
        return late, []
    lacking = ", ".join(role.value for role in Role if role in SIGN_OFFS - people.keys())
    said = (
        f"{len(people)} of {needed} sign-offs (GATE-05): missing from {lacking}; each from another"
        f" person, none from {bundle.who}"
    )
    return ([], [said]) if emergency else ([*late, said], [])


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"the file is no evidence: {place}: {first['msg']}"
