"""Rules for GuardDuty, which looks for intruders."""

from typing import Final

from plan.graph import Graph
from plan.values import UNKNOWN
from policies.events import EVENT_RULE, EVENT_TARGET, is_sent
from policies.nodes import Node, Subject
from policies.outcomes import MISS, PASS, Outcome, all_of, attempt, every, require, some
from policies.registry import Controls, Given, Ref, rule
from policies.settings import Settings, Severity

DETECTOR: Final = "aws:guardduty/detector:Detector"
FEATURE: Final = "aws:guardduty/detectorFeature:DetectorFeature"

_ASKED_FOR: Final = {"RUNTIME_MONITORING", "EKS_RUNTIME_MONITORING"}
"""The features that a new detector starts without."""


class Features(Settings):
    """What GuardDuty looks at beyond its own sources: what the estate has."""

    features: tuple[str, ...] = ("S3_DATA_EVENTS", "RDS_LOGIN_EVENTS", "RUNTIME_MONITORING")


def _feature(name: str, status: str = "ENABLED") -> Given:
    """A feature of the detector `account`, for the examples."""
    return Given(
        FEATURE, name.lower(), {"detectorId": Ref("account"), "name": name, "status": status}
    )


@rule(
    types=[DETECTOR],
    severity=Severity.HIGH,
    requirements=["SEC-14"],
    controls=Controls(fsbp=("GuardDuty.1",), checkov=("CKV_AWS_238", "CKV2_AWS_3")),
    settings=Features,
    remediation="""
        Enable it, and the features for what the estate has:

            detector = aws.guardduty.Detector("account", enable=True)
            for feature in ("S3_DATA_EVENTS", "RDS_LOGIN_EVENTS", "RUNTIME_MONITORING"):
                aws.guardduty.DetectorFeature(feature.lower(), detector_id=detector.id,
                                              name=feature, status="ENABLED")
        """,
    passing=[
        (Given(DETECTOR, "account", {"enable": True}), _feature("RUNTIME_MONITORING")),
        (
            Given(DETECTOR, "account", {"enable": "true"}),
            _feature("S3_DATA_EVENTS"),
            _feature("RDS_LOGIN_EVENTS"),
            _feature("RUNTIME_MONITORING"),
        ),
    ],
    failing=[
        (Given(DETECTOR, "account", {"enable": False}), _feature("RUNTIME_MONITORING")),
        (Given(DETECTOR, "account", {"enable": True}),),
        (Given(DETECTOR, "account"), _feature("RUNTIME_MONITORING", "DISABLED")),
        (
            Given(DETECTOR, "account"),
            _feature("RUNTIME_MONITORING"),
            _feature("S3_DATA_EVENTS", "DISABLED"),
        ),
    ],
)
def guardduty_on(detector: Subject, settings: Features, graph: Graph) -> Outcome:
    """GuardDuty is on, with the features for what the estate has.

    It sees what no rule of your own does: a stolen key used from elsewhere, a host that mines. A
    new detector starts with every feature but the monitoring of run time, which must be asked for.
    """
    declared: list[Node] = [
        Subject(one) for one in graph.referrers(detector.resource, FEATURE, key="detectorId")
    ]
    if unresolved := graph.unresolved("detectorId", FEATURE):
        declared.append(Node(UNKNOWN, (unresolved.name, "detectorId")))

    def on(name: str) -> Outcome:
        def enabled(feature: Node) -> Outcome:
            if feature.text("name") != name:
                return MISS
            return require(feature.text("status") == "ENABLED", f"{name} is off")

        def not_disabled(feature: Node) -> Outcome:
            return PASS if feature.text("name") != name else enabled(feature)

        if name not in _ASKED_FOR:
            return every(declared, not_disabled)
        return some(declared, enabled, f"{name} is off: nothing turns it on")

    return all_of(
        attempt(lambda: require(detector.flag("enable") is not False, "is off", "enable")),
        attempt(lambda: _reads_s3(detector)),
        every(settings.features, on),
    )


def _reads_s3(detector: Subject) -> Outcome:
    """Whether the older way to say so leaves S3 on."""
    s3 = detector.node("datasources").node("s3Logs")
    return require(s3.flag("enable") is not False, "S3_DATA_EVENTS is off", s3.at("enable"))


_TOPIC: Final = "arn:aws:sns:eu-central-1:123456789012:critical"
_FINDINGS: Final = Given(EVENT_RULE, "findings", {"eventPattern": '{"source": ["aws.guardduty"]}'})


@rule(
    types=[DETECTOR],
    severity=Severity.MEDIUM,
    requirements=["SEC-14"],
    remediation="""
        Send its findings to a topic that somebody reads:

            rule = aws.cloudwatch.EventRule("findings",
                                            event_pattern=json.dumps({"source": ["aws.guardduty"]}))
            aws.cloudwatch.EventTarget("findings", rule=rule.name, arn=topic.arn)
        """,
    passing=[
        (
            Given(DETECTOR, "account"),
            _FINDINGS,
            Given(EVENT_TARGET, "critical", {"rule": Ref("findings"), "arn": _TOPIC}),
        ),
    ],
    failing=[
        (Given(DETECTOR, "account", {"enable": True}),),
        (Given(DETECTOR, "account"), _FINDINGS),
        (
            Given(DETECTOR, "account"),
            Given(EVENT_RULE, "scans", {"eventPattern": '{"source": ["aws.ecr"]}'}),
            Given(EVENT_TARGET, "critical", {"rule": Ref("scans"), "arn": _TOPIC}),
        ),
        (
            Given(DETECTOR, "account"),
            Given(EVENT_RULE, "findings", {**_FINDINGS.inputs, "state": "DISABLED"}),
            Given(EVENT_TARGET, "critical", {"rule": Ref("findings"), "arn": _TOPIC}),
        ),
    ],
)
def guardduty_alerts(_: Subject, _settings: Settings, graph: Graph) -> Outcome:
    """What GuardDuty finds is sent to somebody.

    A finding that nobody hears of is read after the damage.
    """
    return is_sent(graph, "aws.guardduty", "no event rule sends its findings to anybody")
