"""Tests of what the preview says of the project's own environments."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from environments import Environment, names
from plan import Plan
from preview.environment import read_waivers
from preview.errors import ProjectError
from preview.project import find_project
from preview.verdict import Verdict, reach_verdict
from tests.conftest import PROJECT

_KEY: Final = "names the ARN of a key, which KMS gives it"
_CLUSTER: Final = "names the cluster's resource id, which RDS gives it"
_PROXY: Final = "names the proxy's resource id, which RDS gives it"
_FUNCTION: Final = "is named after a canary's function, whose name AWS draws the end of"
NOT_EVALUATED: Final = {
    "api-execution-key": _KEY,
    "api-task-database": _PROXY,
    "api-task-key": _KEY,
    "artifacts-copy-keys": _KEY,
    "canaries-key": _KEY,
    "canary-api": _FUNCTION,
    "canary-frontend": _FUNCTION,
    "canary-prover": _FUNCTION,
    "check-data-task-database": _CLUSTER,
    "database-proxy": _CLUSTER,
    "database-roles-secret": "names the secret that RDS makes for the administrator",
    "database-roles-task-key": _KEY,
    "guests": "trusts a pool of identities by the id that Cognito gives it",
    "log-archive-delivers-key": _KEY,
    "mcp-key": _KEY,
    "migrate-task-database": _CLUSTER,
    "prover-task-database": _PROXY,
    "prover-task-key": _KEY,
    "review-keys-task-key": _KEY,
}
"""The resources of production that a rule cannot decide on before an apply, and why."""


@pytest.fixture(scope="session")
def verdict_on(
    record_of: Callable[[str], Environment], plan_of: Callable[[str], Plan]
) -> Callable[[str], Verdict]:
    """What the whole pack says of an environment, its waivers in force."""
    today = datetime.now(UTC).date()
    waivers = read_waivers(PROJECT, today)

    def judged(name: str) -> Verdict:
        verdict = reach_verdict(plan_of(name), title=name, tier=record_of(name).tier)
        return verdict.with_waivers(waivers, today)

    return judged


@pytest.mark.parametrize("name", names(PROJECT))
def test_an_environment_has_no_mandatory_finding_and_no_waiver(
    name: str, verdict_on: Callable[[str], Verdict]
) -> None:
    """What the project itself declares holds to its standards, with no work hidden."""
    verdict = verdict_on(name)
    stops = [
        f"{finding.rule.id} on {finding.resource.name}: {finding.violation.message}"
        for finding in verdict.judgement.findings
        if finding.stops
    ]
    errors = [f"{error.rule.id}: {error.message}" for error in verdict.judgement.errors]
    assert (stops, errors, verdict.waivers) == ([], [], ())
    assert not verdict.failed


def test_what_is_not_evaluated_in_production_has_a_reason(
    verdict_on: Callable[[str], Verdict],
) -> None:
    """A new doubt is a decision: build the value from names known before, or say why not."""
    doubtful = {each.resource.name for each in verdict_on("production").judgement.not_evaluated}
    assert doubtful == set(NOT_EVALUATED)


def test_nothing_is_unknown_in_production_but_what_the_engine_alone_knows(
    plan_of: Callable[[str], Plan],
) -> None:
    """No function went without an answer, and nothing encrypted was needed."""
    assert plan_of("production").warnings == ()


def test_production_is_built_from_the_standards_figures(
    verdict_on: Callable[[str], Verdict],
) -> None:
    """Scaling, retention and alarms among them."""
    assert set(verdict_on("production").uses) >= {"SCALE-01", "LOG-02", "LOG-03", "MON-12"}


def test_a_project_is_found_from_inside_and_from_below(tmp_path: Path) -> None:
    """And nowhere else."""
    assert find_project(PROJECT / "stacks") == PROJECT
    with pytest.raises(ProjectError, match=r"no Pulumi\.yaml"):
        find_project(tmp_path)
