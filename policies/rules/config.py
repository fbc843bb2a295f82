"""Rules for AWS Config, which records how resources are configured."""

from functools import lru_cache
from typing import Final

from plan.graph import Graph
from policies.events import EVENT_RULE, EVENT_TARGET, is_sent
from policies.nodes import Subject
from policies.outcomes import PASS, Outcome, Pass, all_of, attempt, every, met, require, some
from policies.registry import Controls, Given, Ref, rule
from policies.relations import companions
from policies.settings import Settings, Severity

RECORDER: Final = "aws:cfg/recorder:Recorder"
STATUS: Final = "aws:cfg/recorderStatus:RecorderStatus"
CONFIG_RULE: Final = "aws:cfg/rule:Rule"

_TAGGED: Final = "REQUIRED_TAGS"

_EVERYTHING: Final = {"recordingGroup": {"allSupported": True, "includeGlobalResourceTypes": True}}
_STARTED: Final = Given(STATUS, "started", {"name": Ref("account"), "isEnabled": True})


def _all_types(recorder: Subject) -> Outcome:
    group = recorder.node("recordingGroup")
    return all_of(
        attempt(
            lambda: require(
                group.flag("allSupported") is not False,
                "records some types of resources only",
                group.at("allSupported"),
            )
        ),
        every(
            group.each("recordingStrategies"),
            lambda strategy: require(
                strategy.text("useOnly") == "ALL_SUPPORTED_RESOURCE_TYPES",
                f"records by {strategy.text('useOnly')}, not every type",
                strategy.here,
            ),
        ),
    )


def _global_types(recorder: Subject) -> Outcome:
    group = recorder.node("recordingGroup")
    return require(
        group.flag("includeGlobalResourceTypes"),
        "leaves out global resources such as IAM's",
        group.at("includeGlobalResourceTypes"),
    )


@lru_cache(maxsize=8)
def _one_is_global(graph: Graph) -> bool:
    """Whether one recorder of the stack records global resources; asked once a stack."""
    return any(
        isinstance(attempt(lambda one=one: _global_types(Subject(one))), Pass)
        for one in graph.of_type(RECORDER)
    )


@rule(
    types=[RECORDER, STATUS],
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("Config.1",), cis=("3.3",), checkov=("CKV2_AWS_45", "CKV2_AWS_48")),
    remediation="""
        Record every type, global ones in one region, and start the recorder:

            recorder = aws.cfg.Recorder("account", role_arn=role.arn, recording_group={
                "all_supported": True, "include_global_resource_types": True})
            aws.cfg.RecorderStatus("account", name=recorder.name, is_enabled=True)
        """,
    passing=[
        (Given(RECORDER, "account", _EVERYTHING), _STARTED),
        (
            Given(RECORDER, "account", {"name": "default", **_EVERYTHING}),
            Given(STATUS, "started", {"name": "default", "isEnabled": "true"}),
        ),
        (
            Given(RECORDER, "account", _EVERYTHING),
            _STARTED,
            Given(RECORDER, "second-region", {"recordingGroup": {"allSupported": True}}),
            Given(STATUS, "second-started", {"name": Ref("second-region"), "isEnabled": True}),
        ),
    ],
    failing=[
        (Given(RECORDER, "account", _EVERYTHING),),
        (
            Given(RECORDER, "account", _EVERYTHING),
            Given(STATUS, "stopped", {"name": Ref("account"), "isEnabled": False}),
        ),
        (Given(RECORDER, "account", {"recordingGroup": {"allSupported": True}}), _STARTED),
        (
            Given(
                RECORDER,
                "account",
                {"recordingGroup": {"allSupported": False, "includeGlobalResourceTypes": True}},
            ),
            _STARTED,
        ),
        (
            Given(
                RECORDER,
                "account",
                {
                    "recordingGroup": {
                        "includeGlobalResourceTypes": True,
                        "recordingStrategies": [{"useOnly": "INCLUSION_BY_RESOURCE_TYPES"}],
                    }
                },
            ),
            _STARTED,
        ),
    ],
)
def config_recorder(subject: Subject, _: Settings, graph: Graph) -> Outcome:
    """AWS Config records every resource, and is on.

    It knows what a resource was before somebody changed it. Global resources are recorded in one
    region only, so that one recorder of the stack has to include them.
    """
    if subject.type == STATUS:
        return require(subject.flag("isEnabled"), "its recorder is stopped", "isEnabled")
    return all_of(
        _all_types(subject),
        PASS if _one_is_global(graph) else attempt(lambda: _global_types(subject)),
        attempt(
            lambda: require(
                companions(subject.resource, graph, [STATUS], "name"), "nothing starts it"
            )
        ),
    )


_BY_HAND: Final = Given(
    CONFIG_RULE,
    "in-no-stack",
    {
        "source": {"owner": "AWS", "sourceIdentifier": _TAGGED},
        "inputParameters": '{"tag1Key": "ManagedBy", "tag1Value": "pulumi"}',
    },
)
_BROKEN: Final = Given(EVENT_RULE, "broken", {"eventPattern": '{"source": ["aws.config"]}'})
_TOLD: Final = Given(
    EVENT_TARGET,
    "team",
    {"rule": Ref("broken"), "arn": "arn:aws:sns:eu-central-1:123456789012:warning"},
)


@rule(
    types=[RECORDER],
    severity=Severity.MEDIUM,
    requirements=["IAC-01"],
    remediation="""
        Look for what does not carry the tag that every stack gives, and tell somebody:

            aws.cfg.Rule("in-no-stack",
                         source={"owner": "AWS", "source_identifier": "REQUIRED_TAGS"},
                         input_parameters=json.dumps({"tag1Key": "ManagedBy",
                                                      "tag1Value": "pulumi"}))
            broken = aws.cloudwatch.EventRule("broken", event_pattern=json.dumps({
                "source": ["aws.config"], "detail-type": ["Config Rules Compliance Change"]}))
            aws.cloudwatch.EventTarget("team", rule=broken.name, arn=topic.arn)
        """,
    passing=[(Given(RECORDER, "account"), _BY_HAND, _BROKEN, _TOLD)],
    failing=[
        (Given(RECORDER, "account", _EVERYTHING),),
        (Given(RECORDER, "account"), _BY_HAND),
        (Given(RECORDER, "account"), _BROKEN, _TOLD),
        (
            Given(RECORDER, "account"),
            Given(CONFIG_RULE, "nothing", {"source": _BY_HAND.inputs["source"]}),
            _BROKEN,
            _TOLD,
        ),
        (
            Given(RECORDER, "account"),
            Given(
                CONFIG_RULE,
                "other",
                {**_BY_HAND.inputs, "source": {"owner": "AWS", "sourceIdentifier": "EC2_IMDSV2"}},
            ),
            _BROKEN,
            _TOLD,
        ),
    ],
)
def config_in_no_stack(_: Subject, _settings: Settings, graph: Graph) -> Outcome:
    """What exists in the account and in no stack is reported.

    Nobody reviews, patches or deletes what somebody once made by hand. A stack tags what it makes;
    AWS Config finds what carries no such tag, and an event tells of it.
    """
    return all_of(
        _looks_for_tags(graph),
        is_sent(graph, "aws.config", "no event rule sends what it finds to anybody"),
    )


@lru_cache(maxsize=8)
def _looks_for_tags(graph: Graph) -> Outcome:
    """Whether a rule of the stack's AWS Config wants a tag; asked once a stack."""

    def wants(one: Subject) -> Outcome:
        return all_of(
            met(one.node("source").text("sourceIdentifier") == _TAGGED),
            met(one.document("inputParameters").has_text("tag1Key")),
        )

    return some(
        [Subject(one) for one in graph.of_type(CONFIG_RULE)],
        wants,
        f"no rule {_TAGGED} looks for what carries no tag of a stack",
    )
