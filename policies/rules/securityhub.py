"""Rules for Security Hub, which holds an account against published standards."""

from functools import lru_cache
from typing import Final

from plan.graph import Graph
from policies.nodes import Subject
from policies.outcomes import PASS, Outcome, every, met, some
from policies.registry import Controls, Given, rule
from policies.settings import Settings, Severity

ACCOUNT: Final = "aws:securityhub/account:Account"
SUBSCRIPTION: Final = "aws:securityhub/standardsSubscription:StandardsSubscription"

_FSBP: Final = "aws-foundational-security-best-practices"
_CIS: Final = "cis-aws-foundations-benchmark"
_ARN: Final = "arn:aws:securityhub:eu-central-1::standards/"


class Subscriptions(Settings):
    """The standards that an account is held against, by what their ARNs hold."""

    standards: tuple[str, ...] = (_FSBP, _CIS)


def _subscribed(name: str, path: str) -> Given:
    """A subscription to a standard, for the examples."""
    return Given(SUBSCRIPTION, name, {"standardsArn": f"{_ARN}{path}"})


@rule(
    types=[ACCOUNT],
    severity=Severity.MEDIUM,
    controls=Controls(cis=("4.16",)),
    settings=Subscriptions,
    remediation="""
        Subscribe to both standards:

            hub = aws.securityhub.Account("account", enable_default_standards=False)
            for name, path in (("fsbp", "aws-foundational-security-best-practices/v/1.0.0"),
                               ("cis", "cis-aws-foundations-benchmark/v/5.0.0")):
                aws.securityhub.StandardsSubscription(name,
                    standards_arn=f"arn:aws:securityhub:{region}::standards/{path}",
                    opts=pulumi.ResourceOptions(depends_on=[hub]))
        """,
    passing=[
        (
            Given(ACCOUNT, "account", {"enableDefaultStandards": False}),
            _subscribed("fsbp", f"{_FSBP}/v/1.0.0"),
            _subscribed("cis", f"{_CIS}/v/5.0.0"),
        ),
        (Given(ACCOUNT, "account"), _subscribed("cis", f"{_CIS}/v/3.0.0")),
    ],
    failing=[
        (Given(ACCOUNT, "account", {"enableDefaultStandards": True}),),
        (
            Given(ACCOUNT, "account", {"enableDefaultStandards": False}),
            _subscribed("cis", f"{_CIS}/v/5.0.0"),
        ),
        (
            Given(ACCOUNT, "account", {"enableDefaultStandards": False}),
            _subscribed("fsbp", f"{_FSBP}/v/1.0.0"),
            _subscribed("pci", "pci-dss/v/4.0.1"),
        ),
    ],
)
def securityhub_on(account: Subject, settings: Subscriptions, graph: Graph) -> Outcome:
    """Security Hub holds the account against AWS's and the CIS's standards.

    It sees what was changed by hand, which no program shows. Of the standards that it takes by
    default only AWS's own counts: its version of the CIS benchmark dates from 2018.
    """

    def held(standard: str) -> Outcome:
        if standard == _FSBP and account.flag("enableDefaultStandards") is not False:
            return PASS
        return _subscription(graph, standard)

    return every(settings.standards, held)


@lru_cache(maxsize=16)
def _subscription(graph: Graph, standard: str) -> Outcome:
    """Whether the stack subscribes to `standard`; asked once a stack."""
    return some(
        [Subject(one) for one in graph.of_type(SUBSCRIPTION)],
        lambda one: met(f"/{standard}/" in f"/{one.text('standardsArn') or ''}/"),
        f"no subscription to {standard}",
    )
