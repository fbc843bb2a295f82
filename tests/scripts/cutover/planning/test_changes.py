"""Which changes are let in, and when."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from environments.cutover import Cutover, Freeze
from scripts.cutover.planning.changes import (
    Asked,
    ChangeError,
    StandardChange,
    after_business_days,
    read_standard_change,
    refusals,
)
from scripts.runs.approvers import Role
from scripts.runs.evidence import Change, Purpose, Signature, sign
from standards import Tier
from tests.scripts.runs.people import approvers, key

PLAN = "a" * 64
MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)
BOARD = {
    "Ben": Role.ENGINEERING,
    "Cem": Role.SECURITY,
    "Dee": Role.OPERATIONS,
    "Eli": Role.LEGAL,
    "Fay": Role.EXECUTIVE,
}
STANDARD = StandardChange(
    title="Patch of the API",
    environment="production",
    services=("api",),
    until=date(2026, 12, 31),
)


def _signed(subject: str, at: datetime = MONDAY) -> list[Signature]:
    return [
        sign(key(name), Purpose.APPROVAL, subject, by=name, role=role, at=at)
        for name, role in BOARD.items()
    ]


ON_CALL = [sign(key("Gil"), Purpose.APPROVAL, PLAN, by="Gil", role=Role.ON_CALL, at=MONDAY)]
ASKED = Asked(
    environment="production",
    tier=Tier.PRODUCTION,
    services=("api",),
    has_database=False,
    plan=PLAN,
    change=Change.NORMAL,
    operator="Ana",
    at=MONDAY + timedelta(days=7),
    signatures=_signed(PLAN),
    approvers=approvers(),
)


def test_a_normal_change_waits_five_business_days() -> None:
    """From its first sign-off: a week, since the weekend does not count."""
    assert refusals(ASKED, Cutover()) == []
    (early,) = refusals(replace(ASKED, at=MONDAY + timedelta(days=6, hours=23)), Cutover())
    assert "not before 2026-11-09T09:00:00.000Z" in early
    assert "AUD-02" in early


def test_a_normal_change_has_the_whole_boards_sign_offs() -> None:
    """Of five people in five roles, none of them the one who runs it; of this very plan."""
    (said,) = refusals(replace(ASKED, signatures=ASKED.signatures[1:]), Cutover())
    assert "4 of 5 sign-offs (GATE-05): missing from engineering" in said
    assert f"slipway evidence approve {PLAN}" in said
    (said,) = refusals(replace(ASKED, operator="Ben"), Cutover())
    assert "none from Ben" in said
    other = refusals(replace(ASKED, plan="b" * 64), Cutover())
    assert any("made with another key, or for something else" in each for each in other)
    (said,) = refusals(replace(ASKED, approvers=None), Cutover())
    assert "no file of approvers" in said


def test_a_standard_change_has_no_lead_time() -> None:
    """Its sign-offs are those of its pre-approval, and it is no more than what was pre-approved."""
    standard = replace(
        ASKED,
        change=Change.STANDARD,
        standard=STANDARD,
        signatures=_signed(STANDARD.hash),
        at=MONDAY,
    )
    assert refusals(standard, Cutover()) == []
    for wrong, said in (
        (replace(standard, services=("api", "prover")), "is pre-approved for api: not prover"),
        (replace(standard, has_database=True), "without a change of the database"),
        (replace(standard, environment="other"), "is pre-approved for production"),
        (replace(standard, standard=None, signatures=_signed(PLAN)), "names its pre-approval"),
    ):
        assert said in "\n".join(refusals(wrong, Cutover()))
    late = replace(standard, at=datetime(2027, 1, 1, tzinfo=UTC))
    assert "was pre-approved until 2026-12-31" in "\n".join(refusals(late, Cutover()))


def test_a_freeze_stops_all_but_emergencies() -> None:
    """It says until when, and why."""
    freeze = Freeze(since=MONDAY, until=MONDAY + timedelta(days=30), why="end of the year")
    frozen = Cutover(freezes=(freeze,))
    (said,) = refusals(ASKED, frozen)
    assert "nothing is released until 2026-12-02T09:00:00.000Z: end of the year" in said
    assert refusals(replace(ASKED, change=Change.EMERGENCY, signatures=ON_CALL), frozen) == []
    assert refusals(replace(ASKED, at=freeze.until), frozen) == []


def test_an_emergency_is_released_by_somebody_on_call() -> None:
    """By signature, or by the word of an operator who is; the board comes afterwards (PIPE-11)."""
    emergency = replace(ASKED, change=Change.EMERGENCY, signatures=())
    (said,) = refusals(emergency, Cutover())
    assert "released by somebody on call" in said
    assert refusals(replace(emergency, operator="Gil", typed=True), Cutover()) == []
    assert refusals(replace(emergency, operator="Gil"), Cutover()) != []


def test_what_earlier_runs_owe_is_brought_before_any_but_an_emergency() -> None:
    """Also in staging, where nobody controls changes."""
    owing = replace(ASKED, overdue=("its review",))
    assert refusals(owing, Cutover()) == ["its review"]
    assert refusals(replace(owing, tier=Tier.STAGING, signatures=()), Cutover()) == ["its review"]
    emergency = replace(owing, change=Change.EMERGENCY, signatures=ON_CALL)
    assert refusals(emergency, Cutover()) == []


def test_only_production_asks_for_it() -> None:
    """As AUD-02 has it."""
    assert refusals(replace(ASKED, tier=Tier.STAGING, signatures=()), Cutover()) == []


@pytest.mark.parametrize(
    ("since", "days", "until"),
    [
        ("2026-11-02T09:00Z", 5, "2026-11-09T09:00Z"),
        ("2026-11-07T09:00Z", 1, "2026-11-09T09:00Z"),
        ("2026-11-06T09:00Z", 1, "2026-11-09T09:00Z"),
        ("2026-11-06T23:30-02:00", 0, "2026-11-07T01:30Z"),
    ],
)
def test_business_days_leave_out_weekends(since: str, days: int, until: str) -> None:
    """Counted in UTC."""
    assert after_business_days(datetime.fromisoformat(since), days) == datetime.fromisoformat(until)


def test_a_file_that_declares_no_standard_change_is_refused(tmp_path: Path) -> None:
    """With its place."""
    path = tmp_path / "standard.yaml"
    path.write_text("{title: x, environment: production, services: [], until: 2026-12-31}")
    with pytest.raises(ChangeError, match=r"standard\.yaml: services: "):
        read_standard_change(path)
    path.write_text("{title: x, environment: production, services: [api], until: 2026-12-31}")
    assert read_standard_change(path).services == ("api",)
