"""Rules of programs, keys and load balancers, where their examples do not reach."""

import json

import pytest

from plan.values import UNKNOWN
from policies.registry import Given, Ref
from policies.rules.ecs import SERVICE
from policies.rules.kms import KEY, KEY_POLICY, DeletionWindow
from policies.rules.lb import ALB_BALANCER, BALANCER, LISTENER
from policies.rules.lb_attributes import TARGET_GROUP
from policies.rules.programs import DEPLOYMENT_CONFIG, DEPLOYMENT_GROUP, HTTP_API
from policies.settings import Settings
from policies.variables import TASK
from policies.workloads import given
from standards import Tier
from tests.policies.doors import FAIL, PASS, SILENT, UNDECIDED, messages, says

DEVELOPMENT = Settings(tier=Tier.DEVELOPMENT)
INTEGRATION = Settings(tier=Tier.INTEGRATION)
NETWORK = {"loadBalancerType": "network"}


def told(**variables: str) -> Given:
    """A task whose container is told `variables`."""
    environment = [{"name": name, "value": value} for name, value in variables.items()]
    containers = json.dumps([{"name": "api", "environment": environment}])
    return Given(TASK, "api", {"containerDefinitions": containers})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("sqlite:///jobs.db", FAIL),
        ("SQLITE3:jobs", FAIL),
        ("jdbc:sqlite:jobs.db", FAIL),
        ("/var/lib/jobs.sqlite", FAIL),
        ("file:jobs.db", FAIL),
        ("postgresql://database.internal/sqlite", PASS),
        ("file:/etc/api.json", PASS),
        ("jobs.db", PASS),
        ("", PASS),
    ],
)
def test_sqlite_is_known_by_its_address_or_its_file(value: str, expected: str) -> None:
    """And refused everywhere but in development."""
    assert says("no-sqlite", told(DATABASE_URL=value)) == expected
    assert says("no-sqlite", told(DATABASE_URL=value), settings=INTEGRATION) == expected
    assert says("no-sqlite", told(DATABASE_URL=value), settings=DEVELOPMENT) == SILENT


def test_a_variable_from_a_secret_holds_nothing_plain() -> None:
    """What is not known is not judged; the one beside it is."""
    secret = {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "database"}}}
    plain = {"name": "CACHE", "value": "sqlite://"}
    assert says("no-sqlite", given({"env": [secret]})) == PASS
    assert says("no-sqlite", given({"env": [{"name": "A", "value": UNKNOWN}]})) == UNDECIDED
    assert says("no-sqlite", given({"env": [{"name": "A", "value": UNKNOWN}, plain]})) == FAIL


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("ALLOWED_ORIGINS", "https://a.example.com https://b.example.com", PASS),
        ("ORIGIN", "https://a.example.com", PASS),
        ("CORS_ALLOWED_ORIGINS", "https://a.example.com,*", FAIL),
        ("CORS_ORIGINS", "https://*.example.com", FAIL),
        ("CORS_ORIGINS", "a.example.com", FAIL),
        ("CORS_ORIGINS", "[]", FAIL),
        ("CORS_ALLOW_HEADERS", "*", PASS),
        ("ORIGINAL_NAME", "*", PASS),
    ],
)
def test_origins_in_a_variable_are_domains(name: str, value: str, expected: str) -> None:
    """In each way that programs take a list."""
    assert says("cors-named-origins", told(**{name: value})) == expected


def test_no_origins_are_no_finding() -> None:
    """A browser then lets no other page in; an unknown list is not yet any."""
    assert says("cors-named-origins", Given(HTTP_API, "api")) == SILENT
    unknown = {"corsConfiguration": {"allowOrigins": UNKNOWN}}
    assert says("cors-named-origins", Given(HTTP_API, "api", unknown)) == UNDECIDED
    local = {"corsConfiguration": {"allowOrigins": ["http://localhost:3000"]}}
    assert says("cors-named-origins", Given(HTTP_API, "api", local), settings=DEVELOPMENT) == SILENT


def test_a_daemon_and_a_lesser_tier_change_over_as_they_like() -> None:
    """Nobody waits for them."""
    stopped = {"deploymentMinimumHealthyPercent": 0}
    assert says("rollout-in-steps", Given(SERVICE, "api", stopped)) == FAIL
    assert says("rollout-in-steps", Given(SERVICE, "api", stopped), settings=INTEGRATION) == SILENT
    daemon = {**stopped, "schedulingStrategy": "DAEMON"}
    assert says("rollout-in-steps", Given(SERVICE, "agent", daemon)) == SILENT


def test_what_is_left_out_is_what_aws_then_does() -> None:
    """CodeDeploy switches ECS and Lambda at once, and hosts one by one."""
    lambda_ = Given(DEPLOYMENT_CONFIG, "own", {"computePlatform": "Lambda"})
    assert messages("rollout-in-steps", lambda_) == ["switches all traffic at once"]
    assert says("rollout-in-steps", Given(DEPLOYMENT_CONFIG, "own")) == PASS
    group = Given(DEPLOYMENT_GROUP, "api", {"ecsService": {"serviceName": "api"}})
    assert messages("rollout-in-steps", group) == ["ECSAllAtOnce switches all at once"]


def test_a_window_that_differs_is_a_setting() -> None:
    """As long as KMS can wait, unless a pack's configuration says else."""
    week = Given(KEY, "data", {"deletionWindowInDays": 7})
    assert messages("kms-deletion-window", week) == ["is gone 7 days after its deletion, not 30"]
    assert says("kms-deletion-window", week, settings=DeletionWindow(min_days=7)) == PASS


def test_the_policy_of_another_key_does_not_count() -> None:
    """Each key is named by the policy that it has."""
    nobody = '{"Statement": {"Effect": "Deny", "Action": "kms:Decrypt", "Principal": "*"}}'
    policy = {"keyId": Ref("other"), "policy": nobody}
    example = (Given(KEY, "data"), Given(KEY, "other"), Given(KEY_POLICY, "policy", policy))
    assert says("kms-policy-no-world", *example, of="data") == FAIL
    assert messages("kms-policy-no-world", *example) == ["has no policy of its own"]
    unknown = Given(KEY_POLICY, "policy", {**policy, "keyId": UNKNOWN})
    assert says("kms-policy-no-world", Given(KEY, "data"), unknown, of="data") == UNDECIDED


@pytest.mark.parametrize(
    "rule", ["alb-drop-invalid-headers", "alb-desync", "nlb-cross-zone", "alb-security-headers"]
)
def test_each_kind_of_load_balancer_has_its_own_rules(rule: str) -> None:
    """What one kind cannot do, it is not asked for."""
    kind = "application" if rule == "nlb-cross-zone" else "network"
    balancer = Given(ALB_BALANCER, "edge", {"loadBalancerType": kind})
    listener = Given(LISTENER, "tls", {"protocol": "TLS"})
    subject = listener if rule == "alb-security-headers" else balancer
    assert says(rule, subject) == SILENT
    if subject is balancer:
        unknown = Given(BALANCER, "edge", {"loadBalancerType": UNKNOWN})
        assert says(rule, unknown) == UNDECIDED


def test_only_what_lasts_is_protected() -> None:
    """Environments that are made and thrown away are not."""
    assert says("lb-deletion-protection", Given(BALANCER, "edge", NETWORK)) == FAIL
    assert says("lb-deletion-protection", Given(BALANCER, "edge"), settings=INTEGRATION) == SILENT
    staging = Settings(tier=Tier.STAGING)
    assert says("lb-deletion-protection", Given(BALANCER, "edge"), settings=staging) == FAIL


def test_a_function_behind_a_load_balancer_is_not_asked() -> None:
    """Lambda starts it for each request."""
    assert says("tg-health-check", Given(TARGET_GROUP, "hook", {"targetType": "lambda"})) == SILENT
    off = {"protocol": "HTTP", "healthCheck": {"path": UNKNOWN, "enabled": False}}
    assert messages("tg-health-check", Given(TARGET_GROUP, "api", off)) == ["is not asked"]
