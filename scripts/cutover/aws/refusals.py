"""What a cutover of a service on ECS is refused for, before anything is changed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final

from scripts.cutover.aws.images import Pulled, ReleaseError, pulled, release_of
from scripts.cutover.aws.rule import Rule
from scripts.cutover.aws.sides import EcsSides
from scripts.cutover.judgement.observations import CLOCKS
from scripts.cutover.planning.steps import ALL
from scripts.runs.aws import Api, AwsError

_UNKNOWN_IMAGE: Final = frozenset({"ImageNotFoundException", "RepositoryNotFoundException"})


def apart(sides: EcsSides) -> Iterator[str]:
    """Two releases, on two sides of which one serves."""
    old, new = sides.fleet.states(sides.old.service, sides.new.service)
    image = sides.fleet.image(old.definition)
    try:
        before = release_of(image)
    except ReleaseError as error:
        yield f"{sides.name}: what serves now cannot be told: {error}"
        return
    runs = sides.fleet.image(new.definition)
    if before == sides.release:
        yield (
            f"{sides.name}: {sides.old.service} serves {sides.release} already: a cutover needs "
            "another release"
        )
    weight = sides.traffic.weights()[sides.new.service]
    if weight == ALL and runs.rpartition("@")[2] == sides.release:
        yield f"{sides.name}: {sides.new.service} has all traffic with {sides.release} already"
    elif weight:
        yield (
            f"{sides.name}: {sides.new.service} has {weight} % of the traffic before the start: "
            "resume the cutover that gave it, or roll it back"
        )


def steady(sides: EcsSides) -> Iterator[str]:
    """No side changes by itself meanwhile, and the old one is there in full."""
    for service in (sides.old.service, sides.new.service):
        (state,) = sides.fleet.states(service)
        if not state.is_settled:
            yield f"{sides.name}: {service} has a deployment on its way: wait until it is through"
    size = sides.size()
    if not size:
        yield f"{sides.name}: {sides.old.service} is to have no instances: nothing serves"
    elif (healthy := sides.healthy(is_new=False)) < size:
        yield (
            f"{sides.name}: {healthy} of {size} instances of {sides.old.service} are healthy: "
            "mend it first, it is where a rollback goes"
        )


@dataclass(frozen=True)
class Registered:
    """Both images are in the account's registry: the release's, and the one to go back to."""

    ecr: Api

    def __call__(self, sides: EcsSides) -> Iterator[str]:
        """Ask the registry for the digests, in the repository of what serves."""
        (old,) = sides.fleet.states(sides.old.service)
        image = sides.fleet.image(old.definition)
        there = pulled(image)
        if there is None:
            yield (
                f"{sides.name}: {image} is no image by digest in ECR, so that the release beside "
                "it cannot be looked up (ART-05)"
            )
            return
        if not self._has(there, sides.release):
            yield (
                f"{sides.name}: repository {there.repository} has no image {sides.release}: "
                "publish the release first"
            )
        if not self._has(there, there.digest):
            yield (
                f"{sides.name}: repository {there.repository} no longer has image {there.digest}, "
                "which serves: no instance could be started from it, so that there is nothing to "
                "go back to. Publish it again (ROLL-05)"
            )

    def _has(self, there: Pulled, digest: str) -> bool:
        try:
            self.ecr(
                "describe_images",
                on=f"repository {there.repository}",
                registryId=there.account,
                repositoryName=there.repository,
                imageIds=[{"imageDigest": digest}],
            )
        except AwsError as error:
            if error.error not in _UNKNOWN_IMAGE:
                raise
            return False
        return True


@dataclass(frozen=True)
class Attached:
    """The rule spreads all requests over the two target groups, which ask for health."""

    elbv2: Api
    rule: Rule

    def __call__(self, sides: EcsSides) -> Iterator[str]:
        """Read the rule and the groups."""
        weights = self.rule.weights()
        groups = [sides.record.blue.target_group, sides.record.green.target_group]
        for group in groups:
            if group not in weights:
                yield f"{self.rule}: target group {group} is not attached: apply the environment"
        for group, weight in weights.items():
            if group not in groups and weight:
                yield f"{self.rule}: {group}, which is of neither side, has weight {weight}"
        if sum(weights.values()) != ALL:
            told = ", ".join(f"{weight} for {group}" for group, weight in weights.items())
            yield f"{self.rule}: weights add up to {sum(weights.values())}, not {ALL}: {told}"
        described = self.elbv2(
            "describe_target_groups",
            on=f"the target groups of {sides.name}",
            TargetGroupArns=groups,
        )
        for group in described["TargetGroups"]:
            if not group.get("HealthCheckEnabled") or not group.get("HealthCheckPath"):
                yield (
                    f"{sides.name}: target group {group['TargetGroupName']} has no health check, "
                    "so that nothing would show whether a side is well"
                )


def checked(sides: EcsSides) -> Iterator[str]:
    """A service that no load balancer asks has containers that ask themselves."""
    definition = sides.fleet.definitions
    (old,) = sides.fleet.states(sides.old.service)
    if not definition.has_health_check(old.definition):
        yield (
            f"{sides.name}: neither a load balancer nor its container has a health check: give it "
            f"healthCheck.command in the environment's file"
        )


@dataclass(frozen=True)
class Clocks:
    """This machine's clock and AWS's say the same: data is judged by its time."""

    sts: Api
    now: Callable[[], float]

    def __call__(self, _: EcsSides) -> Iterator[str]:
        """Compare with the date of an answer."""
        answer = self.sts("get_caller_identity", on="whoever runs this")
        said = parsedate_to_datetime(_headers(answer)["date"]).timestamp()
        away = self.now() - said
        if abs(away) > CLOCKS:
            which = "ahead of" if away > 0 else "behind"
            yield (
                f"the clock of this machine is {abs(away):.0f} s {which} AWS's, and may be "
                f"{CLOCKS:g} s away: set it"
            )


def _headers(answer: dict[str, Any]) -> dict[str, str]:
    return answer["ResponseMetadata"]["HTTPHeaders"]
