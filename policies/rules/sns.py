"""Rules for topics: SNS."""

from typing import Final

from policies.audience import admits_somebody
from policies.nodes import Subject
from policies.outcomes import Outcome, every, require
from policies.registry import Controls, Given, Ref, rule
from policies.settings import Severity
from policies.statements import statements

TOPIC: Final = "aws:sns/topic:Topic"
TOPIC_POLICY: Final = "aws:sns/topicPolicy:TopicPolicy"


@rule(
    types=[TOPIC],
    severity=Severity.MEDIUM,
    requirements=["SEC-11"],
    controls=Controls(fsbp=("SNS.1",), checkov=("CKV_AWS_26",)),
    remediation="""
        Encrypt its messages; a key of your own can let alarms and other services publish:

            aws.sns.Topic("alerts", kms_master_key_id=key.arn)
        """,
    passing=[
        (Given(TOPIC, "alerts", {"kmsMasterKeyId": "alias/aws/sns"}),),
        (
            Given("aws:kms/key:Key", "key"),
            Given(TOPIC, "alerts", {"kmsMasterKeyId": Ref("key")}),
        ),
    ],
    failing=[(Given(TOPIC, "alerts", {"displayName": "Alerts"}),)],
)
def sns_kms(topic: Subject) -> Outcome:
    """Messages of each topic are encrypted by a key.

    Alerts name hosts, customers and faults: what an intruder would like to read first.
    """
    return require(
        topic.has_text("kmsMasterKeyId"), "its messages are not encrypted", "kmsMasterKeyId"
    )


def _policy(principal: str, condition: str = "") -> str:
    """A policy that lets `principal` publish, for the examples."""
    return (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sns:Publish",'
        f' "Resource": "*", "Principal": {principal}{condition}}}]}}'
    )


_OWN_ACCOUNT: Final = ', "Condition": {"StringEquals": {"AWS:SourceOwner": "123456789012"}}'
_OVER_TLS: Final = ', "Condition": {"Bool": {"aws:SecureTransport": "true"}}'


@rule(
    types=[TOPIC, TOPIC_POLICY],
    severity=Severity.HIGH,
    controls=Controls(fsbp=("SNS.4",), checkov=("CKV_AWS_169", "CKV_AWS_385")),
    remediation="""
        Name who may publish, or the account that has to ask:

            aws.sns.TopicPolicy("alerts", arn=topic.arn, policy=json.dumps({
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "sns:Publish",
                               "Resource": "arn:aws:sns:eu-central-1:123456789012:alerts",
                               "Principal": {"Service": "cloudwatch.amazonaws.com"}}]}))
        """,
    passing=[
        (
            Given(
                TOPIC_POLICY,
                "alarms",
                {"policy": _policy('{"Service": "cloudwatch.amazonaws.com"}')},
            ),
        ),
        (Given(TOPIC, "alerts", {"policy": _policy('{"AWS": "*"}', _OWN_ACCOUNT)}),),
        (
            Given(
                TOPIC_POLICY,
                "tls",
                {"policy": _policy('"*"', _OVER_TLS).replace("Allow", "Deny")},
            ),
        ),
    ],
    failing=[
        (Given(TOPIC_POLICY, "open", {"policy": _policy('"*"')}),),
        (Given(TOPIC, "open", {"policy": _policy('{"AWS": ["123456789012", "*"]}')}),),
        (Given(TOPIC_POLICY, "tls", {"policy": _policy('"*"', _OVER_TLS)}),),
        (
            Given(
                TOPIC_POLICY,
                "most",
                {"policy": _policy('{"AWS": "123456789012"}').replace("Principal", "NotPrincipal")},
            ),
        ),
        (
            Given(
                TOPIC_POLICY,
                "anyone",
                {"policy": _policy('"*"', _OWN_ACCOUNT.replace("123456789012", "*"))},
            ),
        ),
    ],
    absence_is_safe=True,
)
def sns_not_public(topic: Subject) -> Outcome:
    """A topic's policy admits nobody in general.

    Anyone could otherwise raise false alarms, or subscribe and read the real ones.
    """
    return every(statements(topic.document("policy"), "Allow"), admits_somebody)
