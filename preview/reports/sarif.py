"""The report as SARIF 2.1.0, for code scanning: a finding at the line that declares its resource.

A run an environment, each with its own id, so that a host keeps their alerts apart.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import quote

from plan import Resource
from policies.judgement import Finding
from policies.registry import AnyRule
from policies.settings import Level, Severity
from policies.waivers import Waiver
from preview.reports.wording import shown
from preview.verdict import Verdict
from standards import requirement

Object = dict[str, Any]

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
_ROOT: Final = "%SRCROOT%"
_MOST_TAGS: Final = 20
"""As many as GitHub's code scanning takes for one rule."""

_LEVELS: Final[Mapping[Severity, str]] = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
}
_SCORES: Final[Mapping[Severity, str]] = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.0",
}
"""Within the bounds that code scanning has for the severities of the same names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where files lie: `project` is the project's folder below the repository's.

    `files` has by title the file that stands for a verdict where a resource names no line of its
    own, relative to the repository. `docs` is the address of the repository's files.
    """

    project: str = ""
    files: Mapping[str, str]
    docs: str | None = None


def render(verdicts: Sequence[Verdict], places: Places) -> str:
    """The SARIF log of `verdicts`."""
    runs = [_Run(verdict, places).content() for verdict in verdicts]
    # Not indented: nobody reads it, and Python's encoder is ten times as fast without.
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": runs}) + "\n"


class _Run:
    """What the log says of one verdict."""

    def __init__(self, verdict: Verdict, places: Places) -> None:
        self._verdict = verdict
        self._places = places
        self._rules = verdict.judgement.rules
        self._index = {rule.id: place for place, rule in enumerate(self._rules)}

    def content(self) -> Object:
        judgement = self._verdict.judgement
        return {
            "tool": {
                "driver": {
                    "name": "Slipway",
                    "semanticVersion": version("slipway"),
                    "rules": [self._described(rule) for rule in self._rules],
                }
            },
            "automationDetails": {"id": f"slipway/{shown(self._verdict.title)}/"},
            "invocations": [
                {
                    "executionSuccessful": not judgement.errors,
                    "toolExecutionNotifications": [*self._errors(), *self._doubts()],
                    "toolConfigurationNotifications": [*self._waiver_problems(), *self._limits()],
                }
            ],
            "columnKind": "unicodeCodePoints",
            "results": list(self._results()),
        }

    def _described(self, rule: AnyRule) -> Object:
        controls = rule.controls
        tags = [
            "security",
            *rule.requirements,
            *(f"FSBP {each}" for each in controls.fsbp),
            *(f"CIS {each}" for each in controls.cis),
            *(f"Pod Security {each}" for each in controls.pss),
            *controls.checkov,
        ]
        cited = [(each, requirement(each).text) for each in rule.requirements]
        parts = (rule.description, *(f"{name}: {text}" for name, text in cited), rule.remediation)
        marked = (
            rule.description,
            *(f"> **{name}** {text}" for name, text in cited),
            f"### What to do\n\n{rule.remediation}",
        )
        described: Object = {
            "id": rule.id,
            "name": "".join(word.capitalize() for word in rule.id.split("-")),
            "shortDescription": {"text": rule.title},
            "fullDescription": {"text": rule.description or rule.title},
            "help": {
                "text": "\n\n".join(part for part in parts if part),
                "markdown": "\n\n".join(part for part in marked if part),
            },
            "defaultConfiguration": {"level": _LEVELS[rule.severity]},
            "properties": {
                "tags": tags[:_MOST_TAGS],
                "precision": "very-high",
                "problem.severity": _LEVELS[rule.severity].replace("note", "recommendation"),
                "security-severity": _SCORES[rule.severity],
            },
        }
        if self._places.docs:
            described["helpUri"] = f"{self._places.docs.rstrip('/')}/{rule.page}"
        return described

    def _results(self) -> Iterator[Object]:
        met: Counter[str] = Counter()
        for group in self._verdict.groups:
            for finding in group.findings:
                key = _fingerprint(finding)
                met[key] += 1
                yield self._result(finding, f"{key}:{met[key]}")

    def _result(self, finding: Finding, fingerprint: str) -> Object:
        rule, resource, violation = finding.rule, finding.resource, finding.violation
        said = f"{violation.path}: {violation.message}" if violation.path else violation.message
        where = f"{resource.name} ({resource.type}) in {self._verdict.title}"
        level = _LEVELS[rule.severity]
        if finding.level is Level.MANDATORY:
            level = "error"
        elif level == "error":
            level = "warning"
        return {
            "ruleId": rule.id,
            "ruleIndex": self._index[rule.id],
            "level": level,
            "message": {"text": f"{shown(where)}: {shown(said)}"},
            "locations": [self._location(resource)],
            # The name that code scanning looks for; it would else hash the text around the line.
            "partialFingerprints": {"primaryLocationLineHash": fingerprint},
            "suppressions": [self._suppression(finding.waiver)] if finding.waiver else [],
            "properties": {"enforcement": finding.level, "path": shown(violation.path)},
        }

    def _suppression(self, waiver: Waiver) -> Object:
        people = f"owner {waiver.owner}, approved by {waiver.approver}, until {waiver.expires}"
        made: Object = {
            "kind": "external",
            "status": "accepted",
            "justification": shown(f"{waiver.reason} ({people})"),
        }
        if place := self._place(waiver.place):
            made["location"] = {"physicalLocation": place}
        return made

    def _errors(self) -> Iterator[Object]:
        for error in self._verdict.judgement.errors:
            yield self._notification(
                "error", f"the rule failed, which is a defect of it: {error.message}", error
            )

    def _doubts(self) -> Iterator[Object]:
        for undecided in self._verdict.judgement.not_evaluated:
            yield self._notification("note", f"not evaluated: {undecided.reason}", undecided)

    def _notification(self, level: str, text: str, about: Any) -> Object:  # noqa: ANN401 - both kinds
        return {
            "level": level,
            "message": {"text": shown(f"{about.rule.id}, {about.resource.name}: {text}")},
            "associatedRule": {"id": about.rule.id, "index": self._index[about.rule.id]},
            "locations": [self._location(about.resource)],
        }

    def _waiver_problems(self) -> Iterator[Object]:
        for problem in self._verdict.judgement.waiver_problems:
            made: Object = {
                "level": "error" if problem.stops else "warning",
                "message": {"text": shown(f"{problem.what}; {problem.remedy}")},
            }
            if place := self._place(problem.where):
                made["locations"] = [{"physicalLocation": place}]
            yield made

    def _limits(self) -> Iterator[Object]:
        for limit in self._verdict.limits:
            yield {"level": "note", "message": {"text": f"not visible here: {shown(limit)}"}}

    def _location(self, resource: Resource) -> Object:
        location: Object = {
            "logicalLocations": [
                {
                    "name": shown(resource.name),
                    "fullyQualifiedName": shown(resource.urn),
                    "kind": "resource",
                }
            ]
        }
        source = resource.source
        if source:
            place = self._place(f"{source.file}:{source.line}")
        elif file := self._places.files.get(self._verdict.title):
            place = _physical(file, 1)
        else:
            place = None
        if place:
            location["physicalLocation"] = place
        return location

    def _place(self, text: str) -> Object | None:
        """The file and line that `text` names, both relative to the project."""
        file, _, line = text.rpartition(":")
        if not file or not line.isdigit():
            return None
        if self._places.project and not file.startswith("/"):
            file = f"{self._places.project}/{file}"
        return _physical(file, int(line))


def _physical(file: str, line: int) -> Object:
    """A line of a file; one with a relative name is below the root of the repository."""
    uri = quote(file, errors="backslashreplace")
    if file.startswith("/"):
        artifact = {"uri": f"file://{uri}"}
    else:
        artifact = {"uri": uri, "uriBaseId": _ROOT}
    return {"artifactLocation": artifact, "region": {"startLine": max(line, 1)}}


def _fingerprint(finding: Finding) -> str:
    """What stays the same of a finding when lines move or its wording changes."""
    parts = (finding.rule.id, finding.resource.urn, finding.violation.path)
    text = "\n".join(parts).encode("utf-8", "backslashreplace")
    return hashlib.sha256(text).hexdigest()[:32]
