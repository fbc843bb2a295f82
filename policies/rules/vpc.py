"""Rules for networks: VPCs, subnets and their flow logs."""

from plan.graph import Graph
from policies.nodes import Node, Subject
from policies.outcomes import Outcome, fail, require, some
from policies.registry import Controls, Given, Ref, rule
from policies.settings import Settings, Severity

VPC = "aws:ec2/vpc:Vpc"
FLOW_LOG = "aws:ec2/flowLog:FlowLog"


@rule(
    types=[VPC],
    severity=Severity.MEDIUM,
    requirements=["SEC-15"],
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

    logs = [Subject(log) for log in graph.referrers(vpc.resource, FLOW_LOG, key="vpcId")]
    if not logs:
        return fail("no flow log records the traffic of this VPC")
    return some(logs, records_rejections, "no flow log of this VPC records rejected traffic")
