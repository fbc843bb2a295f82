"""Rules of logs, alarms, containers, keys, secrets and stacks, where examples do not reach."""

import json

import pytest

from plan.values import UNKNOWN
from policies.registry import Given, Ref
from policies.relations import SUBNET
from policies.rules.cloudwatch import LOG_GROUP, METRIC_ALARM, ApplicationLogs
from policies.rules.ecs import SCALING_TARGET, SERVICE, TASK, Instances
from policies.rules.kms import KEY
from policies.rules.s3 import BUCKET
from policies.rules.secretsmanager import ROTATION, SECRET
from policies.rules.stack import TABLE
from policies.settings import Settings
from standards import Tier, figure
from tests.policies.doors import FAIL, PASS, SILENT, UNDECIDED, messages, says

LOG_RULES = {
    "log-retention",
    "access-log-retention",
    "audit-log-retention",
    "deployment-log-retention",
}


@pytest.mark.parametrize(
    ("class_", "requirement", "rule"),
    [
        ("application", "LOG-02", "log-retention"),
        ("access", "LOG-03", "access-log-retention"),
        ("audit", "LOG-04", "audit-log-retention"),
        ("deployment", "LOG-05", "deployment-log-retention"),
        (None, "LOG-02", "log-retention"),
    ],
)
def test_each_class_of_logs_is_kept_as_its_standard_says(
    class_: str | None, requirement: str, rule: str
) -> None:
    """One day less fails, by how much is said, and the rules of other classes are silent."""
    days = figure(requirement, "retention_days").days
    tags = {"LogClass": class_}
    kept = Given(LOG_GROUP, "logs", {"tags": tags, "retentionInDays": days})
    assert says(rule, kept) == PASS
    short = Given(LOG_GROUP, "logs", {"tags": tags, "retentionInDays": days - 1})
    assert messages(rule, short) == [
        f"keeps {class_ or 'application'} logs for {days - 1} days, fewer than {days}"
    ]
    for other in LOG_RULES - {rule}:
        assert says(other, short) == SILENT


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({}, FAIL),
        ({"tags": UNKNOWN}, UNDECIDED),
        ({"tags": UNKNOWN, "retentionInDays": 3653}, UNDECIDED),
        ({"tags": {"LogClass": UNKNOWN}, "retentionInDays": 3653}, UNDECIDED),
        ({"tags": {"LogClass": "Audit"}, "retentionInDays": 3653}, FAIL),
        ({"retentionInDays": UNKNOWN}, UNDECIDED),
        ({"retentionInDays": "30"}, PASS),
        ({"retentionInDays": -1}, FAIL),
    ],
)
def test_a_log_group_says_what_it_holds_and_for_how_long(
    inputs: dict[str, object], expected: str
) -> None:
    """What it holds decides how long is long enough."""
    assert says("log-retention", Given(LOG_GROUP, "logs", inputs)) == expected


def test_a_configuration_may_keep_logs_longer() -> None:
    """Never shorter than the standard."""
    group = Given(LOG_GROUP, "logs", {"retentionInDays": 30})
    assert says("log-retention", group, settings=ApplicationLogs(min_days=60)) == FAIL
    with pytest.raises(ValueError, match="greater than or equal to 30"):
        ApplicationLogs(min_days=7)


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"alarmActions": UNKNOWN}, PASS),
        ({"alarmActions": [UNKNOWN]}, PASS),
        ({"alarmActions": [""]}, FAIL),
        ({"alarmActions": [" "]}, FAIL),
        ({"alarmActions": [7]}, FAIL),
        ({"okActions": ["arn"]}, FAIL),
        ({"alarmActions": ["arn"], "actionsEnabled": UNKNOWN}, UNDECIDED),
        ({"alarmActions": [], "actionsEnabled": UNKNOWN}, FAIL),
        ({"alarmActions": ["arn"], "actionsEnabled": "false"}, FAIL),
    ],
)
def test_an_alarm_has_an_action_that_is_on(inputs: dict[str, object], expected: str) -> None:
    """An action on recovery alone notifies nobody of the trouble."""
    assert says("alarm-actions", Given(METRIC_ALARM, "alarm", inputs)) == expected


def task(*containers: object) -> Given:
    """A task of some containers."""
    return Given(TASK, "task", {"containerDefinitions": json.dumps(containers)})


def test_every_container_has_a_read_only_root() -> None:
    """A sidecar counts, too, and is named."""
    safe = {"name": "api", "readonlyRootFilesystem": True}
    assert says("ecs-readonly-root", task(safe)) == PASS
    assert messages("ecs-readonly-root", task(safe, {"name": "proxy"})) == [
        "container proxy can write to its root file system"
    ]
    assert says("ecs-readonly-root", Given(TASK, "t", {"containerDefinitions": UNKNOWN})) == (
        UNDECIDED
    )


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("database_password", "x", FAIL),
        ("DB_PASSWD", "x", FAIL),
        ("ApiKey", "x", FAIL),
        ("AWS_SECRET_ACCESS_KEY", "x", FAIL),
        ("WALLET_MNEMONIC", "legal winner thank year", FAIL),
        ("TOKEN", "", PASS),
        ("TOKEN_TTL", "300", PASS),
        ("SECRET_NAME", "payments", PASS),
        ("DATABASE_URL", "postgres://api:hunter2@database/payments", FAIL),
        ("DATABASE_URL", "postgres://api@database/payments", PASS),
        ("CONFIG", "-----BEGIN RSA PRIVATE KEY-----", FAIL),
        ("KEYS", "AKIAIOSFODNN7EXAMPLE", FAIL),
        ("PAYER", json.dumps(list(range(64))), FAIL),
        ("WEIGHTS", "[1, 2, 3]", PASS),
        ("TOKENS_PER_SECOND", "5", FAIL),
    ],
)
def test_a_credential_is_told_by_its_name_or_its_form(name: str, value: str, expected: str) -> None:
    """Where a secret is, or how it is handled, is none; in doubt the rule fails."""
    container = {"name": "api", "environment": [{"name": name, "value": value}]}
    assert says("ecs-no-env-secrets", task(container)) == expected


ZONES = [
    Given(SUBNET, "a", {"availabilityZone": "a"}),
    Given(SUBNET, "b", {"availabilityZone": "b"}),
]
NETWORK = {"subnets": [Ref("a"), Ref("b")], "assignPublicIp": False}


def service(count: object, **options: object) -> Given:
    """A service in two zones."""
    inputs = {"desiredCount": count, "networkConfiguration": NETWORK}
    return Given(SERVICE, "api", inputs, **options)  # pyright: ignore[reportArgumentType] - options of `Given`


@pytest.mark.parametrize(
    ("count", "expected"), [(1, FAIL), (None, FAIL), (0, FAIL), (2, PASS), (UNKNOWN, UNDECIDED)]
)
def test_a_service_runs_at_least_two_instances(count: object, expected: str) -> None:
    """AWS starts one where the program does not say."""
    assert says("ecs-multi-az", *ZONES, service(count)) == expected


def test_the_idle_side_of_a_pair_is_not_concerned() -> None:
    """It is declared with none, and a release counts it."""
    assert says("ecs-multi-az", *ZONES, service(0, ignore_changes=("desiredCount",))) == SILENT
    assert says("ecs-multi-az", *ZONES, service(1, ignore_changes=("desiredCount",))) == FAIL


def test_scaling_in_never_goes_below_two() -> None:
    """The scaling target of this service counts, an unknown one may be it."""
    low = Given(SCALING_TARGET, "t", {"resourceId": Ref("api"), "minCapacity": 1})
    assert messages("ecs-multi-az", *ZONES, service(2), low) == ["t scales in to 1, fewer than 2"]
    unknown = Given(SCALING_TARGET, "t", {"resourceId": UNKNOWN, "minCapacity": 1})
    assert says("ecs-multi-az", *ZONES, service(2), unknown) == UNDECIDED


def test_a_service_without_known_subnets_is_undecided() -> None:
    """Two ids of another stack say nothing about zones."""
    inputs = {"desiredCount": 2, "networkConfiguration": {"subnets": ["subnet-0a", "subnet-0b"]}}
    assert says("ecs-multi-az", Given(SERVICE, "api", inputs)) == UNDECIDED
    assert says("ecs-multi-az", Given(SERVICE, "api", {"desiredCount": 2})) == FAIL
    three = Instances(min_count=3)
    assert says("ecs-multi-az", *ZONES, service(2), settings=three) == FAIL


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"customerMasterKeySpec": "RSA_2048", "keyUsage": "SIGN_VERIFY"}, SILENT),
        ({"keyUsage": "GENERATE_VERIFY_MAC", "customerMasterKeySpec": "HMAC_256"}, SILENT),
        ({"keyUsage": UNKNOWN}, UNDECIDED),
        ({"enableKeyRotation": UNKNOWN}, UNDECIDED),
        ({"enableKeyRotation": "true"}, PASS),
    ],
)
def test_keys_that_kms_cannot_rotate_are_left_out(inputs: dict[str, object], expected: str) -> None:
    """Signing keys and HMAC keys have no rotation to turn on."""
    assert says("kms-rotation", Given(KEY, "key", inputs)) == expected


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"automaticallyAfterDays": 90}, PASS),
        ({"automaticallyAfterDays": 91}, FAIL),
        ({"automaticallyAfterDays": 0}, FAIL),
        ({"scheduleExpression": "rate(91 days)"}, FAIL),
        ({"scheduleExpression": "cron(0 */8 * * ? *)"}, PASS),
        ({"scheduleExpression": "when the moon is full"}, FAIL),
        ({"automaticallyAfterDays": UNKNOWN}, UNDECIDED),
        (None, FAIL),
    ],
)
def test_secrets_rotate_within_the_standards_days(rules: object, expected: str) -> None:
    """By days or by a schedule."""
    rotation = Given(ROTATION, "rotation", {"secretId": Ref("key"), "rotationRules": rules})
    assert says("secret-rotation", Given(SECRET, "key"), rotation) == expected


@pytest.mark.parametrize("tier", [tier for tier in Tier if tier is not Tier.PRODUCTION])
def test_protection_is_for_production(tier: Tier) -> None:
    """Elsewhere environments come and go."""
    assert says("protect-stateful", Given(BUCKET, "data"), settings=Settings(tier=tier)) == SILENT


@pytest.mark.parametrize(
    ("tier", "fitting"),
    [
        (Tier.DEVELOPMENT, ["synthetic"]),
        (Tier.INTEGRATION, ["synthetic"]),
        (Tier.STAGING, ["synthetic", "sanitised"]),
        (Tier.PRODUCTION, ["synthetic", "sanitised", "real"]),
    ],
)
def test_a_data_class_fits_its_environment(tier: Tier, fitting: list[str]) -> None:
    """Real data is for production alone."""
    for class_ in ("synthetic", "sanitised", "real", "", None):
        table = Given(TABLE, "table", {"tags": {"DataClass": class_}})
        expected = PASS if class_ in fitting else FAIL
        assert says("data-class", table, settings=Settings(tier=tier)) == expected


def test_tags_of_a_provider_count_where_the_resource_has_none_of_its_own() -> None:
    """A resource may overrule its provider; another provider's tags are not its own."""
    provider = Given(
        "pulumi:providers:aws", "aws", {"defaultTags": json.dumps({"tags": {"DataClass": "real"}})}
    )
    assert says("data-class", provider, Given(TABLE, "t", provider="aws")) == PASS
    assert says("data-class", provider, Given(TABLE, "t")) == FAIL
    own = Given(TABLE, "t", {"tags": {"DataClass": "secret"}}, provider="aws")
    assert says("data-class", provider, own) == FAIL
    unknown = Given("pulumi:providers:aws", "aws", {"defaultTags": UNKNOWN})
    assert says("data-class", unknown, Given(TABLE, "t", provider="aws")) == UNDECIDED
