"""Tests of what runs still owe: opened by any entry, settled by who may, and demanded when due."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from scripts.runs.approvers import Role
from scripts.runs.canonical import digest
from scripts.runs.evidence import Purpose, Signature, sign
from scripts.runs.journal import Journal, Store, current
from scripts.runs.lease import Owner, held
from scripts.runs.owed import (
    Brought,
    Owed,
    OwedError,
    What,
    overdue,
    owed,
    owing_after_emergency,
    owing_after_rollback,
    settle,
)
from scripts.runs.sqlite import SqliteStore
from scripts.runs.times import utc_now
from standards import Tier, figure
from tests.scripts.runs.people import approvers, key

TARGET = "production/cutover"
PLAN, DOCUMENT = digest("the plan"), digest("what was written")
ANA = Owner.here("Ana")
LINK = "https://wiki.example.com/42"
SIGNING = {"Ben": Role.ENGINEERING, "Cem": Role.SECURITY, "Dee": Role.OPERATIONS,
           "Eli": Role.LEGAL, "Fay": Role.EXECUTIVE}  # fmt: skip


def signed(by: str, role: Role, subject: str) -> Signature:
    """An approval of `subject`."""
    return sign(key(by), Purpose.APPROVAL, subject, by=by, role=role, at=utc_now())


def write(store: Store, kind: str, data: dict[str, Any], run: str = "r1") -> None:
    """An entry of Ana's in the target's journal."""
    journal = current(TARGET, store)
    with held(store, journal.name, ANA, background=False) as keeper:
        journal.append(kind, data, run=run, lease=keeper.lease)


def emergency(store: Store, run: str = "r1") -> None:
    """A run that was let in as one."""
    let_in = {"change": "emergency", "owed": owing_after_emergency(Tier.PRODUCTION)}
    write(store, "run.started", {"plan": PLAN, "let_in": let_in}, run)
    write(store, "run.resumed", {"let_in": let_in}, run)


def named(store: Store) -> list[tuple[str, str]]:
    """What is owed, in short."""
    return [(one.run, one.what.value) for one in owed(store, TARGET)]


def one(store: Store, what: What) -> Owed:
    """What of that kind is owed."""
    return next(each for each in owed(store, TARGET) if each.what is what)


def test_an_emergency_owes_its_sign_offs_and_its_documentation_once(store: Store) -> None:
    """However often it is resumed; the next normal run is refused, and told how to bring each."""
    emergency(store)
    assert named(store) == [("r1", "approval"), ("r1", "documentation")]
    told = "\n".join(overdue(store, TARGET, utc_now()))
    for said in ("AUD-02", "PIPE-11", f"slipway evidence settle {TARGET} r1 documentation"):
        assert said in told


def test_a_review_is_demanded_once_its_time_is_over(sqlite: SqliteStore) -> None:
    """Within the hours of ROLL-11 the next release is not held up for it."""
    facts = owing_after_rollback(Tier.STAGING, utc_now(), "slower")
    write(sqlite, "step.done", {"step": "review", "owed": facts})
    within = timedelta(hours=figure("ROLL-11", "review_within_hours").hours)
    assert overdue(sqlite, TARGET, utc_now()) == []
    assert "slower" in overdue(sqlite, TARGET, utc_now() + within)[0]


def test_nothing_is_owed_where_nobody_asks_for_it() -> None:
    """Changes are controlled in production only."""
    assert owing_after_emergency(Tier.STAGING) == []


@pytest.mark.parametrize(
    ("what", "brought", "problem"),
    [
        (What.DOCUMENTATION, Brought(), "--document FILE"),
        (What.DOCUMENTATION, Brought(document=DOCUMENT), "--link URL"),
        (What.DOCUMENTATION, Brought(document=DOCUMENT, link=LINK), "nobody of the approvers"),
        (What.APPROVAL, Brought(document=DOCUMENT, link=LINK), "0 of 5 sign-offs"),
    ],
)
def test_what_does_not_suffice_settles_nothing(
    sqlite: SqliteStore, what: What, brought: Brought, problem: str
) -> None:
    """It is refused with what lacks, and stays owed."""
    emergency(sqlite)
    with pytest.raises(OwedError, match=problem):
        settle(sqlite, one(sqlite, what), ANA, brought, approvers())
    assert len(named(sqlite)) == 2


def test_a_document_counts_with_a_signature_of_its_very_bytes(sqlite: SqliteStore) -> None:
    """By any of the approvers; who, when, where and which is then on record."""
    emergency(sqlite)
    documentation = one(sqlite, What.DOCUMENTATION)
    other = Brought(document=DOCUMENT, link=LINK, signatures=[signed("Cem", Role.SECURITY, PLAN)])
    with pytest.raises(OwedError, match="does not match"):
        settle(sqlite, documentation, ANA, other, approvers())
    good = Brought(
        document=DOCUMENT, link=LINK, signatures=[signed("Cem", Role.SECURITY, DOCUMENT)]
    )
    entry = settle(sqlite, documentation, ANA, good, approvers())
    assert (entry.by, entry.run) == ("Ana", "r1")
    assert (entry.data["document"], entry.data["link"]) == (DOCUMENT, LINK)
    assert datetime.fromisoformat(entry.at) <= utc_now()
    assert named(sqlite) == [("r1", "approval")]


def test_sign_offs_afterwards_are_those_of_five_others(sqlite: SqliteStore) -> None:
    """The operator's own is none of them (GATE-05)."""
    emergency(sqlite)
    all_five = [signed(by, role, PLAN) for by, role in SIGNING.items()]
    own = [*all_five[1:], signed("Ana", Role.ENGINEERING, PLAN)]
    approval = one(sqlite, What.APPROVAL)
    with pytest.raises(OwedError, match="4 of 5 sign-offs"):
        settle(sqlite, approval, ANA, Brought(signatures=own), approvers())
    settle(sqlite, approval, ANA, Brought(signatures=all_five), approvers())
    assert named(sqlite) == [("r1", "documentation")]


def test_what_was_owed_before_a_break_is_owed_after_it(sqlite: SqliteStore) -> None:
    """A journal that was begun anew forgives nothing."""
    emergency(sqlite)
    after = Journal(f"{TARGET}~2", sqlite)
    with held(sqlite, after.name, ANA, background=False) as keeper:
        after.append("run.started", {"plan": PLAN}, run="r2", lease=keeper.lease)
    emergency(sqlite, "r3")
    assert [run for run, _ in named(sqlite)] == ["r1", "r1", "r3", "r3"]
