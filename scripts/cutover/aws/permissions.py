"""What whoever runs a cutover has to be permitted, and whether they are: asked before the start."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from environments.published import Published
from scripts.cutover.aws.images import pulled
from scripts.cutover.aws.sides import EcsSides
from scripts.runs.aws import Api, AwsError

EVERYWHERE: Final = "*"


@dataclass(frozen=True, order=True)
class Need:
    """A permission, and what for."""

    action: str
    resource: str = EVERYWHERE


@dataclass(frozen=True)
class Permissions:
    """Asks IAM what it would decide, for all of an environment at once."""

    iam: Api
    sts: Api
    published: Published
    unproven: list[str] = field(default_factory=list[str])
    """What could not be asked, for people."""

    def denied(self, name: str, needs: Iterable[Need]) -> Iterator[str]:
        """What of `needs` IAM would refuse; where it does not tell, that goes to `unproven`."""
        by_resource: dict[str, list[str]] = {}
        for need in sorted(set(needs)):
            by_resource.setdefault(need.resource, []).append(need.action)
        try:
            principal = self._principal()
            for resource, actions in by_resource.items():
                for one in self._simulated(principal, actions, resource):
                    if one["EvalDecision"] != "allowed":
                        yield _told(name, principal, one, resource)
        except AwsError as error:
            writes = ", ".join(
                action
                for actions in by_resource.values()
                for action in actions
                if not action.partition(":")[2].startswith(("Describe", "List", "Get"))
            )
            self.unproven.append(
                f"{name}: whether {writes} are permitted could not be proven beforehand, reads "
                f"were tried: {error}"
            )

    def _simulated(
        self, principal: str, actions: Sequence[str], resource: str
    ) -> list[Mapping[str, Any]]:
        context = {
            "aws:RequestedRegion": self.published.region,
            "application-autoscaling:service-namespace": "ecs",
            "cloudwatch:namespace": f"Slipway/{self.published.environment}",
            "ecs:CreateAction": "RegisterTaskDefinition",
            "iam:PassedToService": "ecs-tasks.amazonaws.com",
        }
        answer = self.iam(
            "simulate_principal_policy",
            on=principal,
            PolicySourceArn=principal,
            ActionNames=list(actions),
            ResourceArns=[resource],
            ContextEntries=[
                {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
                for key, value in context.items()
            ],
        )
        return answer["EvaluationResults"]

    def _principal(self) -> str:
        """The ARN of the user or role behind the credentials; a session of a role has none."""
        own = str(self.sts("get_caller_identity", on="whoever runs this")["Arn"])
        kind, _, rest = own.rpartition(":")[2].partition("/")
        if kind != "assumed-role":
            return own
        name = rest.partition("/")[0]
        return str(self.iam("get_role", on=f"role {name}", RoleName=name)["Role"]["Arn"])


@dataclass(frozen=True)
class Permitted:
    """Whoever runs this may do all that the cutover of a service needs."""

    permissions: Permissions
    needs: Callable[[EcsSides], Iterable[Need]]

    def __call__(self, sides: EcsSides) -> Iterator[str]:
        """Ask for each of them."""
        return self.permissions.denied(sides.name, self.needs(sides))


def ecs_needs(sides: EcsSides) -> Iterator[Need]:
    """What the sides of one service are read and changed with."""
    states = sides.fleet.states(sides.old.service, sides.new.service)
    for state in states:
        yield Need("ecs:DescribeServices", state.arn)
        yield Need("ecs:UpdateService", state.arn)
    definition = sides.fleet.definitions.read(states[0].definition)
    revisions = f"{str(definition['taskDefinitionArn']).rpartition(':')[0]}:*"
    yield Need("ecs:DescribeTaskDefinition")
    yield Need("ecs:RegisterTaskDefinition", revisions)
    yield Need("ecs:TagResource", revisions)
    yield Need("ecs:ListTasks")
    start, _, _ = states[0].arn.partition(":service/")
    yield Need("ecs:DescribeTasks", f"{start}:task/{sides.fleet.cluster}/*")
    yield Need("application-autoscaling:DescribeScalableTargets")
    yield Need("application-autoscaling:RegisterScalableTarget")
    for role in ("executionRoleArn", "taskRoleArn"):
        if role in definition:
            yield Need("iam:PassRole", definition[role])
    if there := pulled(sides.fleet.image(states[0].definition)):
        own = start.replace(":ecs:", ":ecr:")
        yield Need("ecr:DescribeImages", f"{own}:repository/{there.repository}")


def balanced_needs(sides: EcsSides) -> Iterator[Need]:
    """The same of a service behind a load balancer."""
    yield from ecs_needs(sides)
    for read in ("DescribeRules", "DescribeTargetGroups", "DescribeTargetHealth"):
        yield Need(f"elasticloadbalancing:{read}")
    if sides.record.rule:
        yield Need("elasticloadbalancing:ModifyRule", sides.record.rule)


def _told(name: str, principal: str, result: Mapping[str, Any], resource: str) -> str:
    boundary = result.get("PermissionsBoundaryDecisionDetail", {})
    why = (
        "its permissions boundary does not allow it"
        if boundary.get("AllowedByPermissionsBoundary") is False
        else f"IAM would say {result['EvalDecision']}"
    )
    return (
        f"{name}: {principal} may not {result['EvalActionName']} on {resource}: {why}. Apply the "
        "foundation, or take on the role that releases"
    )
