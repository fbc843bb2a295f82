"""Waivers: what the file may hold, and what happens to those that nobody stands for any more."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from plan.model import Plan
from plan.values import UNKNOWN
from policies.examples import PROJECT, STACK, plan_of, urn
from policies.judgement import Judgement, apply_waivers, judge
from policies.registry import Given, rules
from policies.settings import Settings
from policies.waivers import MAX_DAYS, WARNING_DAYS, Waiver, WaiversError, load_waivers

TODAY = date(2026, 3, 1)
CLUSTER = "aws:rds/cluster:Cluster"
DATABASE = urn(CLUSTER, "database")
RULE = rules()["rds-encrypted"]

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file of waivers and return its path."""

    def write(text: str) -> Path:
        path = tmp_path / "waivers.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def entry(**changes: object) -> str:
    """One entry of the file, with some keys changed or, given `None`, left out."""
    keys = {
        "rule": RULE.id,
        "resource": DATABASE,
        "reason": "Restored encrypted next week.",
        "owner": "ada@example.com",
        "approver": "grace@example.com",
        "expires": TODAY + timedelta(days=30),
        **changes,
    }
    lines = [f"{key}: {value}" for key, value in keys.items() if value is not None]
    return "- " + "\n  ".join(lines) + "\n"


def problems(path: Path, **options: object) -> list[str]:
    """What is wrong with the file, without its folder."""
    with pytest.raises(WaiversError) as caught:
        load_waivers(path, TODAY, **options)  # pyright: ignore[reportArgumentType] - `stacks` alone
    assert all(problem.remedy for problem in caught.value.problems)
    assert str(path) in str(caught.value)
    return [
        f"{problem.where.removeprefix(str(path))}: {problem.what}"
        for problem in caught.value.problems
    ]


def test_a_complete_waiver_is_read_with_its_place(write: Write) -> None:
    """Every key is read, and a report can say where the waiver stands."""
    path = write("# reviewed\n\n" + entry())
    (waiver,) = load_waivers(path, TODAY)
    assert waiver.rule == RULE.id
    assert (waiver.project, waiver.stack) == (PROJECT, STACK)
    assert waiver.expires == TODAY + timedelta(days=30)
    assert waiver.place == f"{path}:3"
    assert set(waiver.model_dump()) == {
        *("rule", "resource", "reason", "owner", "approver", "expires"),
    }


@pytest.mark.parametrize("text", ["", "[]\n", "# nothing\n"])
def test_a_file_without_entries_holds_no_waivers(write: Write, text: str) -> None:
    """A project starts with an empty file."""
    assert load_waivers(write(text), TODAY) == ()


def test_a_project_without_the_file_has_no_waivers(tmp_path: Path) -> None:
    """The file need not exist."""
    assert load_waivers(tmp_path / "waivers.yaml", TODAY) == ()


def test_the_projects_own_file_is_valid() -> None:
    """What is committed can be read on the day it is read."""
    path = Path(__file__).parents[2] / "policies" / "waivers.yaml"
    assert path.exists()
    load_waivers(path, TODAY)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (entry(rule="rds-encripted"), "rule: there is no rule 'rds-encripted'; closest: rds-encr"),
        (entry(rule="'*'"), "rule: there is no rule '*'"),
        (entry(resource=DATABASE.replace("database", "'*'")), "resource: too broad"),
        (entry(resource=f"{DATABASE}?"), "resource: too broad"),
        (entry(resource="database"), "resource: not a URN"),
        (entry(resource=None), "resource: Field required"),
        (entry(reason="later"), "reason: String should have at least 10 characters"),
        (entry(reason="'          '"), "reason: String should have at least"),
        (entry(owner=None), "owner: Field required"),
        (entry(approver="ADA@example.com"), "owner and approver are both ada@example.com"),
        (entry(expires="soon"), "expires: Input should be a valid date"),
        (entry(expires=20260401), "expires: Input should be a valid date"),
        (entry(expires=TODAY + timedelta(days=MAX_DAYS + 1)), "more than 90 days away: 2026-05-30"),
        (entry(ticket="OPS-1"), "ticket: Extra inputs are not permitted"),
        (entry() + "  reason: Because nobody reads this one.\n", "key reason stands twice"),
        ("- everything\n", "Input should be a valid dictionary"),
    ],
)
def test_a_wrong_entry_is_refused_with_its_line(write: Write, text: str, expected: str) -> None:
    """An error names file, line and key, and what would be right."""
    (problem,) = problems(write(text))
    assert problem.startswith(":1: ")
    assert expected in problem


def test_the_last_day_may_be_as_far_as_the_limit(write: Write) -> None:
    """Ninety days from today are allowed."""
    text = entry(expires=TODAY + timedelta(days=MAX_DAYS))
    assert len(load_waivers(write(text), TODAY)) == 1


def test_every_problem_of_the_file_is_said_at_once(write: Write) -> None:
    """Whoever corrects the file corrects it once."""
    text = entry(rule="nothing-like-it", expires=None) + entry() + entry()
    assert [problem.partition(": ")[0] for problem in problems(write(text))] == [":1", ":1", ":12"]


def test_errors_say_where_what_and_what_next(write: Write) -> None:
    """A line for each, in whole sentences; of YAML's own words only what is wrong."""
    twice = write(entry(reason=None) + "  owner: eve@example.com\n" + entry() + entry())
    with pytest.raises(WaiversError) as caught:
        load_waivers(twice, TODAY)
    next_ = "correct or remove the waiver"
    assert str(caught.value).splitlines() == [
        f"{twice}:1: key owner stands twice; {next_}",
        f"{twice}:1: reason: Field required; {next_}",
        f"{twice}:13: {RULE.id} is already waived for this resource at {twice}:7; {next_}",
    ]
    remedy = "write one list entry for each waiver, as the comment at its top says"
    yaml = "is not YAML that can be read"
    for text, what in (
        ("a: 1\n", ": is not a list of waivers"),
        (
            "- rule: a\n  x: {\n",
            f":3:1: {yaml}: expected the node content, but found",
        ),
        ("- !!python/x 1", f":1:3: {yaml}: could not determine a constructor for the tag"),
        ("- rule: a\n- rule: \x00\n", f":2: {yaml}: the character U+0000 is not allowed"),
        ("- expires: 2026-13-45\n", f": {yaml}: month must be in 1..12"),
    ):
        path = write(text)
        with pytest.raises(WaiversError) as caught:
            load_waivers(path, TODAY)
        assert str(caught.value).startswith(f"{path}{what}")
        assert str(caught.value).endswith(f"; {remedy}")
        assert "\n" not in str(caught.value)


def test_a_waiver_for_another_stack_than_there_is_is_refused(write: Write) -> None:
    """Where the stacks are known, a misspelled one is found."""
    path = write(entry())
    assert len(load_waivers(path, TODAY, stacks=[STACK])) == 1
    (problem,) = problems(path, stacks=["staging", "integration"])
    assert problem == ":1: there is no stack 'production', only: integration, staging"


@pytest.mark.parametrize(
    "text", ["a: 1\n", "[", "- a: [\n", "\x00", "just text\n", "- !!python/x 1"]
)
def test_a_file_that_is_no_list_is_refused(write: Write, text: str) -> None:
    """Broken YAML, or YAML of another shape, says so without a traceback."""
    (problem,) = problems(write(text))
    assert "is not" in problem


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A folder in its place, or bytes that are no text, are errors of the file."""
    folder = tmp_path / "folder"
    folder.mkdir()
    assert "cannot be read" in problems(folder)[0]
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"- reason: \xff\n")
    assert "cannot be read" in problems(path)[0]


def judged(*given: Given, complete: bool = True) -> Judgement:
    """What the rule says of a stack."""
    plan = plan_of(given)
    plan = Plan(project=plan.project, stack=plan.stack, resources=plan.resources, complete=complete)
    return judge(plan, [RULE], Settings())


def waiver(**changes: object) -> Waiver:
    """A waiver of the rule for the database."""
    keys: dict[str, object] = {
        "rule": RULE.id,
        "resource": DATABASE,
        "reason": "Restored encrypted next week.",
        "owner": "ada@example.com",
        "approver": "grace@example.com",
        "expires": TODAY + timedelta(days=30),
        **changes,
    }
    return Waiver.model_validate(keys).at("waivers.yaml:7")


def test_a_waived_finding_stays_and_no_longer_stops_the_run() -> None:
    """The report shows it with its waiver."""
    judgement = judged(Given(CLUSTER, "database"), Given(CLUSTER, "other"))
    assert judgement.failed
    applied = apply_waivers(judgement, [waiver()], TODAY)
    covered, open_ = applied.findings
    assert covered.waiver == waiver()
    assert not covered.stops
    assert open_.waiver is None
    assert applied.failed
    assert not applied.waiver_problems
    assert not apply_waivers(judged(Given(CLUSTER, "database")), [waiver()], TODAY).failed


@pytest.mark.parametrize("days", [0, WARNING_DAYS])
def test_a_waiver_that_ends_soon_is_a_warning(days: int) -> None:
    """It still holds on its last day, and says two weeks before that it will not."""
    soon = waiver(expires=TODAY + timedelta(days=days))
    applied = apply_waivers(judged(Given(CLUSTER, "database")), [soon], TODAY)
    (problem,) = applied.waiver_problems
    assert problem.stops is False
    assert not applied.failed
    assert str(problem) == (
        f"waivers.yaml:7: the waiver of rds-encrypted for {DATABASE} expires on {soon.expires}; "
        "fix what it covers until then; ada@example.com owns it"
    )


def test_an_expired_waiver_covers_nothing_and_fails_the_run() -> None:
    """The finding stops again from the day after, and the waiver itself is a problem."""
    late = waiver(expires=TODAY - timedelta(days=1))
    applied = apply_waivers(judged(Given(CLUSTER, "database")), [late], TODAY)
    (finding,), (problem,) = applied.findings, applied.waiver_problems
    assert finding.stops
    assert problem.stops
    assert str(problem) == (
        f"waivers.yaml:7: the waiver of rds-encrypted for {DATABASE} expired on 2026-02-28; "
        "fix what it covers and remove it, or have it approved anew"
    )


def test_a_waiver_of_a_resource_that_meets_the_rule_fails_the_run() -> None:
    """What was fixed needs no waiver, and the next violation shall not hide behind it."""
    judgement = judged(Given(CLUSTER, "database", {"storageEncrypted": True}))
    applied = apply_waivers(judgement, [waiver()], TODAY)
    (problem,) = applied.waiver_problems
    assert str(problem) == (
        f"waivers.yaml:7: the waiver of rds-encrypted for {DATABASE} covers nothing: "
        "the resource meets the rule; remove it"
    )
    assert applied.failed


def test_a_waiver_of_a_resource_that_is_gone_fails_the_run() -> None:
    """A plan that lists only some resources does not prove that one is gone."""
    gone = apply_waivers(judged(Given(CLUSTER, "other")), [waiver()], TODAY)
    assert str(gone.waiver_problems[0]) == (
        f"waivers.yaml:7: the waiver of rds-encrypted for {DATABASE} covers nothing: "
        "the stack has no such resource; remove it, or name the resource as the report does"
    )
    partial = judged(Given(CLUSTER, "other"), complete=False)
    assert not apply_waivers(partial, [waiver()], TODAY).waiver_problems


def test_a_waiver_of_a_rule_that_does_not_concern_the_resource_fails_the_run() -> None:
    """It would lie in the file for ever, since nothing could use it up."""
    topic = "aws:sns/topic:Topic"
    urn = f"urn:pulumi:{STACK}::{PROJECT}::{topic}::alerts"
    elsewhere = waiver(resource=urn).at("waivers.yaml:7")
    applied = apply_waivers(judged(Given(topic, "alerts")), [elsewhere], TODAY)
    (problem,) = applied.waiver_problems
    assert str(problem) == (
        f"waivers.yaml:7: the waiver of rds-encrypted for {urn} covers nothing: the rule has "
        "nothing to say of this resource; remove it, or name rule and resource as the report does"
    )
    assert applied.failed


def test_a_waiver_of_what_could_not_be_decided_is_left_alone() -> None:
    """It may yet be needed."""
    judgement = judged(Given(CLUSTER, "database", {"storageEncrypted": UNKNOWN}))
    assert not apply_waivers(judgement, [waiver()], TODAY).waiver_problems


@pytest.mark.parametrize("part", [STACK, PROJECT])
def test_a_waiver_of_another_stack_is_not_judged_here(part: str) -> None:
    """A run of one stack proves nothing about the waivers of another."""
    elsewhere = DATABASE.replace(f":{part}::", ":other::", 1)
    assert elsewhere != DATABASE
    applied = apply_waivers(judged(Given(CLUSTER, "x")), [waiver(resource=elsewhere)], TODAY)
    assert not applied.waiver_problems
