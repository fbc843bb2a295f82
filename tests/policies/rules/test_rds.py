"""Rules of databases, where their examples do not reach."""

from collections.abc import Mapping

import pytest

from plan.model import Plan, Resource
from plan.values import SECRET, UNKNOWN
from policies.backups import PLAN, SELECTION
from policies.databases import CLUSTER, CLUSTER_INSTANCE, CLUSTER_PARAMETERS, INSTANCE
from policies.examples import urn
from policies.judgement import judge
from policies.registry import Given, Ref, rules
from policies.rules.rds import BackupInterval, BackupRetention
from tests.policies.doors import FAIL, PASS, SILENT, UNDECIDED, messages, says

REPLICA = Given(INSTANCE, "replica", {"replicateSourceDb": "database"})


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("rds-encrypted", SILENT),
        ("rds-backup-retention", SILENT),
        ("rds-in-backup-plan", SILENT),
        ("rds-multi-az", SILENT),
        ("rds-managed-password", PASS),
    ],
)
def test_a_replica_is_what_its_source_is(rule: str, expected: str) -> None:
    """Encryption, backups and password are decided where the source is declared."""
    assert says(rule, REPLICA) == expected


def test_a_replica_that_says_it_is_not_encrypted_fails() -> None:
    """What is written is judged."""
    inputs = {**REPLICA.inputs, "storageEncrypted": False}
    assert says("rds-encrypted", Given(INSTANCE, "replica", inputs)) == FAIL


def test_a_password_that_is_a_secret_of_the_program_is_still_the_programs() -> None:
    """It stands in the state, encrypted or not."""
    database = Given(CLUSTER, "database", {"masterPassword": SECRET})
    assert says("rds-managed-password", database) == FAIL


def instances(*zones: object) -> list[Given]:
    """The instances of the cluster `database`, each in a zone or, given `None`, anywhere."""
    return [
        Given(
            CLUSTER_INSTANCE,
            f"i{index}",
            {"clusterIdentifier": Ref("database"), "availabilityZone": zone},
        )
        for index, zone in enumerate(zones)
    ]


@pytest.mark.parametrize(
    ("zones", "expected"),
    [
        ([None, None], PASS),
        (["a", None], PASS),
        (["a", "b"], PASS),
        (["a", "a"], FAIL),
        (["a", UNKNOWN], UNDECIDED),
        ([None], FAIL),
        ([], FAIL),
    ],
)
def test_a_cluster_spans_the_zones_of_its_instances(zones: list[object], expected: str) -> None:
    """RDS itself spreads those that name no zone."""
    cluster = Given(CLUSTER, "database")
    assert says("rds-multi-az", cluster, *instances(*zones)) == expected


def test_instances_of_another_cluster_do_not_count() -> None:
    """A cluster known by its name finds its instances by that name."""
    cluster = Given(CLUSTER, "database", {"clusterIdentifier": "payments"})
    mine = [
        Given(CLUSTER_INSTANCE, name, {"clusterIdentifier": "payments"}) for name in ("i0", "i1")
    ]
    other = [Given(CLUSTER_INSTANCE, "i2", {"clusterIdentifier": "orders"})]
    assert says("rds-multi-az", cluster, *mine) == PASS
    assert messages("rds-multi-az", cluster, mine[0], *other) == [
        "has 1 instance, so none to fail over to"
    ]


@pytest.mark.parametrize(("days", "expected"), [(13, FAIL), (14, PASS)])
def test_backups_are_kept_as_long_as_configured(days: int, expected: str) -> None:
    """The limit itself is enough."""
    database = Given(CLUSTER, "database", {"backupRetentionPeriod": days})
    settings = BackupRetention(min_days=14)
    assert says("rds-backup-retention", database, settings=settings) == expected


def backed_up(schedule: object, selection: Mapping[str, object], **database: object) -> list[Given]:
    """A database and a backup plan of one rule, with the selection between them."""
    return [
        Given(PLAN, "plan", {"rules": [{"schedule": schedule}]}),
        Given(INSTANCE, "database", database),
        Given(INSTANCE, "other"),
        Given(SELECTION, "selection", {"planId": Ref("plan"), **selection}),
    ]


OFTEN = "cron(0 */4 * * ? *)"


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({"resources": [Ref("database")]}, PASS),
        ({"resources": [Ref("other")]}, FAIL),
        ({"resources": [UNKNOWN]}, UNDECIDED),
        ({"resources": UNKNOWN}, UNDECIDED),
        ({"resources": [Ref("other"), "*"]}, PASS),
        ({"resources": ["arn:aws:rds:*:*:db:*"]}, PASS),
        ({"resources": ["arn:aws:rds:*:*:cluster:*"]}, FAIL),
        ({"resources": ["*"], "notResources": [Ref("database")]}, FAIL),
        ({"selectionTags": [{"key": "Backup", "value": "daily"}]}, PASS),
        ({"selectionTags": [{"key": "Backup", "value": "never"}]}, FAIL),
        ({"selectionTags": [{"key": "Other", "value": None}]}, FAIL),
        ({"selectionTags": [{"key": UNKNOWN, "value": "daily"}]}, UNDECIDED),
        ({}, FAIL),
    ],
)
def test_a_plan_covers_what_its_selection_names(
    selection: dict[str, object], expected: str
) -> None:
    """By reference, by pattern or by tag."""
    example = backed_up(OFTEN, selection, tags={"Backup": "daily"})
    assert says("rds-in-backup-plan", *example, of="database") == expected


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (OFTEN, PASS),
        ("rate(4 hours)", PASS),
        ("rate(5 hours)", FAIL),
        ("cron(0 0,12 * * ? *)", FAIL),
        ("whenever", FAIL),
        (None, FAIL),
        (UNKNOWN, UNDECIDED),
    ],
)
def test_a_plan_runs_as_often_as_the_standard_says(schedule: object, expected: str) -> None:
    """Every four hours at least; a schedule that cannot be read is none."""
    example = backed_up(schedule, {"resources": [Ref("database")]})
    assert says("rds-in-backup-plan", *example, of="database") == expected


def test_a_plan_may_be_asked_to_run_more_often_and_never_less() -> None:
    """The standard's four hours are the most that a configuration can allow."""
    example = backed_up(OFTEN, {"resources": [Ref("database")]})
    strict = BackupInterval(max_hours=2)
    assert says("rds-in-backup-plan", *example, of="database", settings=strict) == FAIL
    with pytest.raises(ValueError, match="less than or equal to 4"):
        BackupInterval(max_hours=5)


def test_a_plan_of_another_stack_leaves_it_undecided() -> None:
    """Its schedule is not in this plan."""
    example = backed_up(OFTEN, {"planId": "0123", "resources": [Ref("database")]})
    assert says("rds-in-backup-plan", *example, of="database") == UNDECIDED


def test_one_of_several_plans_is_enough() -> None:
    """A weekly plan beside the frequent one does no harm."""
    weekly = [
        Given(PLAN, "weekly", {"rules": [{"schedule": "cron(0 5 ? * SUN *)"}]}),
        Given(SELECTION, "rare", {"planId": Ref("weekly"), "resources": [Ref("database")]}),
    ]
    example = backed_up(OFTEN, {"resources": [Ref("database")]})
    assert says("rds-in-backup-plan", *example, *weekly, of="database") == PASS


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ([{"name": "rds.force_ssl", "value": 1}], PASS),
        ([{"name": "rds.force_ssl", "value": 1.0}], PASS),
        ([{"name": "require_secure_transport", "value": "on"}], PASS),
        ([{"name": "rds.force_ssl", "value": "on"}], FAIL),
        ([{"name": "log_statement", "value": "1"}], FAIL),
        ([{"name": "rds.force_ssl", "value": UNKNOWN}], UNDECIDED),
        (UNKNOWN, UNDECIDED),
        ([], FAIL),
        (None, FAIL),
    ],
)
def test_tls_is_forced_by_a_parameter(parameters: object, expected: str) -> None:
    """PostgreSQL and MySQL have one each, with values of their own."""
    group = Given(CLUSTER_PARAMETERS, "tls", {"parameters": parameters})
    cluster = Given(CLUSTER, "database", {"dbClusterParameterGroupName": Ref("tls")})
    assert says("rds-force-tls", group, cluster) == expected


def test_a_parameter_group_is_found_by_its_name_and_unknown_elsewhere() -> None:
    """A group of another stack cannot be read."""
    parameters = [{"name": "rds.force_ssl", "value": "1"}]
    group = Given(CLUSTER_PARAMETERS, "tls", {"name": "strict", "parameters": parameters})
    named = Given(CLUSTER, "database", {"dbClusterParameterGroupName": "strict"})
    assert says("rds-force-tls", group, named) == PASS
    assert says("rds-force-tls", named) == UNDECIDED


def test_references_are_followed_through_known_arns_after_an_apply() -> None:
    """A stack's state has ids instead of dependencies of unknown values."""
    arn = "arn:aws:rds:eu-central-1:123456789012:cluster:database"
    resources = (
        Resource(
            urn=urn(CLUSTER, "database"),
            type=CLUSTER,
            name="database",
            outputs={"id": "database", "arn": arn},
        ),
        Resource(
            urn=urn(PLAN, "plan"),
            type=PLAN,
            name="plan",
            inputs={"rules": [{"schedule": OFTEN}]},
            outputs={"id": "0123"},
        ),
        Resource(
            urn=urn(SELECTION, "selection"),
            type=SELECTION,
            name="selection",
            inputs={"planId": "0123", "resources": [arn]},
        ),
    )
    plan = Plan(project="p", stack="s", resources=resources)
    rule = rules()["rds-in-backup-plan"]
    assert judge(plan, [rule], rule.settings()).concerned
    assert not judge(plan, [rule], rule.settings()).findings
