"""Rules for the API keys that an API gateway gives out."""

from typing import Final

from plan.graph import Graph
from policies.nodes import Subject
from policies.outcomes import PASS, Outcome, fail, met, some
from policies.registry import Given, Ref, rule
from policies.relations import companions, targets
from policies.settings import Settings, Severity
from standards import figure

API_KEY: Final = "aws:apigateway/apiKey:ApiKey"
PLAN_KEY: Final = "aws:apigateway/usagePlanKey:UsagePlanKey"
USAGE_PLAN: Final = "aws:apigateway/usagePlan:UsagePlan"

_LENGTH: Final = figure("KEY-01", "length_min_characters").count
_WRITTEN: Final = "partner-" + "0123456789abcdef" * 2
_TAKES: Final = {"keyId": Ref("partner"), "keyType": "API_KEY", "usagePlanId": Ref("plan")}


@rule(
    types=[API_KEY],
    severity=Severity.HIGH,
    requirements=["KEY-01"],
    remediation="""
        Let AWS draw it; it takes 40 characters:

            aws.apigateway.ApiKey("partner", name="partner")
        """,
    passing=[(Given(API_KEY, "partner", {"name": "partner"}),)],
    failing=[
        (Given(API_KEY, "partner", {"value": "correct-horse-battery"}),),
        (Given(API_KEY, "partner", {"value": _WRITTEN}),),
    ],
    absence_is_safe=True,
)
def apigateway_key_random(key: Subject) -> Outcome:
    """An API key is drawn at random, and stands in no program.

    What a program holds, everybody who reads it holds too; what people make up, others guess.
    """
    if not key.has("value"):
        return PASS
    length = len(key.text("value") or "")
    short = f", and has {length} characters of {_LENGTH}" if length < _LENGTH else ""
    return fail(f"is written in the program{short}", "value")


@rule(
    types=[API_KEY],
    severity=Severity.MEDIUM,
    requirements=["KEY-05"],
    remediation="""
        Put it into a usage plan, which counts each of its keys for itself:

            plan = aws.apigateway.UsagePlan("partners", throttle_settings={
                "rate_limit": 20, "burst_limit": 40}, api_stages=[...])
            aws.apigateway.UsagePlanKey("partner", key_id=key.id, key_type="API_KEY",
                                        usage_plan_id=plan.id)
        """,
    passing=[
        (
            Given(API_KEY, "partner"),
            Given(USAGE_PLAN, "plan", {"throttleSettings": {"rateLimit": 20, "burstLimit": 40}}),
            Given(PLAN_KEY, "partner", _TAKES),
        ),
    ],
    failing=[
        (Given(API_KEY, "partner"),),
        (
            Given(API_KEY, "partner"),
            Given(USAGE_PLAN, "plan", {"quotaSettings": {"limit": 1000, "period": "DAY"}}),
            Given(PLAN_KEY, "partner", _TAKES),
        ),
        (
            Given(API_KEY, "partner"),
            Given(API_KEY, "other"),
            Given(USAGE_PLAN, "plan", {"throttleSettings": {"rateLimit": 20}}),
            Given(PLAN_KEY, "partner", _TAKES),
        ),
    ],
)
def apigateway_key_limited(key: Subject, _: Settings, graph: Graph) -> Outcome:
    """Each API key has a rate limit of its own.

    Otherwise one client's loop is every client's outage. A usage plan counts each of its keys for
    itself; a quota by the day still lets all of it come at once.
    """
    memberships = companions(key.resource, graph, [PLAN_KEY], "keyId")
    plans = [
        plan
        for membership in memberships
        for plan in targets(membership.resource, graph, "usagePlanId", [USAGE_PLAN])
    ]

    def is_limited(plan: Subject) -> Outcome:
        return met((plan.node("throttleSettings").number("rateLimit") or 0) > 0)

    if not plans:
        return fail("is in no usage plan of this stack, which would limit it")
    return some(plans, is_limited, "its usage plan sets no rate limit")
