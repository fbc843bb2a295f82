"""What a cutover is refused for before anything is changed, each with what to do."""

import json
import time
from collections.abc import Sequence
from typing import Any

import pytest

from environments.published import Published
from scripts.cutover.aws.images import ReleaseError
from scripts.cutover.aws.published import PublishedError, read_published
from scripts.cutover.aws.services import Services, UnknownServiceError
from scripts.exits import ExitCode
from scripts.runs.aws import Api, AwsError, DeniedError
from tests.scripts.cutover.aws.account import (
    CLUSTER,
    NEW,
    OLD,
    REGISTRY,
    Account,
    apis,
    clients,
    digest,
)
from tests.scripts.cutover.aws.faults import EVERYTHING, Faults
from tests.scripts.cutover.aws.test_sides import BLUE, GREEN, moved, sides_of


def refused(account: Account, faults: Faults | None = None, release: str = NEW) -> Sequence[str]:
    """Why it is refused; reads only."""
    faults = faults or Faults()
    changes: list[str] = []
    faults.changed = changes.append
    with faults.at_work():
        found = sides_of(account, release).refusals()
    assert not changes
    return found


def rule(account: Account) -> dict[str, Any]:
    """The forwarding of the api's rule."""
    described = clients()["elbv2"].describe_rules(RuleArns=[account.services["api"]["rule"]])
    return described["Rules"][0]["Actions"][0]


def change(account: Account, *groups: dict[str, Any]) -> None:
    """Have the rule forward to `groups`."""
    clients()["elbv2"].modify_rule(
        RuleArn=account.services["api"]["rule"],
        Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": list(groups)}}],
    )


def test_a_sound_service_is_not_refused(account: Account) -> None:
    """And nothing is left unproven."""
    services = Services(account.published, apis())
    with Faults().at_work():
        assert not services.sides({"api": NEW})["api"].refusals()
    assert not services.unproven


def test_a_target_group_that_is_not_attached(account: Account) -> None:
    """Its weight could not be set."""
    blue, _ = rule(account)["ForwardConfig"]["TargetGroups"]
    change(account, blue)
    found = refused(account)
    assert any("green" in each and "is not attached" in each for each in found)


def test_a_target_group_of_nobody_with_traffic(account: Account) -> None:
    """A part of the traffic would be watched by nobody."""
    other = clients()["elbv2"].create_target_group(
        Name="other", Protocol="HTTP", Port=80, VpcId=account.vpc, TargetType="ip"
    )["TargetGroups"][0]["TargetGroupArn"]
    groups = rule(account)["ForwardConfig"]["TargetGroups"]
    change(account, *groups, {"TargetGroupArn": other, "Weight": 5})
    found = refused(account)
    assert any(f"{other}, which is of neither side, has weight 5" in each for each in found)
    assert any("weights add up to 105, not 100" in each for each in found)


def test_a_side_that_has_traffic_before_the_start(account: Account) -> None:
    """Somebody else's cutover has not ended."""
    sides = moved(account, 10)
    assert any("has 10 % of the traffic before the start" in each for each in refused(account))
    sides.set_weight(100)
    assert any(f"has all traffic with {NEW} already" in each for each in refused(account))


@pytest.mark.parametrize("changed", [{"HealthCheckEnabled": False}])
def test_a_target_group_without_a_health_check(account: Account, changed: dict[str, Any]) -> None:
    """Nothing would show whether the side is well."""
    group = account.services["api"]["green"]["target_group"]
    clients()["elbv2"].modify_target_group(TargetGroupArn=group, **changed)
    assert any("api-green has no health check" in each for each in refused(account))


@pytest.mark.parametrize(
    "release", ["v1.5.0", f"{REGISTRY}/slipway/api:v1.5.0", "sha256:abc", "", NEW.upper()]
)
def test_an_image_that_is_named_by_anything_but_its_digest(account: Account, release: str) -> None:
    """A tag can be moved to another image meanwhile (ART-02)."""
    with pytest.raises(ReleaseError, match="is no image by digest") as caught:
        sides_of(account, release)
    assert caught.value.code is ExitCode.USAGE


def test_a_release_may_be_named_with_its_repository(account: Account) -> None:
    """As an environment's file has it."""
    assert sides_of(account, f"{REGISTRY}/slipway/api:v1.5.0@{NEW}").releases == (OLD, NEW)


def test_a_serving_image_by_tag(account: Account) -> None:
    """What serves now could not be told, nor found again by a rollback."""
    definition = account.register("api", OLD)
    ecs = clients()["ecs"]
    told = ecs.describe_task_definition(taskDefinition=definition)["taskDefinition"]
    containers = told["containerDefinitions"]
    containers[0]["image"] = f"{REGISTRY}/slipway/api:v1"
    by_tag = ecs.register_task_definition(
        family="production-api",
        containerDefinitions=containers,
        memory="512",
        requiresCompatibilities=["FARGATE"],
    )
    account.service(BLUE).task_definition = by_tag["taskDefinition"]["taskDefinitionArn"]
    account.move(600)
    assert any("what serves now cannot be told" in each for each in refused(account))


def test_the_release_that_serves_already(account: Account) -> None:
    """There would be nothing to compare."""
    assert any(f"serves {OLD} already" in each for each in refused(account, release=OLD))


def test_an_image_that_the_registry_does_not_have(account: Account) -> None:
    """Its instances would never start."""
    missing = digest("9")
    found = refused(account, release=missing)
    assert f"api: repository slipway/api has no image {missing}: publish the release first" in found


def test_the_image_that_serves_has_to_be_there_still(account: Account) -> None:
    """No instance could be started from it, and a rollback needs them all (ROLL-05)."""
    gone = [{"imageDigest": OLD}]
    clients()["ecr"].batch_delete_image(repositoryName="slipway/api", imageIds=gone)
    (said,) = refused(account)
    assert f"repository slipway/api no longer has image {OLD}, which serves" in said
    assert "ROLL-05" in said


def test_a_side_that_is_not_steady(account: Account) -> None:
    """Another deployment is on its way, or an instance of what serves is not well."""
    account.sicken(BLUE, 1)
    assert any("3 of 4 instances of production-api-blue" in each for each in refused(account))
    deployments = account.service(GREEN).deployments
    deployments.append({**deployments[0], "status": "ACTIVE", "id": "ecs-svc/other"})
    assert any("green has a deployment on its way" in each for each in refused(account))


def test_a_side_that_serves_nothing(account: Account) -> None:
    """The weights say that it does."""
    clients()["ecs"].update_service(cluster=CLUSTER, service=BLUE, desiredCount=0)
    assert any("is to have no instances" in each for each in refused(account))


@pytest.mark.parametrize(
    "missing",
    [
        "ecs:UpdateService",
        "ecs:RegisterTaskDefinition",
        "ecs:TagResource",
        "iam:PassRole",
        "elasticloadbalancing:ModifyRule",
        "application-autoscaling:RegisterScalableTarget",
    ],
)
def test_a_missing_permission(account: Account, missing: str) -> None:
    """IAM is asked what it would decide: nothing has to be tried."""
    policy = json.loads(EVERYTHING)
    policy["Statement"].append({"Effect": "Deny", "Action": missing, "Resource": "*"})
    found = refused(account, Faults(policies=[json.dumps(policy)]))
    assert found
    assert all(f"may not {missing} on " in each for each in found)


def test_a_boundary_that_leaves_something_out(account: Account) -> None:
    """What a role's policy allows ends at its boundary."""
    boundary = json.dumps(
        {"Statement": [{"Effect": "Allow", "NotAction": "ecs:UpdateService", "Resource": "*"}]}
    )
    found = refused(account, Faults(policies=[EVERYTHING, boundary]))
    assert len(found) == 2  # one for each side
    assert all("may not ecs:UpdateService on arn:aws:ecs:" in each for each in found)


def test_a_read_that_is_not_permitted(account: Account) -> None:
    """It was tried: the message has the action and the resource."""
    faults = Faults(refused={"DescribeTargetHealth": "AccessDenied"})
    found = refused(account, faults)
    wanted = f"elasticloadbalancing:DescribeTargetHealth on the target group of {BLUE} is not"
    assert any(each.startswith(wanted) for each in found)


def test_what_cannot_be_proven_is_said(account: Account) -> None:
    """Whoever may not ask IAM has tried the reads, and is told of the rest."""
    services = Services(account.published, apis())
    faults = Faults(refused={"SimulatePrincipalPolicy": "AccessDenied"})
    with faults.at_work():
        assert not services.sides({"api": NEW})["api"].refusals()
    (said,) = services.unproven
    for write in ("ecs:UpdateService", "elasticloadbalancing:ModifyRule", "iam:PassRole"):
        assert write in said
    assert "ecs:DescribeServices" not in said
    assert "could not be proven beforehand" in said


@pytest.mark.parametrize(("away", "word"), [(60.0, "ahead of"), (-60.0, "behind"), (5.0, "")])
def test_clocks_that_are_apart(account: Account, away: float, word: str) -> None:
    """Data is judged by its time, which is AWS's."""
    services = Services(account.published, apis(), now=lambda: time.time() + away)
    with Faults().at_work():
        found = services.sides({"api": NEW})["api"].refusals()
    assert bool(found) is bool(word)
    assert all(f"s {word} AWS's" in each for each in found)


def test_a_check_goes_on_where_an_answer_was_late(account: Account) -> None:
    """What was found before is not asked again."""
    sides, faults = sides_of(account), Faults(refused={"DescribeImages": "Throttling"})
    with faults.at_work():
        with pytest.raises(TimeoutError):
            sides.refusals()
        faults.refused.clear()
        faults.calls.clear()
        assert not sides.refusals()
    assert "elasticloadbalancing:DescribeTargetGroups" not in faults.calls


def test_an_unknown_service(account: Account) -> None:
    """Those that there are are named."""
    with pytest.raises(UnknownServiceError, match="production has no service web; there are: api"):
        Services(account.published, apis()).sides({"web": NEW})


def test_a_service_that_is_not_there(account: Account) -> None:
    """The stack was taken down, or its record is an old one."""
    clients()["ecs"].delete_service(cluster=CLUSTER, service=GREEN, force=True)
    with pytest.raises(Exception, match=f"cluster {CLUSTER} has no active service {GREEN}"):
        sides_of(account).weight()


# What the stack published.


def put(text: str) -> Api:
    """The record of production as `text`."""
    clients()["ssm"].put_parameter(
        Name=Published.parameter("production"), Value=text, Type="String", Overwrite=True
    )
    return Api(clients()["ssm"])


def test_a_record_is_read_as_it_was_published(account: Account) -> None:
    """With the same model, in camelCase."""
    ssm = put(account.published.model_dump_json(by_alias=True, exclude_none=True))
    assert read_published(ssm, "production") == account.published


def test_a_record_that_is_missing_or_is_none(account: Account) -> None:
    """The message says what to apply, and with what."""
    ssm = Api(clients()["ssm"])
    with pytest.raises(PublishedError, match="is not there: its stack was not applied yet"):
        read_published(ssm, "production")
    other = account.published.model_copy(update={"environment": "staging"})
    with pytest.raises(PublishedError, match="is of staging"):
        read_published(put(other.model_dump_json(by_alias=True)), "production")
    with pytest.raises(PublishedError, match=r"another version of slipway: apply production"):
        read_published(put('{"version": 2}'), "production")


def test_a_record_that_may_not_be_read(account: Account) -> None:  # noqa: ARG001 - moto's
    """It names the permission."""
    faults = Faults(refused={"GetParameter": "AccessDeniedException"})
    wanted = "ssm:GetParameter on parameter /slipway/production/published is not permitted"
    with faults.at_work(), pytest.raises(DeniedError, match=wanted):
        read_published(Api(clients()["ssm"]), "production")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("Throttling", TimeoutError),
        ("RequestLimitExceeded", TimeoutError),
        ("ExpiredToken", AwsError),
        ("ValidationError", AwsError),
    ],
)
def test_what_aws_refuses_is_told(account: Account, code: str, kind: type[Exception]) -> None:
    """What may go through later is a timeout; what somebody has to mend is not."""
    sides = sides_of(account)
    with (
        Faults(refused={"DescribeRules": code}).at_work(),
        pytest.raises(kind, match="listener rule of api"),
    ):
        sides.weight()
