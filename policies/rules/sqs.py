"""Rules for queues: SQS."""

from typing import Final

from plan.graph import Graph
from policies.audience import admits_somebody
from policies.nodes import Node, Subject
from policies.outcomes import (
    PASS,
    NotApplicable,
    Outcome,
    all_of,
    attempt,
    every,
    met,
    require,
    some,
)
from policies.registry import Controls, Given, Ref, rule
from policies.relations import companions, targets
from policies.settings import Settings, Severity
from policies.statements import is_anything, statements

QUEUE: Final = "aws:sqs/queue:Queue"
QUEUE_POLICY: Final = "aws:sqs/queuePolicy:QueuePolicy"
REDRIVE: Final = "aws:sqs/redrivePolicy:RedrivePolicy"
REDRIVE_ALLOW: Final = "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy"


@rule(
    types=[QUEUE],
    severity=Severity.MEDIUM,
    requirements=["SEC-11"],
    controls=Controls(fsbp=("SQS.1",), checkov=("CKV_AWS_27", "CKV2_AWS_73")),
    remediation="""
        Encrypt its messages with a key of your own, or with SQS's:

            aws.sqs.Queue("jobs", kms_master_key_id=key.arn)
        """,
    passing=[
        (Given(QUEUE, "jobs", {"sqsManagedSseEnabled": True}),),
        (Given(QUEUE, "jobs", {"kmsMasterKeyId": "alias/jobs"}),),
        (
            Given("aws:kms/key:Key", "key"),
            Given(QUEUE, "jobs", {"kmsMasterKeyId": Ref("key")}),
        ),
    ],
    failing=[
        (Given(QUEUE, "jobs", {"sqsManagedSseEnabled": False}),),
        (Given(QUEUE, "jobs", {"fifoQueue": True}),),
    ],
)
def sqs_encrypted(queue: Subject) -> Outcome:
    """Messages of each queue are encrypted.

    A job waits there with all that it needs, often for hours.
    """
    return require(
        queue.has_text("kmsMasterKeyId") or queue.flag("sqsManagedSseEnabled"),
        "the program does not encrypt its messages",
        "kmsMasterKeyId",
    )


def _policy(principal: str, action: str = "sqs:SendMessage", condition: str = "") -> str:
    """A policy that allows `action` to `principal`, for the examples."""
    return (
        f'{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Action": "{action}",'
        f' "Resource": "*", "Principal": {principal}{condition}}}}}'
    )


_FROM_TOPIC: Final = ', "Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:sns:::alerts"}}'
_ANY_SOURCE: Final = ', "Condition": {"ArnLike": {"aws:SourceArn": "*"}}'


@rule(
    types=[QUEUE, QUEUE_POLICY],
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("SQS.3",), checkov=("CKV_AWS_168", "CKV_AWS_387", "CKV_AWS_72")),
    remediation="""
        Name who may do what:

            aws.sqs.QueuePolicy("jobs", queue_url=queue.url, policy=json.dumps({
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage",
                               "Resource": "arn:aws:sqs:eu-central-1:123456789012:jobs",
                               "Principal": {"AWS": "arn:aws:iam::123456789012:role/api"}}]}))
        """,
    passing=[
        (Given(QUEUE_POLICY, "api", {"policy": _policy('{"AWS": "arn:aws:iam::1:role/api"}')}),),
        (Given(QUEUE, "alerts", {"policy": _policy('"*"', condition=_FROM_TOPIC)}),),
        (
            Given(
                QUEUE_POLICY, "nobody", {"policy": _policy('"*"', "sqs:*").replace("Allow", "Deny")}
            ),
        ),
    ],
    failing=[
        (Given(QUEUE_POLICY, "open", {"policy": _policy('"*"')}),),
        (Given(QUEUE, "open", {"policy": _policy('{"AWS": "*"}')}),),
        (Given(QUEUE, "any", {"policy": _policy('"*"', condition=_ANY_SOURCE)}),),
        (
            Given(
                QUEUE_POLICY,
                "everything",
                {"policy": _policy('{"AWS": "arn:aws:iam::1:role/api"}', "SQS:*")},
            ),
        ),
        (
            Given(
                QUEUE,
                "almost",
                {
                    "policy": _policy('{"AWS": "arn:aws:iam::1:role/api"}').replace(
                        "Action", "NotAction"
                    )
                },
            ),
        ),
    ],
    absence_is_safe=True,
)
def sqs_not_public(queue: Subject) -> Outcome:
    """A queue's policy admits nobody in general, and to nothing in general.

    Whoever can send makes your workers work; whoever can receive takes their work away.
    """

    def named(action: Node) -> Outcome:
        text = action.as_text()
        return require(
            not is_anything(text.partition(":")[2] or text), f"allows {text}", action.here
        )

    def narrow(statement: Node) -> Outcome:
        return all_of(
            attempt(lambda: admits_somebody(statement)),
            every(statement.each("Action"), named),
            require(
                not statement.has("NotAction"), "allows all but a few", statement.at("NotAction")
            ),
        )

    return every(statements(queue.document("policy"), "Allow"), narrow)


_REDRIVE: Final = '{"deadLetterTargetArn": "arn:aws:sqs:eu-central-1:1:dead", "maxReceiveCount": 4}'


@rule(
    types=[QUEUE],
    severity=Severity.LOW,
    remediation="""
        Move a message aside that keeps failing, and look at it later:

            dead = aws.sqs.Queue("jobs-dead")
            aws.sqs.Queue("jobs", redrive_policy=dead.arn.apply(lambda arn: json.dumps(
                {"deadLetterTargetArn": arn, "maxReceiveCount": 4})))
        """,
    passing=[
        (
            Given(QUEUE, "dead"),
            Given(QUEUE, "jobs", {"redrivePolicy": Ref("dead")}),
        ),
        (
            Given(QUEUE, "dead", {"name": "dead"}),
            Given(QUEUE, "jobs", {"redrivePolicy": _REDRIVE}),
        ),
        (
            Given(QUEUE, "dead", {"redriveAllowPolicy": '{"redrivePermission": "allowAll"}'}),
            Given(QUEUE, "jobs", {"redrivePolicy": _REDRIVE}),
        ),
        (
            Given(QUEUE, "dead"),
            Given(QUEUE, "jobs"),
            Given(REDRIVE, "aside", {"queueUrl": Ref("jobs"), "redrivePolicy": Ref("dead")}),
        ),
        (
            Given(QUEUE, "jobs", {"redrivePolicy": _REDRIVE}),
            Given(QUEUE, "dead"),
            Given(
                "aws:cloudwatch/eventTarget:EventTarget",
                "nightly",
                {"deadLetterConfig": {"arn": Ref("dead")}},
            ),
        ),
    ],
    failing=[
        (Given(QUEUE, "jobs"),),
        (Given(QUEUE, "jobs", {"redrivePolicy": '{"maxReceiveCount": 4}'}),),
        (
            Given(QUEUE, "dead"),
            Given(QUEUE, "jobs"),
            Given(QUEUE, "others", {"redrivePolicy": Ref("dead")}),
        ),
    ],
)
def sqs_dead_letter(queue: Subject, _: Settings, graph: Graph) -> Outcome:
    """A queue sets aside what keeps failing.

    One message that no worker can handle otherwise comes back until it expires, and is lost.
    Queues that others set messages aside in are not concerned.
    """
    if _is_dead_letter_queue(queue, graph):
        return NotApplicable("other queues set messages aside in it")

    def names_one(redriving: Subject) -> Outcome:
        if targets(redriving.resource, graph, "redrivePolicy", [QUEUE]):
            return PASS
        return met(redriving.document("redrivePolicy").has_text("deadLetterTargetArn"))

    message = "nothing sets aside a message that keeps failing"
    return some(
        [
            lambda: names_one(queue),
            lambda: some(
                companions(queue.resource, graph, [REDRIVE], "queueUrl"), names_one, message
            ),
        ],
        lambda named: named(),
        message,
    )


def _is_dead_letter_queue(queue: Subject, graph: Graph) -> bool:
    """Whether something sets messages aside in `queue`, or it says who may."""
    resource = queue.resource
    if graph.referrers(resource, key="redrivePolicy") or graph.referrers(
        resource, key="deadLetterConfig"
    ):
        return True
    name = resource.inputs.get("name")
    if isinstance(name, str) and name in graph.once(_dead_letter_names):
        return True
    allowing = [Subject(one) for one in graph.referrers(resource, REDRIVE_ALLOW, key="queueUrl")]
    return any(
        one.document("redriveAllowPolicy").text("redrivePermission") in {"allowAll", "byQueue"}
        for one in (queue, *allowing)
    )


def _dead_letter_names(graph: Graph) -> frozenset[str]:
    """The names of the queues that others set messages aside in, where a policy says so in text."""
    found: list[str] = []

    def note(redriving: Subject) -> Outcome:
        arn = redriving.document("redrivePolicy").text("deadLetterTargetArn") or ""
        found.append(arn.rpartition(":")[2])
        return PASS

    every((Subject(one) for one in graph.of_type(QUEUE, REDRIVE)), note)
    return frozenset(found) - {""}
