"""Rules for the records of deployments: where they are kept, and that nobody changes them."""

from typing import Annotated, Final

from pydantic import Field

from plan.graph import Graph
from plan.model import STACK_TYPE
from policies.nodes import Subject
from policies.outcomes import NotApplicable, Outcome, every, fail, met, some
from policies.registry import Given, Ref, rule
from policies.relations import companions, tag
from policies.rules.ecs import SERVICE
from policies.rules.s3 import BUCKET, BUCKETS
from policies.rules.s3_data import LOCKS
from policies.settings import Settings, Severity
from standards import Tier, figure

_STACK: Final = Given(STACK_TYPE, "production")
_SERVICE: Final = Given(SERVICE, "api")
_TAG: Final = "LogClass"
_DEPLOYMENT: Final = "deployment"
_YEAR_DAYS: Final = 365
_FINAL_TIERS: Final = frozenset({Tier.STAGING, Tier.PRODUCTION})


class Records(Settings):
    """How long the record of a deployment cannot be changed."""

    days: Annotated[int, Field(ge=1)] = figure("LOG-05", "retention_days").days
    """As long as a deployment's log is kept (LOG-05)."""


def _locked(mode: str, **period: object) -> Given:
    retention = {"mode": mode, **period}
    return Given(
        LOCKS[0], "evidence", {"bucket": Ref("evidence"), "rule": {"defaultRetention": retention}}
    )


_EVIDENCE: Final = Given(BUCKET, "evidence", {"tags": {_TAG: _DEPLOYMENT}})


@rule(
    types=[STACK_TYPE],
    severity=Severity.MEDIUM,
    requirements=["AUD-01"],
    settings=Records,
    remediation="""
        Keep what a deployment wrote where nobody can take it away:

            bucket = aws.s3.Bucket("evidence", object_lock_enabled=True,
                                   tags={"LogClass": "deployment"})
            aws.s3.BucketObjectLockConfiguration("evidence", bucket=bucket.id, rule={
                "default_retention": {"mode": "COMPLIANCE", "days": 365}})
        """,
    passing=[
        (_STACK, _SERVICE, _EVIDENCE, _locked("COMPLIANCE", days=_YEAR_DAYS)),
        (_STACK, _SERVICE, _EVIDENCE, _locked("COMPLIANCE", years=1)),
        (_STACK, _SERVICE, Given(BUCKET, "other"), _EVIDENCE, _locked("COMPLIANCE", days=400)),
    ],
    failing=[
        (_STACK, _SERVICE),
        (_STACK, _SERVICE, Given(BUCKET, "evidence"), _locked("COMPLIANCE", days=_YEAR_DAYS)),
        (_STACK, _SERVICE, _EVIDENCE),
        (_STACK, _SERVICE, _EVIDENCE, _locked("GOVERNANCE", days=_YEAR_DAYS)),
        (_STACK, _SERVICE, _EVIDENCE, _locked("COMPLIANCE", days=_YEAR_DAYS - 1)),
        (_STACK, _SERVICE, _EVIDENCE, _locked("COMPLIANCE")),
    ],
    absence_is_safe=True,
)
def deployment_records_locked(_: Subject, settings: Records, graph: Graph) -> Outcome:
    """What services are deployed by leaves a record that nobody can change.

    Only a record that its own authors cannot rewrite says who did what. A stack with services keeps
    a bucket tagged `LogClass: deployment`, whose lock nobody lifts in staging and production.
    """
    if not graph.of_type(SERVICE):
        return NotApplicable("deploys no service")
    buckets = [Subject(one) for one in graph.of_type(*BUCKETS)]
    records = [one for one in buckets if tag(one, graph, _TAG) == _DEPLOYMENT]
    if not records:
        return fail(f"keeps no bucket tagged {_TAG}: {_DEPLOYMENT} for the records of deployments")
    return every(records, lambda bucket: _keeps(bucket, settings, graph))


def _keeps(bucket: Subject, settings: Records, graph: Graph) -> Outcome:
    def holds(lock: Subject) -> Outcome:
        retention = lock.node("rule").node("defaultRetention")
        days = retention.number("days") or (retention.number("years") or 0) * _YEAR_DAYS
        is_final = retention.text("mode") == "COMPLIANCE" or settings.tier not in _FINAL_TIERS
        return met(is_final and days >= settings.days)

    return some(
        companions(bucket.resource, graph, LOCKS, "bucket"),
        holds,
        f"{bucket.name} has no lock in compliance mode for at least {settings.days} days",
    )
