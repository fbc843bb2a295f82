"""Rules for trails, which record what is done in an account.

An account needs one trail that records all; another beside it may be for one purpose. So what a
trail leaves out is a violation only where no trail of the stack has it.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from plan.graph import Graph
from policies.nodes import Node, Subject
from policies.outcomes import (
    MISS,
    PASS,
    NotApplicable,
    Outcome,
    Pass,
    all_of,
    attempt,
    every,
    met,
    require,
    some,
)
from policies.registry import Controls, Given, Ref, rule
from policies.settings import Settings, Severity

TRAIL: Final = "aws:cloudtrail/trail:Trail"

_READ, _WRITE = "ReadOnly", "WriteOnly"
_OBJECTS: Final = "AWS::S3::Object"
_EVERY_BUCKET: Final = ("arn:aws:s3", "arn:aws-cn:s3", "arn:aws-us-gov:s3")
_EVERYWHERE: Final = {"isMultiRegionTrail": True}


def _selected(**fields: str) -> dict[str, object]:
    """An advanced event selector, for the examples."""
    names = {"category": "eventCategory", "type": "resources.type", "read_only": "readOnly"}
    return {
        "fieldSelectors": [
            {"field": names[name], "equals": [value]} for name, value in fields.items()
        ]
    }


@lru_cache(maxsize=8)
def _one_is(check: Callable[[Subject], Outcome], graph: Graph) -> bool:
    """Whether `check` passes for one trail of the stack; asked once a stack."""
    return any(
        isinstance(attempt(lambda trail=trail: check(Subject(trail))), Pass)
        for trail in graph.of_type(TRAIL)
    )


def _on_one(trail: Subject, graph: Graph, check: Callable[[Subject], Outcome]) -> Outcome:
    """What `check` says of `trail`, unless another trail of the stack passes it."""
    outcome = attempt(lambda: check(trail))
    if not isinstance(outcome, Pass) and _one_is(check, graph):
        return NotApplicable("another trail of the stack does")
    return outcome


def _equal(selector: Node, field: str) -> list[Node] | None:
    """The values that `selector` wants `field` to equal, `None` where it does not narrow it."""
    named = [one for one in selector.each("fieldSelectors") if one.text("field") == field]
    if not named:
        return None
    return [value for one in named for value in one.each("equals")]


def _includes(values: list[Node] | None, *wanted: str) -> Outcome:
    if values is None:
        return MISS
    return some(values, lambda value: met(value.as_text() in wanted))


def _reads_or_writes(selector: Node, kind: str) -> Outcome:
    """Whether an advanced selector takes events of `kind`."""
    if (values := _equal(selector, "readOnly")) is None:
        return PASS
    return _includes(values, "true" if kind == _READ else "false")


def _takes(selector: Node, kind: str) -> Outcome:
    """Whether a basic selector takes events of `kind`."""
    return met((selector.text("readWriteType") or "All") in {"All", kind})


def _records_everywhere(trail: Subject) -> Outcome:
    basic, advanced = trail.each("eventSelectors"), trail.each("advancedEventSelectors")

    def records(kind: str) -> Outcome:
        if not basic and not advanced:
            return PASS
        return some(
            [
                *(lambda one=one: _manages(one, kind) for one in basic),
                *(lambda one=one: _manages_advanced(one, kind) for one in advanced),
            ],
            lambda check: check(),
            f"does not record {kind} management events",
        )

    return all_of(
        attempt(
            lambda: require(
                trail.flag("isMultiRegionTrail"), "records one region", "isMultiRegionTrail"
            )
        ),
        attempt(
            lambda: require(
                trail.flag("enableLogging") is not False, "does not record", "enableLogging"
            )
        ),
        attempt(
            lambda: require(
                trail.flag("includeGlobalServiceEvents") is not False,
                "leaves out global services such as IAM",
                "includeGlobalServiceEvents",
            )
        ),
        every([_READ, _WRITE], records),
    )


def _manages(selector: Node, kind: str) -> Outcome:
    return all_of(
        met(selector.flag("includeManagementEvents") is not False), _takes(selector, kind)
    )


def _manages_advanced(selector: Node, kind: str) -> Outcome:
    return all_of(
        _includes(_equal(selector, "eventCategory"), "Management"),
        _reads_or_writes(selector, kind),
    )


@rule(
    types=[TRAIL],
    severity=Severity.HIGH,
    requirements=["SEC-15"],
    controls=Controls(fsbp=("CloudTrail.1",), cis=("3.1",), checkov=("CKV_AWS_67", "CKV_AWS_251")),
    remediation="""
        Record every region and the global services:

            aws.cloudtrail.Trail("account", is_multi_region_trail=True, enable_logging=True,
                                 include_global_service_events=True, ...)
        """,
    passing=[
        (Given(TRAIL, "account", _EVERYWHERE),),
        (
            Given(
                TRAIL,
                "account",
                {
                    **_EVERYWHERE,
                    "enableLogging": True,
                    "includeGlobalServiceEvents": True,
                    "eventSelectors": [{"readWriteType": "All", "includeManagementEvents": True}],
                },
            ),
        ),
        (
            Given(
                TRAIL,
                "account",
                {**_EVERYWHERE, "advancedEventSelectors": [_selected(category="Management")]},
            ),
        ),
        (Given(TRAIL, "account", _EVERYWHERE), Given(TRAIL, "local", {"name": "local"})),
    ],
    failing=[
        (Given(TRAIL, "account", {"isMultiRegionTrail": False}),),
        (Given(TRAIL, "account", {**_EVERYWHERE, "enableLogging": False}),),
        (Given(TRAIL, "account", {**_EVERYWHERE, "includeGlobalServiceEvents": "false"}),),
        (
            Given(
                TRAIL,
                "account",
                {**_EVERYWHERE, "eventSelectors": [{"readWriteType": "WriteOnly"}]},
            ),
        ),
        (
            Given(
                TRAIL,
                "account",
                {
                    **_EVERYWHERE,
                    "advancedEventSelectors": [_selected(category="Data", type=_OBJECTS)],
                },
            ),
        ),
    ],
)
def cloudtrail_multi_region(trail: Subject, _: Settings, graph: Graph) -> Outcome:
    """A trail records what is done in every region.

    Whoever breaks in works where nobody looks; without a record there is nothing to find out. Where
    one trail of the stack records all, others may be narrower.
    """
    return _on_one(trail, graph, _records_everywhere)


@rule(
    types=[TRAIL],
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("CloudTrail.2",), cis=("3.5",), checkov=("CKV_AWS_35",)),
    remediation="""
        Name a key of your own, whose policy lets CloudTrail use it:

            aws.cloudtrail.Trail("account", kms_key_id=key.arn, ...)
        """,
    passing=[
        (
            Given("aws:kms/key:Key", "audit"),
            Given(TRAIL, "account", {"kmsKeyId": Ref("audit")}),
        ),
        (Given(TRAIL, "account", {"kmsKeyId": "alias/audit"}),),
    ],
    failing=[(Given(TRAIL, "account", {"s3BucketName": "audit"}),)],
)
def cloudtrail_kms(trail: Subject) -> Outcome:
    """The files of a trail are encrypted with a key of your own.

    Reading the bucket is then not enough to read who did what.
    """
    return require(trail.has_text("kmsKeyId"), "names no key of your own", "kmsKeyId")


@rule(
    types=[TRAIL],
    severity=Severity.LOW,
    controls=Controls(fsbp=("CloudTrail.4",), cis=("3.2",), checkov=("CKV_AWS_36",)),
    remediation="""
        Let CloudTrail sign what it writes:

            aws.cloudtrail.Trail("account", enable_log_file_validation=True, ...)
        """,
    passing=[(Given(TRAIL, "account", {"enableLogFileValidation": True}),)],
    failing=[
        (Given(TRAIL, "account", {"enableLogFileValidation": False}),),
        (Given(TRAIL, "account", {"s3BucketName": "audit"}),),
    ],
)
def cloudtrail_validation(trail: Subject) -> Outcome:
    """A trail signs its files.

    A record that was changed or deleted afterwards then shows it.
    """
    return require(
        trail.flag("enableLogFileValidation"), "does not sign its files", "enableLogFileValidation"
    )


@rule(
    types=[TRAIL],
    severity=Severity.LOW,
    controls=Controls(fsbp=("CloudTrail.5",), checkov=("CKV2_AWS_10",)),
    remediation="""
        Send its events to a log group, through a role that may write there:

            aws.cloudtrail.Trail("account",
                                 cloud_watch_logs_group_arn=group.arn.apply(lambda arn: f"{arn}:*"),
                                 cloud_watch_logs_role_arn=role.arn, ...)
        """,
    passing=[
        (
            Given("aws:cloudwatch/logGroup:LogGroup", "audit"),
            Given("aws:iam/role:Role", "trail"),
            Given(
                TRAIL,
                "account",
                {"cloudWatchLogsGroupArn": Ref("audit"), "cloudWatchLogsRoleArn": Ref("trail")},
            ),
        ),
    ],
    failing=[
        (Given(TRAIL, "account", {"s3BucketName": "audit"}),),
        (
            Given(
                TRAIL,
                "account",
                {"cloudWatchLogsRoleArn": "arn:aws:iam::123456789012:role/trail"},
            ),
        ),
    ],
)
def cloudtrail_cloudwatch(trail: Subject) -> Outcome:
    """A trail sends its events to CloudWatch Logs.

    Alarms can watch them there; the files in the bucket are read after the fact.
    """
    return all_of(
        *(
            attempt(lambda key=key: require(trail.has_text(key), f"{key} is not set", key))
            for key in ("cloudWatchLogsGroupArn", "cloudWatchLogsRoleArn")
        )
    )


def _records_objects(trail: Subject) -> Outcome:
    basic, advanced = trail.each("eventSelectors"), trail.each("advancedEventSelectors")

    def of_every_bucket(resource: Node) -> Outcome:
        return all_of(
            met(resource.text("type") == _OBJECTS),
            some(
                resource.each("values"),
                lambda value: met(value.as_text().rstrip(":/") in _EVERY_BUCKET),
                "",
            ),
        )

    def objects(selector: Node, kind: str) -> Outcome:
        return all_of(_takes(selector, kind), some(selector.each("dataResources"), of_every_bucket))

    def objects_advanced(selector: Node, kind: str) -> Outcome:
        return all_of(
            _includes(_equal(selector, "eventCategory"), "Data"),
            _includes(_equal(selector, "resources.type"), _OBJECTS),
            _reads_or_writes(selector, kind),
            every(
                selector.each("fieldSelectors"),
                lambda one: met(one.text("field") != "resources.ARN"),
            ),
        )

    def records(kind: str) -> Outcome:
        return some(
            [
                *(lambda one=one: objects(one, kind) for one in basic),
                *(lambda one=one: objects_advanced(one, kind) for one in advanced),
            ],
            lambda check: check(),
            f"does not record {kind} events of the objects in every bucket",
        )

    return every([_READ, _WRITE], records)


@rule(
    types=[TRAIL],
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("S3.22", "S3.23"), cis=("3.8", "3.9")),
    remediation="""
        Record who reads and writes the objects of every bucket:

            aws.cloudtrail.Trail("account", event_selectors=[{
                "read_write_type": "All", "include_management_events": True,
                "data_resources": [{"type": "AWS::S3::Object", "values": ["arn:aws:s3"]}]}], ...)
        """,
    passing=[
        (
            Given(
                TRAIL,
                "account",
                {
                    "eventSelectors": [
                        {"dataResources": [{"type": _OBJECTS, "values": ["arn:aws:s3:::"]}]}
                    ]
                },
            ),
        ),
        (
            Given(
                TRAIL,
                "account",
                {
                    "advancedEventSelectors": [
                        _selected(category="Management"),
                        _selected(category="Data", type=_OBJECTS, read_only="true"),
                        _selected(category="Data", type=_OBJECTS, read_only="false"),
                    ]
                },
            ),
        ),
        (
            Given(TRAIL, "account", _EVERYWHERE),
            Given(
                TRAIL,
                "objects",
                {"advancedEventSelectors": [_selected(category="Data", type=_OBJECTS)]},
            ),
        ),
    ],
    failing=[
        (Given(TRAIL, "account", _EVERYWHERE),),
        (
            Given(
                TRAIL,
                "account",
                {
                    "eventSelectors": [
                        {
                            "readWriteType": "WriteOnly",
                            "dataResources": [{"type": _OBJECTS, "values": ["arn:aws:s3"]}],
                        }
                    ]
                },
            ),
        ),
        (
            Given(
                TRAIL,
                "account",
                {
                    "eventSelectors": [
                        {"dataResources": [{"type": _OBJECTS, "values": ["arn:aws:s3:::one/"]}]}
                    ]
                },
            ),
        ),
        (
            Given(
                TRAIL,
                "account",
                {"advancedEventSelectors": [_selected(category="Management")]},
            ),
        ),
    ],
)
def cloudtrail_data_events(trail: Subject, _: Settings, graph: Graph) -> Outcome:
    """A trail records who reads and writes the objects in S3.

    After a leak the question is which objects were read; without these events nobody can tell.
    """
    return _on_one(trail, graph, _records_objects)
