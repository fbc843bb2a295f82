"""Rules for security groups: administration, what they let out, and what is said of them."""

from typing import Final

from plan.graph import Graph
from policies.nodes import Node, Subject
from policies.outcomes import PASS, Outcome, every, fail, require
from policies.registry import Controls, Given, Ref, rule
from policies.settings import Settings, Severity
from policies.traffic import (
    EGRESS_RULE,
    EGRESS_TYPES,
    GROUP_RULE,
    INGRESS_RULE,
    INGRESS_TYPES,
    IPV6_ADDRESSES,
    SECURITY_GROUP,
    any_of,
    closed_to_the_world,
    egress,
    entry_closed_to_the_world,
    every_port,
    ingress,
)

RDP: Final = 3389
ADMINISTRATION: Final = frozenset({22, RDP})

_PROVIDER_DEFAULTS: Final = frozenset({"managed by pulumi", "managed by terraform"})
_OF_GROUPS: Final = ("aws:ec2/securityGroup", "aws:vpc/securityGroup")
"""How the types of a group's rules start: they belong to it, and do not use it."""


def _tcp(first: int, last: int, **source: object) -> dict[str, object]:
    """An entry that opens TCP ports, for the examples."""
    return {"protocol": "tcp", "fromPort": first, "toPort": last, **source}


def _separate(port: int, **source: object) -> dict[str, object]:
    """A separate rule that opens one TCP port, for the examples."""
    return {"ipProtocol": "tcp", "fromPort": port, "toPort": port, **source}


@rule(
    types=INGRESS_TYPES,
    severity=Severity.HIGH,
    requirements=["NET-01"],
    controls=Controls(fsbp=("EC2.14",), cis=("5.3",), checkov=("CKV_AWS_25",)),
    remediation="""
        Remove the rule. Reach a Windows instance through Session Manager, which opens no port:

            aws ssm start-session --target i-0123456789abcdef0 \\
                --document-name AWS-StartPortForwardingSession --parameters portNumber=3389
        """,
    passing=[
        (
            Given(
                SECURITY_GROUP,
                "web",
                {"ingress": [_tcp(443, 443, cidrBlocks=["0.0.0.0/0"])]},
            ),
        ),
        (
            Given(
                GROUP_RULE,
                "office",
                {"type": "ingress", **_tcp(3389, 3389, cidrBlocks=["10.0.0.0/8"])},
            ),
        ),
        (Given(GROUP_RULE, "out", {"type": "egress", **_tcp(0, 65535, cidrBlocks=["0.0.0.0/0"])}),),
    ],
    failing=[
        (
            Given(
                SECURITY_GROUP,
                "desktop",
                {"ingress": [_tcp(3000, 4000, cidrBlocks=["10.0.0.0/8", "0.0.0.0/0"])]},
            ),
        ),
        (
            Given(
                GROUP_RULE,
                "everything",
                {"type": "ingress", "protocol": "-1", "ipv6CidrBlocks": ["::/0"]},
            ),
        ),
        (Given(INGRESS_RULE, "desktop", _separate(3389, cidrIpv4="0.0.0.0/0")),),
    ],
    absence_is_safe=True,
)
def sg_no_world_rdp(group: Subject) -> Outcome:
    """Port 3389 is closed to the internet.

    Remote desktops are guessed at all day, and their flaws are how much ransomware comes in.
    """
    return closed_to_the_world(group, any_of({RDP}))


@rule(
    types=INGRESS_TYPES,
    severity=Severity.HIGH,
    requirements=["NET-01", "PIPE-10"],
    controls=Controls(fsbp=("EC2.54",), cis=("5.4",), checkov=("CKV_AWS_24", "CKV_AWS_25")),
    remediation="""
        Remove the rule. Who closes a port to 0.0.0.0/0 has to close it to ::/0, too:

            aws.ecs.Service("api", enable_execute_command=True, ...)
        """,
    passing=[
        (
            Given(
                SECURITY_GROUP,
                "web",
                {"ingress": [_tcp(443, 443, ipv6CidrBlocks=["::/0"])]},
            ),
        ),
        (Given(INGRESS_RULE, "bastion", _separate(22, cidrIpv6="fd00::/8")),),
        (Given(INGRESS_RULE, "old", _separate(22, cidrIpv4="0.0.0.0/0")),),
    ],
    failing=[
        (
            Given(
                SECURITY_GROUP,
                "admin",
                {"ingress": [_tcp(20, 30, ipv6CidrBlocks=["fd00::/8", "::/0"])]},
            ),
        ),
        (
            Given(
                GROUP_RULE,
                "desktop",
                {"type": "ingress", **_tcp(3389, 3389, ipv6CidrBlocks=["::/0"])},
            ),
        ),
        (Given(INGRESS_RULE, "half", _separate(22, cidrIpv6="8000::/1")),),
        (Given(INGRESS_RULE, "all", {"ipProtocol": "-1", "cidrIpv6": "0::/0"}),),
    ],
    absence_is_safe=True,
)
def sg_no_world_admin_ipv6(group: Subject) -> Outcome:
    """Ports 22 and 3389 are closed to the IPv6 internet.

    Whoever thinks of 0.0.0.0/0 alone leaves the second door open.
    """
    return every(
        ingress(group),
        lambda entry: entry_closed_to_the_world(entry, any_of(ADMINISTRATION), IPV6_ADDRESSES),
    )


@rule(
    types=EGRESS_TYPES,
    severity=Severity.MEDIUM,
    controls=Controls(checkov=("CKV_AWS_382",)),
    remediation="""
        Let out what is needed, to where it is needed:

            aws.vpc.SecurityGroupEgressRule("https", security_group_id=group.id,
                description="TLS to the network's endpoints", ip_protocol="tcp",
                from_port=443, to_port=443, cidr_ipv4="10.0.0.0/16")
        """,
    passing=[
        (
            Given(
                SECURITY_GROUP,
                "api",
                {"egress": [_tcp(443, 443, cidrBlocks=["0.0.0.0/0"], ipv6CidrBlocks=["::/0"])]},
            ),
        ),
        (Given(EGRESS_RULE, "inside", {"ipProtocol": "-1", "cidrIpv4": "10.0.0.0/8"}),),
        (
            Given(
                GROUP_RULE,
                "in",
                {"type": "ingress", "protocol": "-1", "cidrBlocks": ["0.0.0.0/0"]},
            ),
        ),
    ],
    failing=[
        (
            Given(
                SECURITY_GROUP,
                "api",
                {
                    "egress": [
                        _tcp(443, 443, cidrBlocks=["0.0.0.0/0"]),
                        {
                            "protocol": "-1",
                            "fromPort": 0,
                            "toPort": 0,
                            "cidrBlocks": ["0.0.0.0/0"],
                        },
                    ]
                },
            ),
        ),
        (Given(EGRESS_RULE, "all", {"ipProtocol": "-1", "cidrIpv6": "::/0"}),),
        (
            Given(
                GROUP_RULE,
                "tcp",
                {"type": "egress", **_tcp(0, 65535, cidrBlocks=["0.0.0.0/0"])},
            ),
        ),
    ],
    absence_is_safe=True,
)
def sg_no_all_egress(group: Subject) -> Outcome:
    """No rule lets everything out to the internet.

    What breaks in wants to call home and to send away what it found. All ports of one protocol are
    as good to it as all protocols.
    """
    return every(egress(group), lambda entry: entry_closed_to_the_world(entry, every_port))


@rule(
    types=[SECURITY_GROUP, GROUP_RULE, INGRESS_RULE, EGRESS_RULE],
    severity=Severity.LOW,
    controls=Controls(checkov=("CKV_AWS_23",)),
    remediation="""
        Say who may reach what, and why:

            aws.ec2.SecurityGroup("api", description="Tasks of the API", ...)
            aws.vpc.SecurityGroupIngressRule("api", description="Requests from the balancer", ...)
        """,
    passing=[
        (
            Given(
                SECURITY_GROUP,
                "api",
                {
                    "description": "Tasks of the API",
                    "ingress": [{**_tcp(80, 80), "description": "Requests from the balancer"}],
                    "egress": [{**_tcp(443, 443), "description": "Calls to AWS"}],
                },
            ),
        ),
        (Given(INGRESS_RULE, "api", {"description": "Requests from the balancer"}),),
        (Given(GROUP_RULE, "api", {"type": "egress", "description": "Calls to AWS"}),),
    ],
    failing=[
        (Given(SECURITY_GROUP, "api", {"description": "Managed by Pulumi"}),),
        (Given(SECURITY_GROUP, "api", {"name": "api"}),),
        (
            Given(
                SECURITY_GROUP,
                "api",
                {
                    "description": "Tasks of the API",
                    "ingress": [
                        {**_tcp(80, 80), "description": "Requests from the balancer"},
                        _tcp(81, 81),
                    ],
                },
            ),
        ),
        (Given(SECURITY_GROUP, "api", {"description": "Tasks", "egress": [{"description": " "}]}),),
        (Given(EGRESS_RULE, "api", {"ipProtocol": "-1"}),),
        (Given(GROUP_RULE, "api", {"type": "ingress", "description": ""}),),
    ],
)
def sg_rule_descriptions(group: Subject) -> Outcome:
    """Groups and their rules carry a description.

    A year later nobody dares to close a port that nobody can explain.
    """

    def described(entry: Node) -> Outcome:
        text = (entry.text("description") or "").strip()
        where = entry.at("description")
        if not text:
            return fail("has no description", where)
        return require(text.lower() not in _PROVIDER_DEFAULTS, f"says only {text!r}", where)

    entries = [*group.each("ingress"), *group.each("egress")]
    return every([group, *entries] if group.type == SECURITY_GROUP else [group], described)


@rule(
    types=[SECURITY_GROUP],
    severity=Severity.LOW,
    controls=Controls(checkov=("CKV2_AWS_5",)),
    remediation="""
        Attach it to what it is for, or remove it with its rules:

            aws.ecs.Service("api", network_configuration={"security_groups": [group.id], ...}, ...)
        """,
    passing=[
        (
            Given(SECURITY_GROUP, "api"),
            Given(
                "aws:ecs/service:Service",
                "service",
                {"networkConfiguration": {"securityGroups": [Ref("api")]}},
            ),
        ),
    ],
    failing=[
        (Given(SECURITY_GROUP, "api"),),
        (
            Given(SECURITY_GROUP, "api"),
            Given(INGRESS_RULE, "https", {"securityGroupId": Ref("api"), **_separate(443)}),
            Given(GROUP_RULE, "out", {"type": "egress", "securityGroupId": Ref("api")}),
        ),
    ],
)
def sg_in_use(group: Subject, _: Settings, graph: Graph) -> Outcome:
    """Each security group is attached to something.

    An unattached one is left over, and is found again by whoever needs open ports in a hurry.
    Rules of a group, and other groups that let it in, do not count.
    """
    using = (one for one in graph.referrers(group.resource) if not one.type.startswith(_OF_GROUPS))
    return PASS if any(using) else fail("nothing in this stack is in this group")
