"""What must never slip through: ten changes to the stacks, each found by its rule.

Each change edits the components' source in a copy of the project, as a person would, and previews
production there.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from plan import Plan
from policies.configuration import settings_by_rule
from policies.judgement import Finding, judge
from policies.registry import rules
from policies.settings import Level
from preview.environment import evaluate_environment, read_environment
from standards import Tier
from tests.conftest import PROJECT


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One edit of `file`, and the rule and resource of the finding that it must lead to."""

    what: str
    file: str
    before: str
    after: str
    rule: str
    on: str


CHANGES = (
    Change(
        what="database encryption off",
        file="stacks/database.py",
        before="storage_encrypted=True",
        after="storage_encrypted=False",
        rule="rds-encrypted",
        on="database",
    ),
    Change(
        what="public database",
        file="stacks/database.py",
        before="publicly_accessible=False",
        after="publicly_accessible=True",
        rule="rds-not-public",
        on="database-0",
    ),
    Change(
        what="port 22 open",
        file="stacks/edge.py",
        before='(("http", HTTP), ("https", HTTPS))',
        after='(("http", HTTP), ("https", HTTPS), ("ssh", 22))',
        rule="sg-no-world-ssh",
        on="ssh",
    ),
    Change(
        what="no WAF",
        file="stacks/edge.py",
        before='if environment.must("NET-05") or environment.must("NET-09"):',
        after="if not environment:",
        rule="alb-waf-attached",
        on="edge",
    ),
    Change(
        what="one zone",
        file="stacks/database.py",
        before="availability_zone=zones[index % len(zones)]",
        after="availability_zone=zones[0]",
        rule="rds-multi-az",
        on="database",
    ),
    Change(
        what="short retention",
        file="stacks/logs.py",
        before="retention_in_days=retention_days(kind, environment)",
        after="retention_in_days=7",
        rule="access-log-retention",
        on="flow",
    ),
    Change(
        what="alarm without action",
        file="stacks/metrics.py",
        before="alarm_actions=actions",
        after="alarm_actions=[]",
        rule="alarm-actions",
        on="api-errors-critical-mon-12",
    ),
    Change(
        what="plain listener",
        file="stacks/edge.py",
        before='protocol="HTTPS"',
        after='protocol="HTTP"',
        rule="alb-http-redirect",
        on="https",
    ),
    Change(
        what="unencrypted bucket",
        file="stacks/buckets.py",
        before='{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}',
        after="{}",
        rule="s3-kms-encryption",
        on="edge-logs",
    ),
    Change(
        what="wildcard role",
        file="stacks/roles.py",
        before="_policy(*_starts(arguments, names))",
        after='_policy({"Effect": "Allow", "Action": "*", "Resource": "*"})',
        rule="iam-no-admin",
        on="api-execution",
    ),
)


def findings(plan: Plan) -> list[Finding]:
    """What the whole pack finds in a plan of production."""
    pack = rules().values()
    return judge(plan, pack, settings_by_rule(pack, Tier.PRODUCTION)).findings


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.what)
def test_a_change_for_the_worse_is_found(tmp_path: Path, change: Change) -> None:
    """The edit leads to a mandatory finding of the right rule, on the resource that it spoilt."""
    shutil.copytree(PROJECT / "stacks", tmp_path / "stacks")
    for path in (PROJECT / "__main__.py", *PROJECT.glob("Pulumi*.yaml")):
        shutil.copy(path, tmp_path)
    source = tmp_path / change.file
    text = source.read_text(encoding="utf-8")
    assert change.before in text
    source.write_text(text.replace(change.before, change.after), encoding="utf-8")
    plan = evaluate_environment(read_environment("production", tmp_path), tmp_path)
    found = [
        finding
        for finding in findings(plan)
        if finding.rule.id == change.rule and finding.resource.name == change.on
    ]
    assert found
    assert found[0].level is Level.MANDATORY
    assert found[0].resource.source is not None
    assert found[0].resource.source.file == change.file


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_the_stacks_as_they_are_have_no_mandatory_finding(environment: str) -> None:
    """Staging and production pass their policies, with no waiver to help them."""
    record = read_environment(environment, PROJECT)
    plan = evaluate_environment(record, PROJECT)
    pack = rules().values()
    judgement = judge(plan, pack, settings_by_rule(pack, record.tier))
    stopping = [
        f"{finding.rule.id} {finding.resource.name}: {finding.violation.message}"
        for finding in judgement.findings
        if finding.stops
    ]
    assert not stopping
    assert not judgement.errors
