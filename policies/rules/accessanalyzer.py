"""Rules for IAM Access Analyzer, which finds what is shared with the outside."""

from functools import lru_cache
from typing import Final

from plan.graph import Graph
from plan.model import STACK_TYPE
from policies.nodes import Subject
from policies.outcomes import NotApplicable, Outcome, met, some
from policies.registry import Controls, Given, rule
from policies.rules.cloudtrail import TRAIL
from policies.rules.config import RECORDER
from policies.rules.guardduty import DETECTOR
from policies.rules.securityhub import ACCOUNT
from policies.settings import Settings, Severity

ANALYZER: Final = "aws:accessanalyzer/analyzer:Analyzer"

_ACCOUNT_WIDE: Final = (ANALYZER, TRAIL, RECORDER, DETECTOR, ACCOUNT)
_STACK: Final = Given(STACK_TYPE, "foundation")


@rule(
    types=[STACK_TYPE],
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("IAM.28",), cis=("1.19",)),
    remediation="""
        Declare one in each region, beside the other services of the account:

            aws.accessanalyzer.Analyzer("external", analyzer_name="external", type="ACCOUNT")
        """,
    passing=[
        (_STACK, Given(ANALYZER, "external", {"type": "ACCOUNT"})),
        (_STACK, Given(ANALYZER, "external", {"type": "ORGANIZATION"}), Given(TRAIL, "account")),
        (_STACK, Given(ANALYZER, "external", {"analyzerName": "external"})),
    ],
    failing=[
        (_STACK, Given(TRAIL, "account")),
        (_STACK, Given(ANALYZER, "unused", {"type": "ACCOUNT_UNUSED_ACCESS"})),
    ],
    absence_is_safe=True,
)
def access_analyzer(_: Subject, _settings: Settings, graph: Graph) -> Outcome:
    """A stack for an account's own services has an analyzer of external access.

    It finds the bucket, key or role that is open to another account. Only a stack that declares
    such services is concerned (a trail, a recorder, a detector, Security Hub or any analyzer):
    one stack does so for all of the account.
    """
    return _has_analyzer(graph)


@lru_cache(maxsize=8)
def _has_analyzer(graph: Graph) -> Outcome:
    if not any(graph.of_type(type_) for type_ in _ACCOUNT_WIDE):
        return NotApplicable("declares none of the account's own services")
    return some(
        [Subject(one) for one in graph.of_type(ANALYZER)],
        lambda one: met((one.text("type") or "ACCOUNT") in {"ACCOUNT", "ORGANIZATION"}),
        "declares services of the account, and no analyzer of external access",
    )
