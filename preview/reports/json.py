"""The report as JSON, for programs."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from policies.judgement import Finding
from policies.waivers import Waiver
from preview.cost.estimate import estimate
from preview.cost.prices import prices
from preview.reports import cost
from preview.verdict import Verdict

Object = dict[str, Any]


def previews(verdicts: Iterable[Verdict]) -> str:
    """What `slipway preview --json` prints."""
    return _text({"environments": [_preview(verdict) for verdict in verdicts]})


def checks(verdicts: Sequence[Verdict]) -> str:
    """What `slipway check --json` prints: one object for one file, a list of them for several."""
    if len(verdicts) == 1:
        return _text(_judged(verdicts[0]))
    return _text({"files": [{"file": each.title, **_judged(each)} for each in verdicts]})


def _text(content: Object) -> str:
    return json.dumps(content, indent=2) + "\n"


def _preview(verdict: Verdict) -> Object:
    return {
        "environment": verdict.title,
        "failed": verdict.failed,
        "resources": len(verdict.managed),
        "summary": verdict.services,
        "cost": cost.as_object(estimate(verdict.plan, prices())),
        "figures": {identifier: len(uses) for identifier, uses in verdict.uses.items()},
        **_judged(verdict),
    }


def _judged(verdict: Verdict) -> Object:
    judgement = verdict.judgement
    return {
        "tier": verdict.tier,
        "findings": [_finding(finding) for group in verdict.groups for finding in group.findings],
        "waivers": [_waiver(waiver) for waiver in verdict.waivers],
        "waiver_problems": [
            {
                "where": problem.where,
                "what": problem.what,
                "remedy": problem.remedy,
                "stops": problem.stops,
            }
            for problem in judgement.waiver_problems
        ],
        "not_evaluated": [
            {
                "rule": doubt.rule.id,
                "urn": resource.urn,
                "type": resource.type,
                "reason": doubt.reason,
            }
            for doubt in verdict.doubts
            for resource in doubt.resources
        ],
        "errors": [
            {"rule": error.rule.id, "urn": error.resource.urn, "message": error.message}
            for error in judgement.errors
        ],
        "warnings": list(verdict.limits),
    }


def _finding(finding: Finding) -> Object:
    rule, resource, violation = finding.rule, finding.resource, finding.violation
    return {
        "rule": rule.id,
        "severity": rule.severity,
        "level": finding.level,
        "urn": resource.urn,
        "type": resource.type,
        "path": violation.path,
        "message": violation.message,
        "remediation": rule.remediation,
        "url": rule.page,
        "requirements": list(rule.requirements),
        "controls": {key: list(ids) for key, ids in asdict(rule.controls).items()},
        "source": asdict(resource.source) if resource.source else None,
        "waived": finding.waiver is not None,
    }


def _waiver(waiver: Waiver) -> Object:
    return waiver.model_dump(mode="json")
