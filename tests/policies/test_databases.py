"""What rules of databases share: copies, engines, parameters, and what backups cover."""

import pytest

from policies.backups import PLAN, SELECTION
from policies.databases import CLUSTER, INSTANCE, arn_of, engine_of, is_replica, is_restored
from policies.examples import plan_of
from policies.nodes import Subject
from policies.outcomes import UndecidedError, WrongTypeError
from policies.registry import Given, Ref
from tests.policies.doors import FAIL, PASS, UNDECIDED, messages, says


def database(type_: str = INSTANCE, **inputs: object) -> Subject:
    """A database with `inputs`."""
    (resource,) = plan_of((Given(type_, "database", inputs),)).resources
    return Subject(resource)


def test_a_replica_names_its_source_and_a_copy_its_snapshot() -> None:
    """An instance and a cluster by different keys; a blank one is none."""
    assert is_replica(database(replicateSourceDb="main"))
    assert is_replica(database(CLUSTER, replicationSourceIdentifier="main"))
    assert not is_replica(database(replicateSourceDb=" "))
    assert not is_replica(database())
    for key in ("snapshotIdentifier", "restoreToPointInTime", "s3Import"):
        assert is_restored(database(INSTANCE, **{key: {"a": "b"}}))
    assert not is_restored(database())


def test_the_engine_is_in_small_letters_or_that_of_the_source() -> None:
    """A copy has the engine of what it copies, which the plan does not show; else it names none."""
    assert engine_of(database(engine=" Aurora-PostgreSQL ")) == "aurora-postgresql"
    for key in ("snapshotIdentifier", "replicateSourceDb"):
        with pytest.raises(UndecidedError) as undecided:
            engine_of(database(INSTANCE, **{key: "a"}))
        assert str(undecided.value) == "its engine is that of the database that it copies"
    with pytest.raises(WrongTypeError) as wrong:
        engine_of(database(engine=" "))
    assert str(wrong.value) == "engine should be text, not null"


@pytest.mark.parametrize(("type_", "kind"), [(CLUSTER, "cluster"), (INSTANCE, "db")])
def test_a_selection_covers_what_its_patterns_fit(type_: str, kind: str) -> None:
    """A pattern for the one kind of database does not cover the other."""
    assert arn_of(database(type_)) == f"arn:aws:rds:*:*:{kind}:*"
    plan = Given(PLAN, "plan", {"rules": [{"schedule": "cron(0 0/4 * * ? *)"}]})
    given = Given(type_, "database")
    for pattern, expected in (
        ("*", PASS),
        (f"arn:aws:rds:*:*:{kind}:*", PASS),
        (f"arn:aws:rds:*:*:{'db' if kind == 'cluster' else 'cluster'}:*", FAIL),
        ("arn:aws:dynamodb:*:*:table/*", FAIL),
    ):
        all_ = Given(SELECTION, "all", {"planId": Ref("plan"), "resources": [pattern]})
        assert says("rds-in-backup-plan", plan, all_, given) == expected, pattern


def test_what_a_selection_excludes_is_not_covered() -> None:
    """What it cannot know to be excluded is not decided."""
    plan = Given(PLAN, "plan", {"rules": [{"schedule": "cron(0 0/4 * * ? *)"}]})
    given, other = Given(INSTANCE, "database"), Given(INSTANCE, "other")

    def verdict(**more: object) -> str:
        inputs = {"planId": Ref("plan"), "resources": ["*"], **more}
        selection = Given(SELECTION, "all", inputs)
        return says("rds-in-backup-plan", plan, selection, given, other, of="database")

    assert verdict(notResources=[Ref("other")]) == PASS
    assert verdict(notResources=[Ref("database")]) == FAIL
    assert verdict(notResources=["arn:aws:rds:*:*:db:*"]) == FAIL
    assert verdict(resources=[Ref("other")]) == FAIL
    assert verdict(resources=[Ref("other"), Ref("database")]) == PASS
    assert verdict(resources=[], tagged=[Ref("database")]) == FAIL


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("arn:aws:backup:eu-west-1:123456789012:backup-vault:copies", PASS),
        ("arn:aws:backup:eu-central-1:123456789012:backup-vault:copies", FAIL),
        (None, FAIL),
    ],
)
def test_a_copy_is_abroad_if_its_vault_is(destination: object, expected: str) -> None:
    """A vault of the same region keeps nothing when the region is lost."""
    here = Given("pulumi:providers:aws", "here", {"region": "eu-central-1"})
    copies = [{"destinationVaultArn": destination, "lifecycle": {"deleteAfter": 400}}]
    plan = Given(PLAN, "plan", {"rules": [{"copyActions": copies}]}, provider="here")
    assert says("backup-plan-copy", here, plan, of="plan") == expected


def test_where_a_copy_goes_is_not_known_without_a_region() -> None:
    """The reason names the input."""
    plan = Given(PLAN, "plan", {"rules": [{"copyActions": [{"destinationVaultArn": "x"}]}]})
    assert messages("backup-plan-copy", plan) == [
        "the region of rules[0].copyActions[0].destinationVaultArn is not known"
    ]
    assert says("backup-plan-copy", plan) == UNDECIDED
