"""Rules: what the decorator makes of a function."""

import pytest

from plan.graph import Graph
from plan.model import Plan
from policies.examples import plan_of
from policies.nodes import Subject
from policies.outcomes import PASS, Outcome, fail
from policies.registry import Controls, Given, Inputs, Ref, Rule, rule, rules
from policies.settings import Settings, Severity
from standards import UnknownRequirementError

BUCKET = "aws:s3/bucket:Bucket"


def example_of_a_rule(bucket: Subject, settings: Settings, graph: Graph) -> Outcome:
    """Something holds.

    It matters, and
    here is why.
    """
    assert bucket.type == BUCKET
    assert settings.is_production
    assert graph.plan.stack == "s"
    return PASS


def decorated(function: object, **changes: object) -> Rule[Settings]:
    """The rule that the decorator makes of `function`."""
    arguments: dict[str, object] = {
        "types": [BUCKET],
        "severity": Severity.LOW,
        "remediation": "\n        Do this:\n\n            that()\n        ",
        "passing": [],
        "failing": [],
        **changes,
    }
    return rule(**arguments)(function)  # pyright: ignore[reportArgumentType] - as the tests give them


def test_id_title_and_description_come_from_the_function() -> None:
    """They are written once, where the rule is."""
    made = decorated(example_of_a_rule)
    assert made.id == "example-of-a-rule"
    assert made.title == "Something holds."
    assert made.description == "It matters, and\nhere is why."
    assert made.remediation == "Do this:\n\n    that()"
    assert made.service == "test_registry"


def test_a_rule_has_what_the_decorator_is_given() -> None:
    """And what is left out is empty, or as strict as can be."""
    made = decorated(example_of_a_rule)
    assert made.controls == Controls()
    assert made.settings is Settings
    assert (made.passing, made.failing) == ((), ())
    assert made.absence_is_safe is False
    controls = Controls(fsbp=("S3.1",))
    examples = [(Given(BUCKET, "b"),)]
    made = decorated(
        example_of_a_rule,
        controls=controls,
        passing=examples,
        failing=[*examples, *examples],
        absence_is_safe=True,
    )
    assert made.controls is controls
    assert made.passing == tuple(examples)
    assert len(made.failing) == 2
    assert made.absence_is_safe is True


def test_the_number_of_arguments_says_what_a_rule_needs() -> None:
    """The resource; the settings, too; the graph, too, where it relates resources."""

    def one(bucket: Subject) -> Outcome:
        """One."""
        assert bucket.type == BUCKET
        return PASS

    def two(bucket: Subject, settings: Settings) -> Outcome:
        """Two."""
        assert bucket.type == BUCKET
        assert settings.is_production
        return PASS

    (resource,) = plan_of((Given(BUCKET, "b"),)).resources
    graph = Graph(Plan(project="p", stack="s", resources=(resource,)))
    for function, relates in ((one, False), (two, False), (example_of_a_rule, True)):
        made = decorated(function)
        assert made.relates is relates
        assert made.judge(Subject(resource), Settings(), graph) == PASS


def test_a_remedy_changes_what_the_rule_judges_unless_it_is_said() -> None:
    """A setting may be a resource of its own beside the one that is judged."""
    (bucket, topic) = (
        Subject(resource)
        for resource in plan_of((Given(BUCKET, "b"), Given("aws:sns/topic:Topic", "t"))).resources
    )
    graph = Graph(Plan(project="p", stack="s", resources=()))

    def refused(_: Subject) -> Outcome:
        """No bucket is right."""
        return fail("wrong")

    def remedy(subject: Subject) -> Inputs:
        return {"name": subject.name}

    bare = decorated(refused)
    assert (bare.remedy, bare.remedied) == (None, ())
    assert bare.remedy_for(bucket, Settings(), graph) == {}
    own = decorated(refused, remedy=remedy)
    assert own.remedied == (BUCKET,)
    assert own.remedy_for(bucket, Settings(), graph) == {"name": "b"}
    assert own.remedy_for(topic, Settings(), graph) == {}
    other = decorated(refused, remedy=remedy, remedied=["aws:sns/topic:Topic"])
    assert other.remedied == ("aws:sns/topic:Topic",)
    assert other.remedy_for(bucket, Settings(), graph) == {}
    assert other.remedy_for(topic, Settings(), graph) == {"name": "t"}


def test_a_rule_without_a_docstring_has_no_title() -> None:
    """The tests of the pack then name it."""

    def silent(_: Subject) -> Outcome:
        return PASS

    made = decorated(silent)
    assert (made.title, made.description) == ("", "")


def test_a_requirement_that_does_not_exist_is_refused() -> None:
    """At import, with the closest ids."""
    with pytest.raises(UnknownRequirementError, match="closest"):
        decorated(example_of_a_rule, requirements=["LOG-99"])


def test_rules_are_found_in_their_modules_in_the_order_of_their_ids() -> None:
    """Whoever adds a module adds its rules."""
    assert list(rules()) == sorted(rules())
    assert {"vpc", "lb", "rds", "s3", "iam"} <= {each.service for each in rules().values()}
    assert all(identifier == each.id for identifier, each in rules().items())


def test_an_example_becomes_the_plan_of_a_first_preview() -> None:
    """A reference is an unknown of which the plan records the target, at any depth."""
    plan = plan_of(
        (
            Given("pulumi:providers:aws", "aws"),
            Given("aws:sns/topic:Topic", "topic", protect=True, ignore_changes=("name",)),
            Given(
                BUCKET, "b", {"x": {"y": [Ref("topic"), 1]}, "z": (Ref("topic"),)}, provider="aws"
            ),
        )
    )
    provider, topic, bucket = plan.resources
    assert topic.options.protect
    assert topic.options.ignore_changes == ("name",)
    assert bucket.provider == provider.urn
    assert bucket.dependencies == (topic.urn,)
    assert bucket.property_dependencies == {"x": (topic.urn,), "z": (topic.urn,)}
    assert bucket.unknowns == ("x.y[0]", "z[0]")
    same = plan_of(
        (Given(BUCKET, "data"), Given("aws:sns/topic:Topic", "data", {"x": Ref("data")}))
    )
    assert same.resources[1].property_dependencies == {"x": (same.resources[0].urn,)}
    with pytest.raises(KeyError, match="nobody"):
        plan_of((Given(BUCKET, "b", {"x": Ref("nobody")}),))
