"""Rules for networks: VPCs, flow logs and security groups."""

from typing import Final

from pydantic import Field

from plan.graph import Graph
from policies.nodes import Node, Subject
from policies.outcomes import Outcome, every, fail, require, some
from policies.registry import Controls, Given, Ref, rule
from policies.relations import companions
from policies.settings import Settings, Severity
from policies.traffic import (
    DEFAULT_GROUP,
    GROUP_RULE,
    INGRESS_RULE,
    INGRESS_TYPES,
    SECURITY_GROUP,
    all_but,
    any_of,
    closed_to_the_world,
)
from standards import figure

VPC: Final = "aws:ec2/vpc:Vpc"
FLOW_LOG: Final = "aws:ec2/flowLog:FlowLog"

_SSH: Final = 22
_HIGH_RISK_PORTS: Final = frozenset(
    {
        *(20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 3000, 3306, 3389, 4333, 5000),
        *(5432, 5500, 5601, 8080, 8088, 8888, 9200, 9300),
    }
)
"""FSBP EC2.19: databases, administration, file shares, mail and development servers."""

_HTTPS: Final = {"protocol": "tcp", "fromPort": 443, "toPort": 443}


class PublicPorts(Settings):
    """Which ports may be open to the internet."""

    http_port: int = Field(default=figure("NET-01", "http_redirect_port").count, ge=1, le=65535)
    https_port: int = Field(default=figure("NET-01", "https_port").count, ge=1, le=65535)


@rule(
    types=[VPC],
    severity=Severity.MEDIUM,
    requirements=["AUD-03"],
    controls=Controls(fsbp=("EC2.6",), cis=("3.7",), checkov=("CKV2_AWS_11",)),
    remediation="""
        Add a flow log that records rejected traffic at least:

            aws.ec2.FlowLog("flow-log", vpc_id=vpc.id, traffic_type="ALL",
                            log_destination=group.arn, iam_role_arn=role.arn)
        """,
    passing=[
        (
            Given(VPC, "vpc"),
            Given(FLOW_LOG, "log", {"vpcId": Ref("vpc"), "trafficType": "ALL"}),
        ),
    ],
    failing=[
        (Given(VPC, "vpc"),),
        (
            Given(VPC, "vpc"),
            Given(FLOW_LOG, "log", {"vpcId": Ref("vpc"), "trafficType": "ACCEPT"}),
        ),
    ],
)
def vpc_flow_logs(vpc: Subject, _: Settings, graph: Graph) -> Outcome:
    """Each VPC has a flow log.

    Without one nobody can say afterwards who talked to whom, or who tried.
    """

    def records_rejections(log: Node) -> Outcome:
        recorded = log.text("trafficType")
        return require(recorded in {"ALL", "REJECT"}, f"flow log records only {recorded}")

    logs = companions(vpc.resource, graph, [FLOW_LOG], "vpcId")
    if not logs:
        return fail("no flow log records the traffic of this VPC")
    return some(logs, records_rejections, "no flow log of this VPC records rejected traffic")


@rule(
    types=[VPC],
    severity=Severity.HIGH,
    requirements=["NET-11"],
    controls=Controls(fsbp=("EC2.2",), cis=("5.5",), checkov=("CKV2_AWS_12",)),
    remediation="""
        Adopt the VPC's default group and give it no rules, so that whatever forgets to name a group
        can reach nothing:

            aws.ec2.DefaultSecurityGroup("closed", vpc_id=vpc.id, ingress=[], egress=[])
        """,
    passing=[
        (Given(VPC, "vpc"), Given(DEFAULT_GROUP, "closed", {"vpcId": Ref("vpc")})),
        (
            Given(VPC, "vpc"),
            Given(DEFAULT_GROUP, "closed", {"vpcId": Ref("vpc"), "ingress": [], "egress": []}),
        ),
    ],
    failing=[
        (Given(VPC, "vpc"),),
        (
            Given(VPC, "vpc"),
            Given(
                DEFAULT_GROUP,
                "open",
                {"vpcId": Ref("vpc"), "egress": [{"protocol": "-1", "cidrBlocks": ["0.0.0.0/0"]}]},
            ),
        ),
    ],
)
def vpc_default_sg_closed(vpc: Subject, _: Settings, graph: Graph) -> Outcome:
    """The default security group of each VPC carries no rules.

    Whatever is created without naming a group lands in it, and its rules let members talk freely.
    """
    groups = companions(vpc.resource, graph, [DEFAULT_GROUP], "vpcId")
    if not groups:
        return fail("the default security group is not adopted, so AWS's open rules hold")
    return every(
        [(group, key) for group in groups for key in ("ingress", "egress")],
        lambda pair: require(not pair[0].nodes(pair[1]), f"{pair[0].name} has {pair[1]} rules"),
    )


@rule(
    types=INGRESS_TYPES,
    severity=Severity.HIGH,
    requirements=["NET-01", "PIPE-10"],
    controls=Controls(fsbp=("EC2.13", "EC2.54"), cis=("5.3", "5.4"), checkov=("CKV_AWS_24",)),
    remediation="""
        Remove the rule. Reach a container through Session Manager, which opens no port:

            aws.ecs.Service("api", enable_execute_command=True, ...)
        """,
    passing=[
        (
            Given(
                SECURITY_GROUP,
                "web",
                {"ingress": [{**_HTTPS, "cidrBlocks": ["0.0.0.0/0"], "ipv6CidrBlocks": ["::/0"]}]},
            ),
        ),
        (
            Given(
                GROUP_RULE,
                "bastion",
                {
                    "type": "ingress",
                    "protocol": "tcp",
                    "fromPort": 22,
                    "toPort": 22,
                    "cidrBlocks": ["10.0.0.0/8"],
                },
            ),
        ),
        (Given(INGRESS_RULE, "ping", {"ipProtocol": "icmp", "cidrIpv4": "0.0.0.0/0"}),),
        (
            Given(
                GROUP_RULE,
                "out",
                {"type": "egress", "protocol": "-1", "cidrBlocks": ["0.0.0.0/0"]},
            ),
        ),
    ],
    failing=[
        (
            Given(
                SECURITY_GROUP,
                "admin",
                {
                    "ingress": [
                        {
                            "protocol": "tcp",
                            "fromPort": 20,
                            "toPort": 30,
                            "cidrBlocks": ["10.0.0.0/8", "0.0.0.0/0"],
                        }
                    ]
                },
            ),
        ),
        (
            Given(
                GROUP_RULE,
                "everything",
                {"type": "ingress", "protocol": "-1", "ipv6CidrBlocks": ["::/0"]},
            ),
        ),
        (
            Given(
                INGRESS_RULE,
                "half",
                {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIpv4": "128.0.0.0/1"},
            ),
        ),
    ],
    absence_is_safe=True,
)
def sg_no_world_ssh(group: Subject) -> Outcome:
    """Port 22 is closed to the internet.

    An open one is found within minutes and guessed at from then on.
    """
    return closed_to_the_world(group, any_of({_SSH}))


@rule(
    types=INGRESS_TYPES,
    severity=Severity.CRITICAL,
    requirements=["NET-01", "NET-11"],
    controls=Controls(fsbp=("EC2.19",), cis=("5.1.2",)),
    remediation="""
        Let in the group of the tier in front instead of addresses:

            aws.vpc.SecurityGroupIngressRule("database-from-api", security_group_id=database.id,
                                             referenced_security_group_id=api.id,
                                             ip_protocol="tcp", from_port=5432, to_port=5432)
        """,
    passing=[
        (
            Given(
                INGRESS_RULE,
                "database",
                {
                    "ipProtocol": "tcp",
                    "fromPort": 5432,
                    "toPort": 5432,
                    "referencedSecurityGroupId": "sg-0123456789abcdef0",
                },
            ),
        ),
    ],
    failing=[
        (
            Given(
                SECURITY_GROUP,
                "database",
                {
                    "ingress": [
                        {
                            "protocol": "TCP",
                            "fromPort": "5432",
                            "toPort": "5432",
                            "cidrBlocks": ["0.0.0.0/0"],
                        }
                    ]
                },
            ),
        ),
        (
            Given(
                INGRESS_RULE,
                "search",
                {"ipProtocol": "tcp", "fromPort": 9000, "toPort": 9999, "cidrIpv6": "::/0"},
            ),
        ),
    ],
    absence_is_safe=True,
)
def sg_high_risk_ports(group: Subject) -> Outcome:
    """Database, administration and file-share ports are never open to the internet.

    What listens there trusts whoever reaches it more than anything public should.
    """
    return closed_to_the_world(group, any_of(_HIGH_RISK_PORTS))


@rule(
    types=INGRESS_TYPES,
    severity=Severity.HIGH,
    requirements=["NET-01"],
    controls=Controls(fsbp=("EC2.18",), checkov=("CKV_AWS_260", "CKV_AWS_277")),
    settings=PublicPorts,
    remediation="""
        Open ports 80 and 443 alone, on the load balancer's group:

            aws.vpc.SecurityGroupIngressRule("https", security_group_id=balancer.id,
                                             ip_protocol="tcp", from_port=443, to_port=443,
                                             cidr_ipv4="0.0.0.0/0")
        """,
    passing=[
        (Given(SECURITY_GROUP, "web", {"ingress": [{**_HTTPS, "cidrBlocks": ["0.0.0.0/0"]}]}),),
        (
            Given(
                INGRESS_RULE,
                "peers",
                {"ipProtocol": "tcp", "fromPort": 0, "toPort": 65535, "cidrIpv4": "10.0.0.0/8"},
            ),
        ),
    ],
    failing=[
        (
            Given(
                INGRESS_RULE,
                "metrics",
                {"ipProtocol": "tcp", "fromPort": 443, "toPort": 9090, "cidrIpv4": "0.0.0.0/0"},
            ),
        ),
        (Given(SECURITY_GROUP, "all", {"ingress": [{"protocol": -1, "cidrBlocks": ["::/0"]}]}),),
    ],
    absence_is_safe=True,
)
def sg_authorized_public_ports(group: Subject, settings: PublicPorts) -> Outcome:
    """Only the ports of web traffic are open to the internet.

    The load balancer is the one way in; every other open port is a way around it.
    """
    return closed_to_the_world(group, all_but({settings.http_port, settings.https_port}))
