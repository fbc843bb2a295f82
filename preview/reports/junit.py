"""The report as JUnit XML, for test reports: a suite an environment, a case a rule and resource."""

from collections.abc import Iterator, Sequence
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from policies.judgement import Finding
from policies.waivers import WaiverProblem
from preview.cases import Case, State, cases
from preview.reports.wording import shown
from preview.verdict import Verdict

_COUNTED: Final = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def render(verdicts: Sequence[Verdict]) -> str:
    """The XML on `verdicts`: what stops an update fails, what only advises is told.

    A rule that does not apply to a resource is no case: it tested nothing.
    """
    root = Element("testsuites", name="slipway")
    root.extend(_suite(verdict) for verdict in verdicts)
    for key in ("tests", *_COUNTED):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    indent(root, space=" ")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(root, encoding="unicode")}\n'


def _suite(verdict: Verdict) -> Element:
    suite = Element("testsuite", name=shown(verdict.title))
    suite.extend(
        _case(case) for case in cases(verdict.judgement) if case.state is not State.NOT_APPLICABLE
    )
    suite.extend(map(_problem, verdict.judgement.waiver_problems))
    suite.set("tests", str(len(suite)))
    for key, tag in _COUNTED.items():
        suite.set(key, str(sum(case.find(tag) is not None for case in suite)))
    return suite


def _case(case: Case) -> Element:
    resource = case.resource
    element = Element(
        "testcase", classname=case.rule.id, name=shown(f"{resource.type} {resource.name}")
    )
    if resource.source:
        element.set("file", shown(resource.source.file))
        element.set("line", str(resource.source.line))
    if case.is_error:
        SubElement(element, "error", message=shown(case.reason), type="rule")
    elif case.state is State.NOT_EVALUATED:
        SubElement(element, "skipped", message=f"not evaluated: {shown(case.reason)}")
    elif case.state is State.WAIVED:
        SubElement(element, "skipped", message=shown(_waived(case)))
    elif case.stops:
        first = case.findings[0].violation.message
        failure = SubElement(
            element, "failure", message=shown(first), type=case.rule.severity.value
        )
        failure.text = "\n".join(_told(case))
    elif case.findings:
        SubElement(element, "system-out").text = "\n".join(("advisory:", *_told(case)))
    return element


def _waived(case: Case) -> str:
    waivers = dict.fromkeys(finding.waiver for finding in case.findings if finding.waiver)
    return "; ".join(
        f"waived until {waiver.expires}: {waiver.reason} (owner {waiver.owner},"
        f" approved by {waiver.approver})"
        for waiver in waivers
    )


def _told(case: Case) -> Iterator[str]:
    """What is wrong, where it is declared, and what to do."""
    yield from (_sentence(finding) for finding in case.findings)
    yield shown(case.resource.urn)
    if case.resource.source:
        yield shown(str(case.resource.source))
    yield from ("", case.rule.remediation, "", case.rule.page)


def _sentence(finding: Finding) -> str:
    path, message = finding.violation.path, finding.violation.message
    return shown(f"{path}: {message}" if path else message)


def _problem(problem: WaiverProblem) -> Element:
    element = Element("testcase", classname="waivers", name=shown(problem.where))
    said = shown(f"{problem.what}; {problem.remedy}")
    if problem.stops:
        SubElement(element, "failure", message=said, type="waiver")
    else:
        SubElement(element, "system-out").text = said
    return element
