"""Judging a plan: every rule on every resource that it concerns, and no rule in another's way."""

from dataclasses import replace

from hypothesis import given as drawn
from hypothesis import settings as limits
from hypothesis import strategies as st

from plan.graph import Graph
from plan.model import Plan, Resource
from plan.values import UNKNOWN, Value
from policies.examples import plan_of, urn
from policies.judgement import judge
from policies.nodes import Subject
from policies.outcomes import NotApplicable, Outcome, require
from policies.registry import AnyRule, Given, rule, rules
from policies.settings import Level, Settings, Severity
from standards import Tier
from tests.plan.strategies import values

BUCKET = "aws:s3/bucket:Bucket"
VPC = "aws:ec2/vpc:Vpc"


TYPES = sorted({type_ for each in rules().values() for type_ in each.types})
INPUTS = sorted(
    {
        key
        for each in rules().values()
        for example in (*each.passing, *each.failing)
        for given in example
        for key in given.inputs
    }
)


def made(function: object, severity: Severity = Severity.LOW) -> AnyRule:
    """A rule of buckets without the papers that a real one has."""
    decorate = rule(types=[BUCKET], severity=severity, remediation="", passing=[], failing=[])
    return decorate(function)  # pyright: ignore[reportArgumentType] - the tests' own functions


@made
def named(bucket: Subject) -> Outcome:
    """A bucket has a name."""
    if bucket.name == "other":
        return NotApplicable("another one")
    return require(bucket.text("bucket"), "has no name", "bucket")


@made
def raising(bucket: Subject) -> Outcome:
    """A rule with a defect."""
    message = f"no such thing as {bucket.name}"
    raise LookupError(message)


@made
def alone(bucket: Subject, _: Settings, graph: Graph) -> Outcome:
    """A bucket is the only one."""
    return require(graph.of_type(BUCKET) == [bucket.resource], "is not alone")


def test_each_outcome_lands_where_it_belongs() -> None:
    """Findings, what is undecided, what is concerned; what does not apply leaves no trace."""
    plan = plan_of(
        (
            Given(BUCKET, "good", {"bucket": "b"}),
            Given(BUCKET, "bad"),
            Given(BUCKET, "later", {"bucket": UNKNOWN}),
            Given(BUCKET, "other"),
            Given(VPC, "vpc"),
        )
    )
    judgement = judge(plan, [named], Settings())
    (finding,) = judgement.findings
    assert finding.resource.name == "bad"
    assert (finding.violation.message, finding.violation.path) == ("has no name", "bucket")
    (undecided,) = judgement.not_evaluated
    assert undecided.resource.name == "later"
    assert undecided.reason == "bucket is known after apply"
    assert judgement.concerned == {"named": {urn(BUCKET, "good"), urn(BUCKET, "bad")}}
    assert not judgement.failed


def test_a_rule_that_raises_is_an_error_of_that_rule_on_that_resource() -> None:
    """The other rules and the other resources go on, and the run fails."""
    plan = plan_of((Given(BUCKET, "a"), Given(BUCKET, "b")))
    judgement = judge(plan, [raising, named], Settings())
    assert [(error.rule.id, error.resource.name, error.message) for error in judgement.errors] == [
        ("raising", "a", "LookupError: no such thing as a"),
        ("raising", "b", "LookupError: no such thing as b"),
    ]
    assert len(judgement.findings) == 2
    assert judgement.failed


def test_a_rule_that_relates_is_undecided_where_resources_may_be_missing() -> None:
    """A plan that lists only some of a stack's resources proves no absence."""
    plan = plan_of((Given(BUCKET, "a"),))
    assert judge(plan, [alone], Settings()).concerned
    judgement = judge(replace(plan, complete=False), [alone, named], Settings())
    (undecided,) = judgement.not_evaluated
    assert undecided.rule.id == "alone"
    assert undecided.reason == "the plan lists only some of the stack's resources"
    assert [finding.rule.id for finding in judgement.findings] == ["named"]


def test_settings_are_given_by_rule_or_to_all() -> None:
    """The tier decides what a violation does."""
    grave = made(named.check, Severity.CRITICAL)
    grave = replace(grave, id="grave", check=named.check)
    plan = plan_of((Given(BUCKET, "bad"),))
    for tier, level in ((Tier.PRODUCTION, Level.MANDATORY), (Tier.INTEGRATION, Level.ADVISORY)):
        (finding,) = judge(plan, [grave], {"grave": Settings(tier=tier)}).findings
        assert finding.level is level
        assert finding.stops is (level is Level.MANDATORY)
    assert judge(plan, [grave], Settings()).failed


def test_levels_follow_severity_and_citations() -> None:
    """A cited requirement is a must where it applies, whatever the severity."""
    low = made(named.check)
    assert {low.level(tier) for tier in Tier} == {Level.ADVISORY}
    cited = replace(low, requirements=("BAK-01",))
    assert cited.level(Tier.PRODUCTION) is Level.MANDATORY
    assert cited.level(Tier.STAGING) is Level.ADVISORY
    high = replace(low, severity=Severity.HIGH)
    assert [high.level(tier) for tier in Tier] == [
        *(Level.ADVISORY, Level.ADVISORY, Level.MANDATORY, Level.MANDATORY)
    ]


def test_production_is_what_nobody_says_otherwise() -> None:
    """Silence is never lenient."""
    assert Settings().is_production
    assert not Settings(tier=Tier.STAGING).is_production


def test_depth_does_not_exhaust_the_stack() -> None:
    """A value that is nested beyond reason is judged like any other."""
    value: Value = "0.0.0.0/0"
    for _ in range(5_000):
        value = [value]
    keys = ("bucket", "tags", "policy", "ingress", "networkConfiguration", "containerDefinitions")
    plan = Plan(
        project="p",
        stack="s",
        resources=tuple(
            Resource(urn=urn(type_, "x"), type=type_, name="x", inputs=dict.fromkeys(keys, value))
            for type_ in TYPES
        ),
    )
    settings = {identifier: each.settings() for identifier, each in rules().items()}
    assert not judge(plan, rules().values(), settings).errors


@limits(max_examples=100)
@drawn(type_=st.sampled_from(TYPES), inputs=st.dictionaries(st.sampled_from(INPUTS), values))
def test_no_input_makes_a_rule_raise(type_: str, inputs: dict[str, Value]) -> None:
    """Whatever stands in the inputs that rules read, they give an answer."""
    resource = Resource(urn=urn(type_, "x"), type=type_, name="x", inputs=inputs)
    settings = {identifier: each.settings() for identifier, each in rules().items()}
    plan = Plan(project="p", stack="s", resources=(resource,))
    assert not judge(plan, rules().values(), settings).errors
