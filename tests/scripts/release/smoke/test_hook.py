"""Smoke tests at a cutover's moments end in a decision, whatever they find."""

import ssl
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from environments.edge import Access
from scripts.cutover.judgement.decisions import Finding, Kind
from scripts.cutover.running.hooks import Moment
from scripts.release.smoke import hook
from scripts.release.smoke.aim import Aim, public
from scripts.release.smoke.hook import Amazon, smoke
from scripts.release.smoke.results import Result
from scripts.release.smoke.suite import Suite, SuiteError, suite
from tests.scripts.release.smoke.product import environment_of
from tests.scripts.release.smoke.test_results import GOOD


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Aim]:
    """Where tests were aimed; each of them passes, but a critical one after the rollback."""
    aims: list[Aim] = []

    def results(
        asked: Suite,
        _amazon: Amazon,
        _folder: Path,
        _tell: Callable[[str], None] = lambda _: None,
        _roots: ssl.SSLContext | None = None,
    ) -> Sequence[Result]:
        aims.append(asked.aim)
        if asked.aim.is_rollback:
            return [replace(GOOD, passed=False, came="status 503")]
        return [GOOD]

    def idle(_self: Amazon, service: str) -> str | None:
        return {"api": "green"}.get(service)

    monkeypatch.setattr(hook, "made", results)
    monkeypatch.setattr(Amazon, "idle_side", idle)
    return aims


def test_each_moment_is_aimed_at_what_it_is_about(made: list[Aim]) -> None:
    """The idle side by its header, then what users have, then the same without the limit."""
    test = smoke(environment_of("production"), None)
    assert test(Moment.NEW_SIDE, ["api"]).kind is Kind.CONTINUE
    assert made[-1].headers == {"x-slipway-side": "api-green"}
    assert test(Moment.ALL_TRAFFIC, ["api", "prover"]).kind is Kind.CONTINUE
    assert made[-1].has_users
    assert not made[-1].headers
    decision = test(Moment.TAKEN_BACK, ["api"])
    assert decision.kind is Kind.ROLL_BACK
    assert "status 503" in decision.reasons[1].text


def test_what_nothing_leads_to_is_no_pass(made: list[Aim]) -> None:
    """Without a way to the new side nothing is claimed of it, and users' traffic is tested."""
    test = smoke(environment_of("production", sideHeader=None), None)
    decision = test(Moment.NEW_SIDE, ["api"])
    assert decision.kind is Kind.CONTINUE
    assert [reason.finding for reason in decision.reasons] == [Finding.ACCEPTED]
    assert "not tested without users" in decision.reasons[0].text
    assert not made


def test_tests_that_do_not_end_roll_back(made: list[Aim], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not over in time has shown nothing (SMOKE-06)."""

    def endless(*_: object) -> Sequence[Result]:
        raise TimeoutError

    monkeypatch.setattr(hook, "made", endless)
    decision = smoke(environment_of("production"), None)(Moment.ALL_TRAFFIC, ["api"])
    assert decision.kind is Kind.ROLL_BACK
    assert decision.reasons[0].cited == "SMOKE-06 duration_below_minutes"
    assert not made


def test_tests_that_could_take_too_long_are_refused_before() -> None:
    """Together they have to end in under five minutes; the message names the longest."""
    slow = {"slow": {"command": ["sleep", "200"], "seconds": 200}}
    with pytest.raises(SuiteError, match=r"300 s, and have to take less than 300 s \(SMOKE-06\)"):
        smoke(environment_of("production", commands=slow), None)


def test_tests_that_cannot_come_in_are_refused_before() -> None:
    """A beta lets in nobody without an invite: the tests need one."""
    environment = environment_of("production")
    edge = environment.edge.model_copy(update={"access": Access.INVITED})
    with pytest.raises(SuiteError, match=r"slipway:smoke\.invite"):
        smoke(environment.model_copy(update={"edge": edge}), None)


def test_two_tests_of_one_name_are_refused() -> None:
    """A decision has to say which of them failed."""
    twice = {"payment": {"command": ["true"]}}
    with pytest.raises(SuiteError, match="called payment"):
        smoke(environment_of("production", commands=twice), None)


@pytest.mark.parametrize("name", ["development", "integration", "staging", "production"])
def test_each_sentence_that_an_environment_is_asked_for_has_its_tests(name: str) -> None:
    """All of the theme that its tier is asked for, and nothing that it is not."""
    environment = environment_of(name)
    asked = suite(environment, public(environment))
    served = {cited for cited in asked.requirements if cited.startswith("SMOKE")}
    theme = {f"SMOKE-{number:02}" for number in range(1, 12)}
    assert served == {cited for cited in theme if environment.must(cited)}


def test_productions_variant_leaves_out_what_users_would_notice() -> None:
    """And says so; staging has all of it (SMOKE-11)."""
    noticed = {"noticed": {"command": ["true"], "inProduction": False}}
    for name, is_there in (("staging", True), ("production", False)):
        environment = environment_of(name, commands=noticed)
        asked = suite(environment, public(environment))
        assert ("noticed" in {test.name for test in asked.tests}) is is_there
        assert any(why.startswith("noticed: ") for why in asked.left_out) is not is_there
