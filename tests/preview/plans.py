"""Plans made by hand: a stack with two components, and what stands below them."""

from collections.abc import Mapping
from datetime import date, timedelta

from plan import Cited, Options, Plan, Resource, Source, Value
from plan.model import STACK_TYPE
from policies.configuration import settings_by_rule
from policies.judgement import judge
from policies.registry import rules
from policies.waivers import Waiver
from preview.verdict import Verdict
from standards import Tier

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
TODAY = date(2026, 5, 4)


def urn(type_: str, name: str) -> str:
    """The URN of a resource of the plans below."""
    return f"urn:pulumi:production::slipway::{type_}::{name}"


STACK = Resource(urn=urn(STACK_TYPE, "slipway-production"), type=STACK_TYPE, name="production")
PROVIDER = Resource(
    urn=urn("pulumi:providers:aws", "main"),
    type="pulumi:providers:aws",
    name="main",
    parent=STACK.urn,
)
NETWORK = Resource(
    urn=urn("slipway:network:Network", "network"),
    type="slipway:network:Network",
    name="network",
    parent=STACK.urn,
    source=Source("stacks/declare.py", 12),
)


def resource(  # noqa: PLR0913 - each is a part of a resource
    type_: str,
    name: str,
    inputs: Mapping[str, Value] | None = None,
    *,
    parent: Resource | None = NETWORK,
    protect: bool = False,
    figures: tuple[Cited, ...] = (),
    refers: Mapping[str, Resource] | None = None,
) -> Resource:
    """A resource that the provider manages, declared in line 7 of a file."""
    return Resource(
        urn=urn(type_, name),
        type=type_,
        name=name,
        parent=parent.urn if parent else None,
        provider=PROVIDER.urn,
        inputs=inputs or {},
        options=Options(protect=protect),
        property_dependencies={key: (to.urn,) for key, to in (refers or {}).items()},
        source=Source("stacks/network.py", 7),
        figures=figures,
    )


def plan(*resources: Resource, warnings: tuple[str, ...] = ()) -> Plan:
    """A plan of `resources` in a stack with one component."""
    return Plan(
        project="slipway",
        stack="production",
        resources=(STACK, PROVIDER, NETWORK, *resources),
        warnings=warnings,
    )


def alarm(name: str = "prover-cpu") -> Resource:
    """An alarm that tells nobody; its threshold and window are the standards'."""
    return resource(
        ALARM,
        name,
        {"threshold": 70, "evaluationPeriods": 10},
        figures=(
            Cited("threshold", "SCALE-01", "cpu_above_percent"),
            Cited("evaluationPeriods", "SCALE-01", "cpu_window_minutes"),
        ),
    )


def verdict(*resources: Resource, tier: Tier = Tier.PRODUCTION) -> Verdict:
    """What three rules say of `plan(*resources)`: of two severities, one of them relating."""
    made = plan(*resources)
    pack = [rules()[name] for name in ("alarm-actions", "vpc-default-sg-closed", "vpc-flow-logs")]
    judgement = judge(made, pack, settings_by_rule(pack, tier))
    return Verdict(
        title="production",
        tier=tier,
        plan=made,
        judgement=judgement,
        limits=("a limit", "a thing is unknown"),
    )


def waiver(rule: str, waived: Resource, *, days: int = 60) -> Waiver:
    """A waiver of `rule` for the resource `waived`, in force for `days` from `TODAY` on."""
    return Waiver(
        rule=rule,
        resource=waived.urn,
        reason="The old network goes away next month.",
        owner="ada@example.com",
        approver="grace@example.com",
        expires=TODAY + timedelta(days=days),
    )
