"""Tests of the report as JSON."""

import json
import re
from pathlib import Path
from typing import Any, Final, cast

import jsonschema

from policies.judgement import RuleError, Undecided
from preview.reports.json import checks, previews
from tests.preview.plans import TODAY, VPC, alarm, resource, verdict, waiver

TEXTS: Final = {"type": "array", "items": {"type": "string"}}
FINDING: Final = {
    "type": "object",
    "required": [
        "rule",
        "severity",
        "level",
        "urn",
        "type",
        "message",
        "remediation",
        "url",
        "requirements",
        "controls",
        "waived",
    ],
    "properties": {
        "rule": {"type": "string"},
        "severity": {"enum": ["critical", "high", "medium", "low"]},
        "level": {"enum": ["mandatory", "advisory"]},
        "urn": {"type": "string", "pattern": "^urn:pulumi:"},
        "type": {"type": "string"},
        "path": {"type": "string"},
        "message": {"type": "string"},
        "remediation": {"type": "string"},
        "url": {"type": "string", "pattern": r"^docs/policies/.+\.md$"},
        "requirements": TEXTS,
        "controls": {
            "type": "object",
            "required": ["fsbp", "cis", "checkov"],
            "properties": {"fsbp": TEXTS, "cis": TEXTS, "checkov": TEXTS},
            "additionalProperties": TEXTS,
        },
        "source": {
            "type": ["object", "null"],
            "required": ["file", "line"],
            "properties": {"file": {"type": "string"}, "line": {"type": "integer"}},
        },
        "waived": {"type": "boolean"},
    },
    "additionalProperties": False,
}
JUDGED: Final = {
    "tier": {"type": "string"},
    "findings": {"type": "array", "items": FINDING},
    "waivers": {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["rule", "resource", "reason", "owner", "approver", "expires"],
        },
    },
    "waiver_problems": {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["where", "what", "remedy", "stops"],
            "properties": {"stops": {"type": "boolean"}},
        },
    },
    "not_evaluated": {
        "type": "array",
        "items": {"type": "object", "required": ["rule", "urn", "type", "reason"]},
    },
    "errors": {
        "type": "array",
        "items": {"type": "object", "required": ["rule", "urn", "message"]},
    },
    "warnings": TEXTS,
}
CHECK: Final = {
    "type": "object",
    "required": list(JUDGED),
    "properties": JUDGED,
    "additionalProperties": False,
}
FILES: Final = {
    "type": "object",
    "required": ["files"],
    "properties": {
        "files": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["file", *JUDGED],
                "properties": {"file": {"type": "string"}, **JUDGED},
                "additionalProperties": False,
            },
        }
    },
    "additionalProperties": False,
}
PREVIEW: Final = {
    "type": "object",
    "required": ["environments"],
    "properties": {
        "environments": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["environment", "resources", "summary", *JUDGED],
                "properties": {
                    "environment": {"type": "string"},
                    "failed": {"type": "boolean"},
                    "resources": {"type": "integer"},
                    "summary": {"type": "object", "additionalProperties": {"type": "integer"}},
                    "cost": {"type": "object", "required": ["month", "parts", "unpriced"]},
                    "figures": {"type": "object", "additionalProperties": {"type": "integer"}},
                    **JUDGED,
                },
                "additionalProperties": False,
            },
        }
    },
    "additionalProperties": False,
}


def test_a_preview_says_all_that_the_text_says() -> None:
    """Counts, findings, waivers, doubts, errors, warnings: in the documented shape."""
    judged = verdict(resource(VPC, "vpc"), alarm())
    rule = judged.judgement.findings[0].rule
    judged.judgement.errors.append(RuleError(rule=rule, resource=alarm(), message="KeyError: 1"))
    judged.judgement.not_evaluated.append(
        Undecided(rule=rule, resource=alarm(), reason="x is known after apply")
    )
    accepted, unused = (
        waiver("alarm-actions", alarm()),
        waiver("vpc-flow-logs", resource(VPC, "gone")),
    )
    content = _valid(previews([judged.with_waivers([accepted, unused], TODAY)]), PREVIEW)
    (environment,) = content["environments"]
    assert environment["environment"] == "production"
    assert environment["failed"] is True
    assert environment["resources"] == 2
    assert environment["summary"] == {"ec2": 1, "cloudwatch": 1}
    assert environment["figures"] == {"SCALE-01": 2}
    assert environment["waivers"][0]["expires"] == "2026-07-03"
    assert [each["stops"] for each in environment["waiver_problems"]] == [True]
    assert [each["message"] for each in environment["errors"]] == ["KeyError: 1"]
    assert [each["reason"] for each in environment["not_evaluated"]] == ["x is known after apply"]
    assert environment["warnings"] == ["a limit", "a thing is unknown"]


def test_a_finding_has_its_rule_resource_and_place() -> None:
    """All that a program needs to open the line and to quote the standard."""
    content = _valid(checks([verdict(resource(VPC, "vpc"))]), CHECK)
    (finding,) = (each for each in content["findings"] if each["rule"] == "vpc-flow-logs")
    assert finding["type"] == VPC
    assert finding["level"] == "mandatory"
    assert "AUD-03" in finding["requirements"]
    assert finding["controls"]["checkov"] == ["CKV2_AWS_11"]
    assert finding["source"] == {"file": "stacks/network.py", "line": 7}
    assert finding["waived"] is False


def test_a_waived_finding_says_so() -> None:
    """It stays in the list."""
    accepted = waiver("alarm-actions", alarm())
    content = _valid(checks([verdict(alarm()).with_waivers([accepted], TODAY)]), CHECK)
    waived = {each["rule"]: each["waived"] for each in content["findings"]}
    assert waived["alarm-actions"] is True


def test_several_files_are_a_list() -> None:
    """Each with its name; one alone is no list."""
    content = _valid(checks([verdict(), verdict(alarm())]), FILES)
    assert [each["file"] for each in content["files"]] == ["production", "production"]


def test_names_of_any_characters_are_valid_json() -> None:
    """Quotes, line breaks, and half of a character pair."""
    name = 'a"\n\ud800 ü'
    content = _valid(checks([verdict(resource(VPC, name))]), CHECK)
    assert any(each["urn"].endswith(name) for each in content["findings"])
    assert checks([verdict(resource(VPC, name))]).isascii()


def test_every_key_is_documented() -> None:
    """Who writes a program against the output finds each key in the documentation."""
    page = (Path(__file__).parents[3] / "docs" / "reports.md").read_text(encoding="utf-8")
    environment = json.loads(previews([verdict(alarm())]))["environments"][0]
    keys = {*environment, *environment["findings"][0]}
    assert keys - set(re.findall(r"`(\w+)`", page)) == set()


def _valid(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    content = cast("dict[str, Any]", json.loads(text))
    jsonschema.validate(content, schema)
    return content
