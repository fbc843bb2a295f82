"""What looks for intruders, weaknesses and open doors, and whom it tells (SEC-14)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_aws import cloudwatch, guardduty, inspector2, securityhub

from environments import Foundation
from stacks.naming import Names
from stacks.topics import Topics

_FEATURES: Final = (
    "EBS_MALWARE_PROTECTION",
    "EKS_AUDIT_LOGS",
    "LAMBDA_NETWORK_LOGS",
    "RDS_LOGIN_EVENTS",
    "S3_DATA_EVENTS",
)
_RUNTIME: Final = "RUNTIME_MONITORING"
_AGENTS: Final = ("EC2_AGENT_MANAGEMENT", "ECS_FARGATE_AGENT_MANAGEMENT", "EKS_ADDON_MANAGEMENT")
"""What GuardDuty looks after itself, so that nothing runs without its agent."""
_SCANNED: Final = ("EC2", "ECR", "LAMBDA")
_STANDARDS: Final = {
    "best-practices": "aws-foundational-security-best-practices/v/1.0.0",
    "cis": "cis-aws-foundations-benchmark/v/5.0.0",
}
_GRAVE: Final = 7  # GuardDuty calls it high from here on


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionArguments:
    """What the services that detect are made from."""

    foundation: Foundation
    topics: Topics


class Detection(ComponentResource):
    """The account's detectors, all findings of which reach somebody.

    Makes GuardDuty with every feature, run time included; Inspector, for images, instances and
    functions; Security Hub with AWS's own standard and that of CIS; and for each kind of finding
    the event that tells of it: high ones of GuardDuty page, the rest is mailed.
    """

    def __init__(
        self, name: str, arguments: DetectionArguments, options: ResourceOptions | None = None
    ) -> None:
        super().__init__("slipway:foundation:Detection", name, opts=options)
        self._names = Names(arguments.foundation)
        self._inside = ResourceOptions(parent=self)
        topics, aws = arguments.topics, arguments.foundation.aws
        self._guard()
        inspector2.Enabler(
            "vulnerabilities",
            account_ids=[aws.account],
            resource_types=_SCANNED,
            opts=self._inside,
        )
        hub = securityhub.Account(
            "account",
            enable_default_standards=False,
            control_finding_generator="SECURITY_CONTROL",
            auto_enable_controls=True,
            opts=self._inside,
        )
        for purpose, path in _STANDARDS.items():
            securityhub.StandardsSubscription(
                purpose,
                standards_arn=self._names.arn("securityhub", f"standards/{path}", account=""),
                opts=ResourceOptions(parent=self, depends_on=[hub]),
            )
        grave = {"detail": {"severity": [{"numeric": [">=", _GRAVE]}]}}
        mild = {"detail": {"severity": [{"numeric": ["<", _GRAVE]}]}}
        self._tell("intrusions", "aws.guardduty", topics.critical_arn, grave)
        self._tell("suspicions", "aws.guardduty", topics.warning_arn, mild)
        self._tell("vulnerabilities", "aws.inspector2", topics.warning_arn, _HIGH_WEAKNESS)
        self._tell("open-doors", "aws.access-analyzer", topics.warning_arn, _OPENED)
        self._tell("failed-controls", "aws.securityhub", topics.warning_arn, _FAILED_CONTROL)
        self.register_outputs({})

    def _guard(self) -> None:
        detector = guardduty.Detector(
            "account",
            enable=True,
            finding_publishing_frequency="FIFTEEN_MINUTES",
            opts=self._inside,
        )
        for feature in _FEATURES:
            guardduty.DetectorFeature(
                feature.lower().replace("_", "-"),
                detector_id=detector.id,
                name=feature,
                status="ENABLED",
                opts=self._inside,
            )
        guardduty.DetectorFeature(
            "runtime-monitoring",
            detector_id=detector.id,
            name=_RUNTIME,
            status="ENABLED",
            additional_configurations=[{"name": one, "status": "ENABLED"} for one in _AGENTS],
            opts=self._inside,
        )

    def _tell(
        self, purpose: str, source: str, topic: Input[str] | Output[str], more: Mapping[str, Any]
    ) -> None:
        """Tell `topic` of the findings of `source` that are as `more` says."""
        rule = cloudwatch.EventRule(
            purpose,
            name=self._names.of(purpose),
            description=f"Findings of {source.removeprefix('aws.')}: {purpose}",
            event_pattern=json.dumps({"source": [source], **more}),
            opts=self._inside,
        )
        cloudwatch.EventTarget(purpose, rule=rule.name, arn=topic, opts=self._inside)


_HIGH_WEAKNESS: Final = {
    "detail-type": ["Inspector2 Finding"],
    "detail": {"severity": ["CRITICAL", "HIGH"], "status": ["ACTIVE"]},
}
_OPENED: Final = {
    "detail-type": ["Access Analyzer Finding"],
    "detail": {"status": ["ACTIVE"]},
}
_FAILED_CONTROL: Final = {
    "detail-type": ["Security Hub Findings - Imported"],
    "detail": {
        "findings": {
            "Compliance": {"Status": ["FAILED"]},
            "ProductName": ["Security Hub"],
            "RecordState": ["ACTIVE"],
            "Severity": {"Label": ["CRITICAL", "HIGH"]},
            "Workflow": {"Status": ["NEW"]},
        }
    },
}
