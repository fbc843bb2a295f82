"""Rules for groups of instances: EC2 Auto Scaling."""

from typing import Final

from pydantic import Field

from plan.graph import Graph
from policies.nodes import Node, Subject
from policies.outcomes import (
    PASS,
    NotApplicable,
    Outcome,
    all_of,
    attempt,
    fail,
    require,
)
from policies.registry import Controls, Given, Ref, rule
from policies.relations import SUBNET, companions, in_two_zones
from policies.settings import Settings, Severity
from standards import figure

GROUP: Final = "aws:autoscaling/group:Group"
ATTACHMENTS: Final = (
    "aws:autoscaling/attachment:Attachment",
    "aws:autoscaling/trafficSourceAttachment:TrafficSourceAttachment",
)
ATTACHMENT, TRAFFIC_ATTACHMENT = ATTACHMENTS

_BALANCERS: Final = ("targetGroupArns", "loadBalancers", "trafficSources")


@rule(
    types=[GROUP],
    severity=Severity.LOW,
    controls=Controls(fsbp=("AutoScaling.1",), checkov=("CKV2_AWS_15",)),
    remediation="""
        Replace an instance when the balancer finds it unhealthy, and not only when it is gone:

            aws.autoscaling.Group("workers", target_group_arns=[target.arn],
                                  health_check_type="ELB", ...)
        """,
    passing=[
        (Given(GROUP, "workers", {"targetGroupArns": ["arn"], "healthCheckType": "ELB"}),),
        (Given(GROUP, "workers", {"loadBalancers": ["edge"], "healthCheckType": "EBS,ELB"}),),
        (
            Given(GROUP, "workers", {"healthCheckType": "ELB"}),
            Given(ATTACHMENT, "edge", {"autoscalingGroupName": Ref("workers")}),
        ),
    ],
    failing=[
        (Given(GROUP, "workers", {"targetGroupArns": ["arn"]}),),
        (Given(GROUP, "workers", {"loadBalancers": ["edge"], "healthCheckType": "EC2"}),),
        (
            Given(GROUP, "workers", {"name": "workers", "healthCheckType": "EC2"}),
            Given(ATTACHMENT, "edge", {"autoscalingGroupName": "workers"}),
        ),
        (
            Given(GROUP, "workers"),
            Given(TRAFFIC_ATTACHMENT, "edge", {"autoscalingGroupName": Ref("workers")}),
        ),
    ],
    absence_is_safe=True,
)
def asg_elb_health_check(group: Subject, _: Settings, graph: Graph) -> Outcome:
    """A scaling group behind a balancer uses the balancer's health check.

    An instance that runs but answers nothing otherwise stays in the group forever.
    """
    checks = (group.text("healthCheckType") or "EC2").split(",")
    if any(check.strip() in {"ELB", "VPC_LATTICE"} for check in checks):
        return PASS
    behind = any(group.has(key) for key in _BALANCERS) or companions(
        group.resource, graph, ATTACHMENTS, "autoscalingGroupName"
    )
    if not behind:
        return NotApplicable("no balancer is in front of it")
    return fail("does not look at the balancer's health check", "healthCheckType")


class Instances(Settings):
    """How many instances a group of production runs at least."""

    min_count: int = Field(
        default=figure("SVC-01", "instances_min_count").count,
        ge=figure("SVC-01", "instances_min_count").count,
    )


_ZONES: Final = (
    Given(SUBNET, "a", {"availabilityZone": "eu-central-1a"}),
    Given(SUBNET, "also-a", {"availabilityZone": "eu-central-1a"}),
    Given(SUBNET, "b", {"availabilityZone": "eu-central-1b"}),
)


@rule(
    types=[GROUP],
    severity=Severity.MEDIUM,
    requirements=["SVC-01"],
    controls=Controls(fsbp=("AutoScaling.2",)),
    settings=Instances,
    remediation="""
        Spread it over the subnets of two zones, and never scale in below two instances:

            aws.autoscaling.Group("workers", min_size=2,
                vpc_zone_identifiers=[subnet.id for subnet in private_subnets], ...)
        """,
    passing=[
        (
            *_ZONES,
            Given(GROUP, "workers", {"minSize": 2, "vpcZoneIdentifiers": [Ref("a"), Ref("b")]}),
        ),
        (
            Given(
                GROUP,
                "workers",
                {"minSize": "3", "availabilityZones": ["eu-central-1a", "eu-central-1b"]},
            ),
        ),
    ],
    failing=[
        (
            *_ZONES,
            Given(GROUP, "workers", {"minSize": 1, "vpcZoneIdentifiers": [Ref("a"), Ref("b")]}),
        ),
        (*_ZONES, Given(GROUP, "workers", {"minSize": 2, "vpcZoneIdentifiers": [Ref("a")]})),
        (Given(GROUP, "workers", {"minSize": 2, "vpcZoneIdentifiers": ["subnet-1"]}),),
        (
            *_ZONES,
            Given(
                GROUP, "workers", {"minSize": 2, "vpcZoneIdentifiers": [Ref("a"), Ref("also-a")]}
            ),
        ),
        (
            Given(
                GROUP,
                "workers",
                {"minSize": 2, "availabilityZones": ["eu-central-1a", "eu-central-1a"]},
            ),
        ),
        (Given(GROUP, "workers", {"minSize": 2}),),
    ],
)
def asg_multi_az(group: Subject, settings: Instances, graph: Graph) -> Outcome:
    """A scaling group spans two zones, with two instances in production.

    The loss of an instance, or of a zone, then costs capacity and not the service.
    """

    def zones() -> Outcome:
        if group.has("vpcZoneIdentifiers"):
            subnets = group.each("vpcZoneIdentifiers")
            if len(subnets) == 1 and not graph.references(group.resource, "vpcZoneIdentifiers"):
                return fail(f"runs in one subnet, {subnets[0].as_text()}", "vpcZoneIdentifiers")
            return in_two_zones(group, graph, "vpcZoneIdentifiers")
        named = set(group.texts("availabilityZones"))
        return require(
            len(named) > 1,
            f"runs in one zone, {named.pop()}" if named else "names neither subnets nor zones",
            "vpcZoneIdentifiers",
        )

    def size() -> Outcome:
        least = group.number("minSize") or 0
        return require(
            not settings.is_production or least >= settings.min_count,
            f"scales in to {least:g}, fewer than {settings.min_count} instances",
            "minSize",
        )

    return all_of(attempt(zones), attempt(size))


@rule(
    types=[GROUP],
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("AutoScaling.9",), checkov=("CKV_AWS_315",)),
    remediation="""
        Start its instances from a launch template:

            aws.autoscaling.Group("workers",
                launch_template={"id": template.id, "version": template.latest_version}, ...)
        """,
    passing=[
        (Given(GROUP, "workers", {"launchTemplate": {"id": "lt-1", "version": "7"}}),),
        (Given(GROUP, "workers", {"launchTemplate": {"name": "workers"}}),),
        (
            Given("aws:ec2/launchTemplate:LaunchTemplate", "small"),
            Given(
                GROUP,
                "workers",
                {
                    "mixedInstancesPolicy": {
                        "launchTemplate": {
                            "launchTemplateSpecification": {"launchTemplateId": Ref("small")}
                        }
                    }
                },
            ),
        ),
    ],
    failing=[
        (Given(GROUP, "workers", {"launchConfiguration": "workers"}),),
        (Given(GROUP, "workers", {"minSize": 2}),),
        (
            Given("aws:ec2/launchConfiguration:LaunchConfiguration", "old"),
            Given(GROUP, "workers", {"launchConfiguration": Ref("old")}),
        ),
        (Given(GROUP, "workers", {"launchTemplate": {"version": "$Latest"}}),),
    ],
)
def asg_launch_template(group: Subject) -> Outcome:
    """A scaling group starts its instances from a launch template.

    AWS gives new instance types and new options of safety to templates alone.
    """

    def names_one(template: Node, *keys: str) -> bool:
        return any(template.has_text(key) for key in keys)

    if group.has("launchConfiguration"):
        return fail("uses a launch configuration", "launchConfiguration")
    mixed = group.node("mixedInstancesPolicy").node("launchTemplate")
    return require(
        names_one(group.node("launchTemplate"), "id", "name")
        or names_one(
            mixed.node("launchTemplateSpecification"), "launchTemplateId", "launchTemplateName"
        ),
        "uses no launch template",
        "launchTemplate",
    )
