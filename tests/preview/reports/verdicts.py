"""A verdict with everything that a report can tell, under names that no format likes."""

from dataclasses import replace
from typing import Final

from policies.judgement import RuleError, Undecided
from preview.verdict import Verdict
from tests.preview.plans import TODAY, VPC, alarm, resource, verdict, waiver

HOSTILE: Final = "]]>\"'&<x a='1'>\x00\x1b[31m\ud800\uffff\u202e,\n=1+1;|`"


def full() -> Verdict:
    """Findings, one waived with its end near, a waiver for nothing, a doubt, an error."""
    judged = verdict(resource(VPC, "vpc"), resource(VPC, HOSTILE), alarm(), alarm("near"))
    rule = judged.judgement.rules[0]
    plan = judged.judgement.plan
    judged.judgement.plan = replace(
        plan, resources=(*plan.resources, alarm("unknown"), alarm("broken"))
    )
    judged.judgement.errors.append(
        RuleError(rule=rule, resource=alarm("broken"), message=f"KeyError: {HOSTILE}")
    )
    judged.judgement.not_evaluated.append(
        Undecided(rule=rule, resource=alarm("unknown"), reason=f"{HOSTILE} is known after apply")
    )
    accepted = waiver("alarm-actions", alarm("near"), days=7).at("policies/waivers.yaml:3")
    unused = waiver("vpc-flow-logs", resource(VPC, "gone")).at("policies/waivers.yaml:11")
    return judged.with_waivers([accepted, unused], TODAY)
