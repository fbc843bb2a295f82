"""What runs still owe: an emergency its sign-offs and its documentation, a rollback its review.

A run opens what it owes in an entry that it writes anyway, so that none is held up for that. What
is brought is written into a journal beside the target's, whose lease is its own: with a link, the
hash of the document, and the signatures that it counts by.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, cast

from pydantic import ConfigDict, ValidationError

from scripts.exits import CommandError, ExitCode
from scripts.runs.approvals import sign_offs_missing, valid_approvals
from scripts.runs.approvers import Approvers
from scripts.runs.canonical import Json
from scripts.runs.evidence import Signature
from scripts.runs.journal import Entry, Record, Store, after_break, current, names, read
from scripts.runs.lease import Owner, held
from scripts.runs.times import Clock, Timestamp, stamp, utc_now
from standards import Tier, figure, requirement

_OWED: Final = "owed"
_SETTLED: Final = "settled"


class What(StrEnum):
    """What a run can owe."""

    APPROVAL = "approval"
    """The sign-offs of an emergency, given afterwards."""
    DOCUMENTATION = "documentation"
    """What is written about an emergency afterwards."""
    REVIEW = "review"
    """What is held after a rollback."""

    @property
    def requirement(self) -> str:
        """What asks for it."""
        return _REQUIREMENTS[self]


_REQUIREMENTS: Final = {
    What.APPROVAL: "AUD-02",
    What.DOCUMENTATION: "PIPE-11",
    What.REVIEW: "ROLL-11",
}


class OwedError(CommandError):
    """What was brought does not settle what is owed; nothing was written."""

    code = ExitCode.USAGE


class _Opened(Record):
    """What an entry says is owed."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    what: What
    why: str = ""
    due: Timestamp | None = None


@dataclass(frozen=True, kw_only=True)
class Owed:
    """One thing that a run still owes."""

    target: str
    run: str
    what: What
    by: str
    """Who carried the run out."""
    plan: str
    """The hash of the run's plan: what its sign-offs are given to."""
    at: datetime
    """When it was opened."""
    due: datetime | None
    """Until when; None: before the next run that is no emergency."""
    why: str

    def is_overdue(self, at: datetime) -> bool:
        """Whether the target's next run has to wait for it."""
        return self.due is None or at >= self.due

    def __str__(self) -> str:
        """What is owed, until when, and how it is brought."""
        until = f", due {stamp(self.due)}" if self.due else ""
        why = f": {self.why}" if self.why else ""
        document = "" if self.what is What.APPROVAL else " --document FILE --link URL"
        return (
            f"the run {self.run} of {self.target} owes its {self.what} since {stamp(self.at)}"
            f"{until} ({self.what.requirement}){why}. To bring it: slipway evidence settle"
            f" {self.target} {self.run} {self.what}{document} --approval FILE"
        )


def owing(what: What, tier: Tier, *, why: str = "", due: datetime | None = None) -> list[Json]:
    """What a run writes as `data["owed"]` of any entry of its; nothing where nobody asks for it."""
    if tier not in requirement(what.requirement).environments:
        return []
    until = {"due": stamp(due)} if due else {}
    return [{"what": what.value, "why": why, **until}]


def owing_after_emergency(tier: Tier) -> list[Json]:
    """What an emergency owes afterwards."""
    return [*owing(What.APPROVAL, tier), *owing(What.DOCUMENTATION, tier)]


def owing_after_rollback(tier: Tier, at: datetime, why: str) -> list[Json]:
    """What a rollback owes afterwards."""
    within = timedelta(hours=figure("ROLL-11", "review_within_hours").hours)
    return owing(What.REVIEW, tier, why=why, due=at + within)


def owed(store: Store, target: str) -> list[Owed]:
    """What the runs of `target` still owe, in the order in which it was opened."""
    settled = {(entry.run, entry.data.get("what")) for entry in _settled(store, target)}
    found: dict[tuple[str, str], Owed] = {}
    plans: dict[str, str] = {}
    for entry in _readable(store, target):
        if entry.kind == "run.started":
            plans[entry.run] = str(entry.data["plan"])
        for each in _opened(entry):
            one = Owed(
                target=target,
                run=entry.run,
                by=entry.by,
                plan=plans.get(entry.run, ""),
                at=datetime.fromisoformat(entry.at),
                **dict(each),
            )
            found.setdefault((one.run, one.what), one)
    return [one for key, one in found.items() if key not in settled]


def overdue(store: Store, target: str, at: datetime) -> list[str]:
    """Why the next run of `target` is refused, unless it is an emergency or goes back."""
    return [str(one) for one in owed(store, target) if one.is_overdue(at)]


@dataclass(frozen=True, kw_only=True)
class Brought:
    """What somebody brings, to settle what is owed."""

    document: str = ""
    """The SHA-256 of what was written, in hex."""
    link: str = ""
    """Where it is kept."""
    signatures: Sequence[Signature] = ()
    """Of the plan's hash where approval is owed, else of the document's."""


def lacking(one: Owed, brought: Brought, approvers: Approvers, at: datetime) -> list[str]:
    """Why `brought` does not settle it; empty where it does."""
    is_approval = one.what is What.APPROVAL
    subject, operator = (one.plan, one.by) if is_approval else (brought.document, "")
    if not subject or not (is_approval or brought.link):
        return [f"{one.what}: --document FILE is what was written, --link URL where it is kept"]
    valid, problems = valid_approvals(subject, brought.signatures, approvers, operator, at=at)
    if is_approval:
        return [*problems, *sign_offs_missing(valid, subject, operator)]
    if valid:
        return problems
    said = (
        f"{one.what}: nobody of the approvers has signed the document: slipway evidence approve"
        f" {subject} --by NAME --role ROLE --key FILE; name the file with --approval"
    )
    return [*problems, said]


def settle(  # noqa: PLR0913 - each is a part of what is written
    store: Store,
    one: Owed,
    owner: Owner,
    brought: Brought,
    approvers: Approvers,
    *,
    clock: Clock = utc_now,
) -> Entry:
    """Write down that what is owed was brought, by whom, and where it is.

    Raises:
        OwedError: it does not suffice.
    """
    if found := lacking(one, brought, approvers, clock()):
        raise OwedError("\n  ".join(["not settled; nothing was written:", *found]))
    data: Mapping[str, Json] = {
        "what": one.what.value,
        "document": brought.document,
        "link": brought.link,
        "signatures": [each.model_dump(mode="json") for each in brought.signatures],
    }
    journal = current(_beside(one.target), store, clock=clock)
    if journal.verify():
        journal = after_break(_beside(one.target), store, clock=clock)
    with held(store, journal.name, owner, clock=clock, background=False) as keeper:
        return journal.append(_SETTLED, data, run=one.run, lease=keeper.lease)


def _beside(target: str) -> str:
    return f"{target}/{_OWED}"


def _settled(store: Store, target: str) -> list[Entry]:
    """What was brought; nothing where that cannot be believed: it is owed again then."""
    journal = current(_beside(target), store)
    if journal.verify():
        return []
    return [entry for entry in journal.entries() if entry.kind == _SETTLED]


def _readable(store: Store, target: str) -> Iterator[Entry]:
    """The entries of all of the target's journals that can be read, also of broken ones."""
    for name in names(target, store):
        for text in store.entries(name):
            try:
                yield read(text)
            except ValueError:
                continue


def _opened(entry: Entry) -> Iterator[_Opened]:
    """What `entry` says is owed: beside its facts, or in how its run was let in."""
    for data in (entry.data, entry.data.get("let_in")):
        listed = cast("Mapping[str, object]", data).get(_OWED) if isinstance(data, Mapping) else ()
        for each in cast("Sequence[object]", listed) if isinstance(listed, list | tuple) else ():
            try:
                yield _Opened.model_validate(each)
            except ValidationError:
                continue
