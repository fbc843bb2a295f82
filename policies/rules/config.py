"""Rules for AWS Config, which records how resources are configured."""

from functools import lru_cache
from typing import Final

from plan.graph import Graph
from policies.nodes import Subject
from policies.outcomes import PASS, Outcome, Pass, all_of, attempt, every, require
from policies.registry import Controls, Given, Ref, rule
from policies.relations import companions
from policies.settings import Settings, Severity

RECORDER: Final = "aws:cfg/recorder:Recorder"
STATUS: Final = "aws:cfg/recorderStatus:RecorderStatus"

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
