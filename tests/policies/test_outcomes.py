"""Outcomes, and how several become one."""

import pytest

from plan.values import UNKNOWN
from policies.nodes import Node
from policies.outcomes import (
    PASS,
    Fail,
    NotApplicable,
    NotEvaluated,
    Outcome,
    UndecidedError,
    Violation,
    all_of,
    attempt,
    every,
    fail,
    require,
    some,
)

UNDECIDED = NotEvaluated("later")
ITEMS = Node({"x": [{"ok": True}, {"ok": UNKNOWN}, {"ok": False}, {"ok": "maybe"}]}).nodes("x")
GOOD, LATER, BAD, WRONG = ITEMS


def ok(item: Node) -> Outcome:
    """Whether the item says so."""
    return require(item.flag("ok"), "not ok", item.at("ok"))


def test_a_violation_names_what_and_where() -> None:
    """One sentence and one path."""
    assert fail("is open", "port") == Fail((Violation("is open", "port"),))
    assert require(["a"], "never") == PASS
    assert require([], "is empty") == fail("is empty")


def test_an_unknown_value_is_undecided_and_a_wrong_type_fails() -> None:
    """Neither reaches the caller as an exception."""
    assert attempt(lambda: ok(LATER)) == NotEvaluated("x[1].ok is known after apply")
    assert attempt(lambda: ok(WRONG)) == fail("x[3].ok should be true or false, not str", "x[3].ok")

    def undecided() -> Outcome:
        message = "nobody can tell"
        raise UndecidedError(message)

    assert attempt(undecided) == NotEvaluated("nobody can tell")


def test_a_defect_of_a_rule_is_not_swallowed() -> None:
    """Only what a plan can hold is an outcome."""
    with pytest.raises(ZeroDivisionError):
        attempt(lambda: require(1 / 0, ""))


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], PASS),
        ([GOOD], PASS),
        ([GOOD, LATER], NotEvaluated("x[1].ok is known after apply")),
        ([LATER, BAD], fail("not ok", "x[2].ok")),
        (
            [BAD, WRONG],
            Fail(
                (
                    Violation("not ok", "x[2].ok"),
                    Violation("x[3].ok should be true or false, not str", "x[3].ok"),
                )
            ),
        ),
    ],
)
def test_every_reports_all_violations_before_any_doubt(
    items: list[Node], expected: Outcome
) -> None:
    """An unknown item cannot hide the violation of another one."""
    assert every(items, ok) == expected


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], fail("none")),
        ([BAD, GOOD], PASS),
        ([LATER, GOOD], PASS),
        ([BAD, LATER], NotEvaluated("x[1].ok is known after apply")),
        ([BAD, WRONG], fail("none")),
    ],
)
def test_some_passes_for_one_and_fails_only_if_all_do(items: list[Node], expected: Outcome) -> None:
    """An unknown item may be the one."""
    assert some(items, ok, "none") == expected


def test_outcomes_add_up_to_the_worst() -> None:
    """Violations, else doubt, else a pass; what does not apply does not count."""
    assert all_of() == PASS
    assert all_of(PASS, NotApplicable("x")) == PASS
    assert all_of(PASS, UNDECIDED) == UNDECIDED
    assert all_of(lambda: ok(LATER), lambda: ok(BAD)) == fail("not ok", "x[2].ok")
    assert all_of(UNDECIDED, fail("a"), fail("b")) == Fail((Violation("a"), Violation("b")))


def test_a_sentence_that_quotes_a_long_input_is_cut() -> None:
    """A report shows what is wrong, not ten megabytes of it."""
    assert fail("x" * 500) == Fail((Violation("x" * 500),))
    assert fail("x" * 501) == Fail((Violation("x" * 500 + "…"),))
    assert NotEvaluated("x" * 501).reason == "x" * 500 + "…"
