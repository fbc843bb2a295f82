"""Rules for who is woken: pages arrive, endpoints are asked from outside, rollouts go back."""

from typing import Final

from plan.graph import Graph
from plan.model import STACK_TYPE
from policies.nodes import Subject
from policies.outcomes import NotApplicable, Outcome, all_of, every, fail, met, require, some
from policies.registry import Given, Ref, rule
from policies.rules.cloudwatch import METRIC_ALARM
from policies.rules.ecs import SERVICE
from policies.rules.lb import BALANCERS
from policies.rules.sns import TOPIC
from policies.settings import Settings, Severity
from standards import Tier

SUBSCRIPTION: Final = "aws:sns/topicSubscription:TopicSubscription"
SLACK: Final = "aws:chatbot/slackChannelConfiguration:SlackChannelConfiguration"
TEAMS: Final = "aws:chatbot/teamsChannelConfiguration:TeamsChannelConfiguration"
CANARY: Final = "aws:synthetics/canary:Canary"
HEALTH_CHECK: Final = "aws:route53/healthCheck:HealthCheck"

_LIVE: Final = frozenset({Tier.STAGING, Tier.PRODUCTION})
_PAGERS: Final = frozenset({"https", "lambda"})
_STACK: Final = Given(STACK_TYPE, "production")
_API: Final = Given(SERVICE, "api")
_TOPIC: Final = Given(TOPIC, "critical")


def _subscribed(*protocols: str) -> tuple[Given, ...]:
    """The topic with its subscriptions, for the examples."""
    return (
        _TOPIC,
        *(
            Given(SUBSCRIPTION, protocol, {"topic": Ref("critical"), "protocol": protocol})
            for protocol in protocols
        ),
    )


_CHAT: Final = Given(SLACK, "alerts", {"snsTopicArns": [Ref("critical")]})


@rule(
    types=[STACK_TYPE],
    severity=Severity.HIGH,
    requirements=["MON-02", "NOTE-07"],
    remediation="""
        Subscribe them all to one topic, the address of the paging service from a secret:

            aws.sns.TopicSubscription("paging", topic=critical.arn, protocol="https",
                endpoint=pulumi.Output.secret(address), endpoint_auto_confirms=True)
            aws.sns.TopicSubscription("sms", topic=critical.arn, protocol="sms", endpoint=number)
            aws.chatbot.SlackChannelConfiguration("alerts", sns_topic_arns=[critical.arn], ...)
        """,
    passing=[
        (_STACK, _API, *_subscribed("https", "sms", "email"), _CHAT),
        (_STACK, _API, *_subscribed("lambda", "sms"), Given(TOPIC, "info"), _CHAT),
    ],
    failing=[
        (_STACK, _API),
        (_STACK, _API, *_subscribed("email", "sms"), _CHAT),
        (_STACK, _API, *_subscribed("https", "email"), _CHAT),
        (_STACK, _API, *_subscribed("https", "sms")),
    ],
    absence_is_safe=True,
)
def critical_alerts_reach_people(_: Subject, settings: Settings, graph: Graph) -> Outcome:
    """What is critical reaches the paging service, text messages and chat.

    A mail is read in the morning. One topic has all three, so that an alarm that names it cannot
    forget one.
    """
    if settings.tier not in _LIVE or not graph.of_type(SERVICE):
        return NotApplicable("nobody is on call for this stack")

    def reaches(topic: Subject) -> Outcome:
        protocols = {
            Subject(each).text("protocol")
            for each in graph.referrers(topic.resource, SUBSCRIPTION, key="topic")
        }
        has_chat = graph.referrers(topic.resource, SLACK, TEAMS, key="snsTopicArns")
        return met(protocols & _PAGERS and "sms" in protocols and has_chat)

    return some(
        map(Subject, graph.of_type(TOPIC)),
        reaches,
        "no topic has all of: a paging service (https), text messages (sms) and a chat channel",
    )


_BALANCER: Final = Given(BALANCERS[0], "edge")
_CANARY_ASKS: Final = Given(
    CANARY, "health", {"name": "api-health", "schedule": {"expression": "rate(1 minute)"}}
)


def _watches(**dimensions: object) -> Given:
    return Given(METRIC_ALARM, "unreachable", {"dimensions": dimensions})


@rule(
    types=[STACK_TYPE],
    severity=Severity.MEDIUM,
    requirements=["MON-08"],
    remediation="""
        Ask every public endpoint from outside, and alarm when it does not answer:

            aws.synthetics.Canary("api", schedule={"expression": "rate(1 minute)"}, ...)
            aws.cloudwatch.MetricAlarm("api-unreachable", namespace="CloudWatchSynthetics",
                metric_name="SuccessPercent", dimensions={"CanaryName": canary.name}, ...)
        """,
    passing=[
        (_STACK, _BALANCER, _CANARY_ASKS, _watches(CanaryName="api-health")),
        (_STACK, _BALANCER, _CANARY_ASKS, _watches(CanaryName=Ref("health"))),
        (_STACK, _BALANCER, Given(HEALTH_CHECK, "outside"), _watches(HealthCheckId=Ref("outside"))),
    ],
    failing=[
        (_STACK, _BALANCER),
        (_STACK, _BALANCER, _CANARY_ASKS),
        (_STACK, _BALANCER, _CANARY_ASKS, _watches(CanaryName="another")),
        (_STACK, _BALANCER, Given(HEALTH_CHECK, "outside")),
        (
            _STACK,
            _BALANCER,
            Given(
                CANARY, "once", {"name": "api-health", "schedule": {"expression": "rate(0 minute)"}}
            ),
            _watches(CanaryName="api-health"),
        ),
    ],
    absence_is_safe=True,
)
def health_asked_from_outside(_: Subject, settings: Settings, graph: Graph) -> Outcome:
    """Public endpoints are asked from outside at an interval, with an alarm.

    From inside everything can be well while the name, the certificate or the firewall keeps every
    user out. Canaries count, each with its alarm; so do the health checks of Route 53.
    """
    if settings.tier not in _LIVE or not graph.of_type(*BALANCERS):
        return NotApplicable("nothing here is public")
    canaries = [Subject(each) for each in graph.of_type(CANARY)]
    checks = [Subject(each) for each in graph.of_type(HEALTH_CHECK)]
    if not canaries and not checks:
        return fail("no canary or health check asks its public endpoints")
    named = graph.once(_canaries_watched)

    def is_watched(asked: Subject) -> Outcome:
        alarms = graph.referrers(asked.resource, METRIC_ALARM, key="dimensions")
        return require(
            alarms or asked.text("name") in named, f"{asked.name} has no alarm on what it finds"
        )

    def is_repeated(canary: Subject) -> Outcome:
        expression = canary.node("schedule").text("expression") or ""
        return require(
            expression and not expression.startswith("rate(0"), f"{canary.name} runs only once"
        )

    if canaries:
        return all_of(every(canaries, is_watched), every(canaries, is_repeated))
    return some(checks, is_watched, "no health check has an alarm on what it finds")


def _canaries_watched(graph: Graph) -> frozenset[str]:
    """The names of the canaries that alarms name as they are."""
    named: set[str] = set()
    for alarm in graph.of_type(METRIC_ALARM):
        dimensions = alarm.inputs.get("dimensions")
        name = dimensions.get("CanaryName") if isinstance(dimensions, dict) else None
        if isinstance(name, str):
            named.add(name)
    return frozenset(named)


def _service(**inputs: object) -> tuple[Given]:
    return (Given(SERVICE, "api", {"loadBalancers": [{"containerPort": 80}], **inputs}),)


_GUARDS: Final = {"enable": True, "rollback": True, "alarmNames": ["api-rollout-errors"]}


@rule(
    types=[SERVICE],
    severity=Severity.MEDIUM,
    requirements=["ROLL-02", "ROLL-07"],
    remediation="""
        Give the deployments of the service the alarms that roll them back:

            aws.ecs.Service("api", alarms={"enable": True, "rollback": True,
                "alarm_names": [errors.name, slow.name, unhealthy.name]}, ...)
        """,
    passing=[_service(alarms=_GUARDS)],
    failing=[
        _service(),
        _service(alarms={**_GUARDS, "rollback": False}),
        _service(alarms={**_GUARDS, "enable": False}),
        _service(alarms={"enable": True, "rollback": True}),
    ],
    absence_is_safe=True,
)
def rollout_rolls_back(service: Subject, settings: Settings) -> Outcome:
    """A deployment of a service that answers requests is rolled back by its alarms.

    Without anyone deciding: the minutes until somebody has looked are the ones that users notice.
    """
    if settings.tier not in _LIVE:
        return NotApplicable("no release is rehearsed or made here")
    if not service.has("loadBalancers"):
        return NotApplicable("answers no requests")
    alarms = service.node("alarms")
    return all_of(
        lambda: require(alarms.flag("enable"), "its deployments watch no alarms", "alarms"),
        lambda: require(alarms.flag("rollback"), "alarms do not roll it back", "alarms.rollback"),
        lambda: require(alarms.has("alarmNames"), "names no alarms", "alarms.alarmNames"),
    )
