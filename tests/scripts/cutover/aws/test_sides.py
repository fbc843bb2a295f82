"""The sides of a service behind a load balancer: which is which, and what each act does."""

from typing import Any, cast

import pytest

from scripts.cutover.aws.rule import Rule
from scripts.cutover.aws.services import Services
from scripts.cutover.aws.sides import EcsSides, NotYetError
from scripts.exits import CommandError
from scripts.runs.aws import Api
from tests.scripts.cutover.aws.account import (
    CLUSTER,
    NEW,
    OLD,
    OTHER,
    REGISTRY,
    SIZE,
    Account,
    apis,
    clients,
)
from tests.scripts.cutover.aws.faults import Faults

BLUE, GREEN = "production-api-blue", "production-api-green"


def sides_of(account: Account, release: str = NEW, before: str | None = None) -> EcsSides:
    """The sides of the api, read anew as whoever resumes does."""
    services = Services(account.published, apis())
    sides = services.sides({"api": release}, {"api": before} if before else None)["api"]
    assert isinstance(sides, EcsSides)
    return sides


def moved(account: Account, weight: int, instances: int = SIZE) -> EcsSides:
    """The sides after the new one was sized and given `weight`."""
    sides = sides_of(account)
    sides.scale(instances)
    account.move(0)
    account.move(120)
    sides.set_weight(weight)
    return sides


def test_the_new_side_is_the_one_without_traffic(account: Account) -> None:
    """At the start neither side runs the release."""
    sides = sides_of(account)
    assert (sides.old.service, sides.new.service) == (BLUE, GREEN)
    assert sides.releases == (OLD, NEW)
    assert (sides.size(), sides.weight()) == (SIZE, 0)
    assert (sides.healthy(is_new=False), sides.healthy(is_new=True)) == (SIZE, 0)


@pytest.mark.parametrize("weight", [0, 1, 50, 99, 100])
def test_whoever_resumes_finds_the_same_sides(account: Account, weight: int) -> None:
    """At any weight, also when all traffic is on the new side already."""
    moved(account, weight)
    again = sides_of(account, before=OLD)
    assert (again.new.service, again.weight()) == (GREEN, weight)
    assert sides_of(account).new.service == GREEN
    assert account.weights("api") == {BLUE: 100 - weight, GREEN: weight}


def test_a_release_that_failed_before_is_told_by_its_image(account: Account) -> None:
    """A rollback leaves it on the side that sleeps; the next try goes there again."""
    sides = moved(account, 10)
    sides.set_weight(0)
    sides.retire(is_new=True)
    account.move(0)
    assert sides_of(account).new.service == GREEN
    assert sides_of(account, OTHER).new.service == GREEN


def test_sides_that_cannot_be_told_apart_are_nobodys(account: Account) -> None:
    """Both have traffic, and neither runs what is asked for."""
    moved(account, 30)
    with pytest.raises(CommandError, match=r"api: which side .*blue runs .* at weight 70"):
        _ = sides_of(account, OTHER).new


def test_only_the_image_of_the_service_changes(account: Account) -> None:
    """Roles, secrets, tags, variables and the other containers are those of before."""
    sides_of(account).scale(1)
    ecs = clients()["ecs"]
    before, after = (
        ecs.describe_task_definition(
            taskDefinition=account.service(service).task_definition, include=["TAGS"]
        )
        for service in (BLUE, GREEN)
    )
    assert after["tags"] == before["tags"] != []
    old, new = before["taskDefinition"], after["taskDefinition"]
    assert new.pop("revision") == old.pop("revision") + 1
    assert new.pop("taskDefinitionArn") != old.pop("taskDefinitionArn")
    own = new["containerDefinitions"][0]
    assert own["image"] == f"{REGISTRY}/slipway/api@{NEW}"
    own["image"] = old["containerDefinitions"][0]["image"]
    assert new == old


def test_a_revision_is_registered_once(account: Account) -> None:
    """Whoever is killed after it finds it; so does whoever got no answer."""
    faults = Faults(late=1.0)
    for _ in range(4):
        with faults.at_work(), pytest.raises(TimeoutError):
            sides_of(account).scale(2)
    sides_of(account).scale(2)
    listed = clients()["ecs"].list_task_definitions(familyPrefix="production-api")
    assert len(listed["taskDefinitionArns"]) == 2


def test_what_the_stack_declared_since_reaches_the_service_with_a_release(account: Account) -> None:
    """The stack registers revisions and deploys none: the newest one is what a release runs in."""
    account.register("api", OLD, variables={"LIMIT": "5"})
    sides = sides_of(account)
    (old,) = sides.fleet.states(BLUE)
    named = sides.fleet.definitions.differences(old.definition, "production-api")
    assert named == ["api: environment LIMIT"]
    sides.scale(1)
    definition = sides.fleet.definitions.read(account.service(GREEN).task_definition)
    assert {"name": "LIMIT", "value": "5"} in definition["containerDefinitions"][0]["environment"]


def test_settings_do_not_change_in_the_middle(account: Account) -> None:
    """What the stack registers while a cutover is on its way waits for the next one."""
    moved(account, 10, instances=1)
    runs = account.service(GREEN).task_definition
    account.register("api", OLD, variables={"LIMIT": "5"})
    sides_of(account).scale(3)
    assert account.service(GREEN).task_definition == runs
    assert account.service(GREEN).desired_count == 3


def test_sizing_takes_no_instance_away(account: Account) -> None:
    """A side that grew under its traffic stays as it is."""
    sides = moved(account, 10)
    sides.scale(1)
    assert account.service(GREEN).desired_count == SIZE


def test_neither_side_shrinks_by_itself_while_both_are_needed(account: Account) -> None:
    """Both may still grow; afterwards the one that serves scales as before, the other sleeps."""
    sides = moved(account, 50)
    for service in (BLUE, GREEN):
        suspended = account.suspended(service)
        assert suspended["DynamicScalingInSuspended"]
        assert suspended["ScheduledScalingSuspended"]
        assert not suspended["DynamicScalingOutSuspended"]
    sides.set_weight(100)
    sides.retire(is_new=False)
    account.move(0)
    assert sides.is_retired(is_new=False)
    assert all(account.suspended(BLUE).values())
    assert not any(account.suspended(GREEN).values())


def test_scaling_is_put_back_after_a_kill(account: Account) -> None:
    """A side is retired only when the other one scales again."""
    sides = moved(account, 100)
    faults = Faults(refused={"RegisterScalableTarget": "Throttling"})
    with faults.at_work(), pytest.raises(TimeoutError):
        sides.retire(is_new=False)
    clients()["ecs"].update_service(cluster=CLUSTER, service=BLUE, desiredCount=0)
    account.move(0)
    again = sides_of(account, before=OLD)
    assert not again.is_retired(is_new=False)
    again.retire(is_new=False)
    account.move(0)
    assert again.is_retired(is_new=False)


def test_the_old_side_is_kept_as_full_as_it_was_seen(account: Account) -> None:
    """It may be scaled in between the checks and the moment when its scaling is held."""
    sides = sides_of(account)
    with Faults().at_work():
        assert not sides.refusals()
    clients()["ecs"].update_service(cluster=CLUSTER, service=BLUE, desiredCount=2)
    sides.scale(1)
    assert account.service(BLUE).desired_count == SIZE


def test_a_rule_keeps_everything_but_its_weights(account: Account) -> None:
    """Stickiness, and what comes before the forwarding, such as a sign-in."""
    elbv2, rule = clients()["elbv2"], account.services["api"]["rule"]
    forward = elbv2.describe_rules(RuleArns=[rule])["Rules"][0]["Actions"][0]
    sign_in = {
        "Type": "authenticate-cognito",
        "Order": 1,
        "AuthenticateCognitoConfig": {
            "UserPoolArn": "arn:aws:cognito-idp:::userpool/one",
            "UserPoolClientId": "client",
            "UserPoolDomain": "users",
        },
    }
    elbv2.modify_rule(RuleArn=rule, Actions=[sign_in, {**forward, "Order": 2}])
    before = elbv2.describe_rules(RuleArns=[rule])["Rules"][0]["Actions"]
    moved(account, 25)
    after = elbv2.describe_rules(RuleArns=[rule])["Rules"][0]["Actions"]
    assert account.weights("api") == {BLUE: 75, GREEN: 25}
    for actions in (before, after):
        for group in actions[1]["ForwardConfig"]["TargetGroups"]:
            del group["Weight"]
    assert after == before
    assert after[1]["ForwardConfig"]["TargetGroupStickinessConfig"]["Enabled"]


def test_the_secret_of_a_sign_in_stays_without_being_told() -> None:
    """AWS never says it, and takes the rule back only with the word that it stays."""
    calls: list[dict[str, Any]] = []
    oidc = {"Type": "authenticate-oidc", "AuthenticateOidcConfig": {"ClientId": "one"}}
    forward = {
        "Type": "forward",
        "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": "a"}, {"TargetGroupArn": "b"}]},
    }

    def elbv2(call: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - as boto3 has it
        calls.append({"call": call, **arguments})
        return {"Rules": [{"Actions": [oidc, forward]}]}

    Rule(elbv2=cast("Api", elbv2), arn="rule", service="api").set({"a": 40, "b": 60})
    kept, changed = calls[-1]["Actions"]
    assert kept["AuthenticateOidcConfig"] == {"ClientId": "one", "UseExistingClientSecret": True}
    groups = changed["ForwardConfig"]["TargetGroups"]
    assert [group["Weight"] for group in groups] == [40, 60]


def test_instances_of_another_release_are_not_counted(account: Account) -> None:
    """Those of an earlier try, and those of a deployment that is on its way out."""
    sides = moved(account, 10)
    assert sides.healthy(is_new=True) == SIZE
    account.service(GREEN).deployments[0]["id"] = "ecs-svc/another"
    assert sides.healthy(is_new=True) == 0


def test_a_deployment_that_ecs_took_back_is_still_on_the_new_side(account: Account) -> None:
    """Then both sides run the old release, and whoever resumes goes back with the right one.

    So they do too where what ECS says is old: it is asked again, before that is gone by.
    """
    moved(account, 50)
    account.service(GREEN).task_definition = account.service(BLUE).task_definition
    account.move(0)
    again = sides_of(account, before=OLD)
    for _ in range(3):
        with pytest.raises(NotYetError, match="what ECS says of its sides may be old"):
            again.weight()
    assert (again.new.service, again.healthy(is_new=True)) == (GREEN, 0)
    again.set_weight(0)
    assert account.weights("api") == {BLUE: 100, GREEN: 0}


def test_weights_that_somebody_else_changed_are_no_percentage(account: Account) -> None:
    """They are told, and the way back heals them."""
    sides = moved(account, 10)
    sides.traffic.set({BLUE: 10, GREEN: 30})
    with pytest.raises(CommandError, match=r"api: weights add up to 40, not 100: .*30 for"):
        sides.weight()
    sides.set_weight(0)
    assert sides.weight() == 0


# What users of other controllers were hurt by.


def test_nothing_is_scaled_down_while_it_has_traffic(account: Account) -> None:
    """Argo Rollouts scaled down while the old target group still held 100 % (argo#3333)."""
    sides = moved(account, 0)
    for weight in (0, 50, 99):
        sides.set_weight(weight)
        with pytest.raises(NotYetError, match=f"still has {100 - weight} % of the traffic"):
            sides.retire(is_new=False)
        assert account.service(BLUE).desired_count == SIZE
    with pytest.raises(NotYetError, match="still has 99 % of the traffic"):
        sides.retire(is_new=True)


def test_nothing_is_scaled_down_on_the_word_of_an_old_reading(account: Account) -> None:
    """A change that got no answer is not believed: the load balancer itself is asked again."""
    sides = moved(account, 50)
    faults = Faults(lost=1.0)
    with faults.at_work(), pytest.raises(TimeoutError):
        sides.set_weight(100)
    with pytest.raises(NotYetError, match="still has 50 %"):
        sides.retire(is_new=False)


def test_no_traffic_goes_to_an_empty_target_group(account: Account) -> None:
    """As argo#2864: its instances do not run yet, or none of them is healthy."""
    sides = sides_of(account)
    sides.scale(SIZE)
    account.move(0)
    with pytest.raises(NotYetError, match="has 0 healthy instances, and needs 1 for 1 %"):
        sides.set_weight(1)
    assert account.weights("api") == {BLUE: 100, GREEN: 0}
    account.move(120)
    sides.set_weight(100)
    account.sicken(BLUE, SIZE)
    with pytest.raises(NotYetError, match="blue has 0 healthy instances"):
        sides.set_weight(0)
    assert account.weights("api") == {BLUE: 0, GREEN: 100}


def test_a_small_canary_gets_no_more_than_it_carries(account: Account) -> None:
    """A fast rollback sent 70 % of the traffic to a canary sized for 5 % (argo#4612)."""
    sides = moved(account, 5, instances=1)
    with pytest.raises(NotYetError, match="has 1 healthy instances, and needs 3 for 70 %"):
        sides.set_weight(70)
    assert sides.weight() == 5


def test_the_way_back_goes_to_a_side_that_is_full(account: Account) -> None:
    """One task that dies keeps no bad release; a side that was taken away does."""
    sides = moved(account, 100)
    account.sicken(BLUE, 1)
    sides.set_weight(0)
    assert sides.weight() == 0
    sides.set_weight(100)
    account.sicken(BLUE, 2)
    with pytest.raises(NotYetError, match="has 2 healthy instances, and needs 3 for 100 %"):
        sides.set_weight(0)
