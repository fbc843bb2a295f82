"""What holds of every rule: its examples prove it, and nothing that it may meet misleads it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final, cast

import pytest

from plan.model import PROVIDER_PREFIX, STACK_TYPE
from plan.values import SECRET, UNKNOWN, UNKNOWN_SECRET
from policies.examples import plan_of
from policies.judgement import judge
from policies.outcomes import LONGEST
from policies.registry import AnyRule, Example, Given, Ref, rules
from standards import Tier, requirement
from tests.policies.doors import (
    ERROR,
    FAIL,
    PASS,
    SILENT,
    UNDECIDED,
    Where,
    changed,
    inputs,
    judged,
    leaves,
    verdict,
)

ALL: Final = list(rules().values())

SET_CHECKS: Final = {
    ("alarm-actions", "alarmActions"),
    ("lb-access-logs", "accessLogs"),
    ("rds-force-tls", "dbClusterParameterGroupName"),
}
"""Where a rule asks only whether an input is set, which an unknown value is."""

IN_ANOTHER_CASE_ANOTHER: Final = frozenset(
    # Regions, zones and ids.
    {"availabilityZone", "availabilityZones", "region", "routes", "subnets"}
    # Names that somebody chose, and what refers to them.
    | {"metadata", "name", "namespace", "executionRoleArn", "selectionCriteria", "spec"}
    | {"managedPolicyArns", "metricName", "metricQueries", "roleRef", "tags", "taskRoleArn"}
    # Values of a list that AWS or the cluster refuses in any other case.
    | {"comparisonOperator", "deploymentConfigName", "deploymentConfiguration", "origins"}
    | {"parameters", "rules", "schedule", "trafficRoutingConfig"}
    # JSON and base64, whose keys and bits change with it.
    | {"containerDefinitions", "userData", "userDataBase64"}
)
"""Inputs whose value is another one in another case: what a rule then says proves nothing."""

GOOD_IN_ANOTHER_CASE: Final = {("acm-key-size", "keyAlgorithm"), ("k8s-drop-all-caps", "spec")}
"""Where a failing example is wrong for its case alone."""

USED_BY_ANYTHING: Final = {"sg-in-use", "sqs-dead-letter"}
"""Rules that ask whether something uses a resource, whatever that is."""

EMPTY: Final[tuple[object, ...]] = (None, "", [], {})

WRONG: Final[dict[type, tuple[object, ...]]] = {
    bool: ("maybe", "", 7, [True, False], {"a": 1}, float("nan")),
    int: ("many", "", True, [1, 2], {"a": 1}, float("nan"), float("inf")),
    str: ({"a": 1}, [["x"]], [None]),
}
"""By the type that belongs there: values of types that do not."""

_deep: list[object] = []
for _ in range(200):
    _deep = [_deep]

HOSTILE: Final[list[object]] = [
    None, "", " ", "\x00\u202e\U0001f600ﬃ", "x" * 100_000, True, False, 0, -1, 10**400, 1e308,
    float("nan"), float("-inf"), [], {}, [None], [[]], {"": None}, {"a": [{"b": None}]}, _deep,
    SECRET, UNKNOWN, UNKNOWN_SECRET, [UNKNOWN], {"a": SECRET}, '{"Statement": ', "[" * 10_000,
    '{"Statement": [{"Effect": "allow"}]}', '{"Statement": {"Effect": "Allow", "Principal": 7}}',
    '[{"environment": 1}]', "[1, null]", "0.0.0.0/33", "::/0/0", "cron(* * * * * *)",
    "rate(0 days)",
]  # fmt: skip

HUGE: Final = "x" * 10_000_000

each_rule = pytest.mark.parametrize("rule", ALL, ids=[rule.id for rule in ALL])


@each_rule
def test_passing_examples_pass(rule: AnyRule) -> None:
    """What a rule shows as right is right to it."""
    assert rule.passing
    assert [verdict(rule, example) for example in rule.passing] == [PASS] * len(rule.passing)


@each_rule
def test_failing_examples_fail(rule: AnyRule) -> None:
    """What a rule shows as wrong is wrong to it, and it says so in words."""
    assert rule.failing
    for example in rule.failing:
        findings = judged(rule, example).findings
        assert findings
        assert all(finding.violation.message.strip() for finding in findings)


@each_rule
def test_an_empty_resource_fails_unless_absence_is_safe(rule: AnyRule) -> None:
    """Leaving everything out is never a way around a rule."""
    for type_ in rule.types:
        found = verdict(rule, (Given(type_, "empty"),))
        assert found in ({PASS, SILENT} if rule.absence_is_safe else {FAIL})


@each_rule
def test_types_and_inputs_exist_in_the_sdk(rule: AnyRule) -> None:
    """A misspelled type or input would make a rule that nothing can break."""
    for type_ in rule.types:
        assert _source(type_), type_
    for example in (*rule.passing, *rule.failing):
        for given in example:
            if not given.type.startswith(PROVIDER_PREFIX):
                known = _inputs(given.type)
                assert set(given.inputs) <= known, given


@each_rule
def test_an_unknown_never_makes_a_failing_example_pass(rule: AnyRule) -> None:
    """Not knowing yet is not the same as being right."""
    for example in rule.failing:
        for where, _ in _places(example):
            if (rule.id, where[1][0]) in SET_CHECKS:
                continue
            for unknown in (UNKNOWN, UNKNOWN_SECRET, SECRET):
                assert verdict(rule, changed(example, where, unknown)) not in {PASS, ERROR}, where


@each_rule
def test_a_wrong_type_is_never_a_pass(rule: AnyRule) -> None:
    """A value that AWS would refuse fails the rule instead of slipping through its comparison."""
    for example in rule.failing:
        for where, value in leaves(example):
            for wrong in WRONG.get(type(value), ()):
                assert verdict(rule, changed(example, where, wrong)) not in {PASS, ERROR}, where


@each_rule
def test_another_case_is_no_way_around(rule: AnyRule) -> None:
    """Where AWS tells no capitals from small letters, a rule does not either."""
    for example in rule.failing:
        for where, value in leaves(example):
            key = where[1][0]
            if not isinstance(value, str) or key in IN_ANOTHER_CASE_ANOTHER:
                continue
            if (rule.id, key) not in GOOD_IN_ANOTHER_CASE:
                found = verdict(rule, changed(example, where, value.swapcase()))
                assert found not in {PASS, ERROR}, where


@each_rule
def test_what_a_rule_compares_must_have_the_right_type(rule: AnyRule) -> None:
    """Where an unknown leaves a passing example undecided, a wrong type fails it."""
    for example in rule.passing:
        for where, value in leaves(example):
            if verdict(rule, changed(example, where, UNKNOWN)) != UNDECIDED:
                continue
            for wrong in WRONG.get(type(value), ()):
                found = verdict(rule, changed(example, where, wrong))
                assert found not in {PASS, ERROR}, (where, wrong)


@each_rule
def test_a_hostile_value_never_crashes_a_rule(rule: AnyRule) -> None:
    """Whatever stands in an input, each rule gives an answer."""
    for example in (*rule.passing, *rule.failing):
        for where, value in _places(example):
            wrapped: list[object] = [[value], {"a": value}, str(value).swapcase()]
            for hostile in HOSTILE + wrapped:
                judgement = judged(rule, changed(example, where, hostile))
                assert not judgement.errors, (where, hostile)


@each_rule
def test_ten_megabytes_are_judged_in_a_few_words(rule: AnyRule) -> None:
    """A text of any length has an answer, and no sentence repeats it."""
    for where, _ in _places(rule.failing[0]):
        judgement = judged(rule, changed(rule.failing[0], where, HUGE))
        assert not judgement.errors, where
        said = [finding.violation.message for finding in judgement.findings]
        said += [undecided.reason for undecided in judgement.not_evaluated]
        assert all(len(sentence) <= LONGEST + 1 for sentence in said), where


@each_rule
def test_references_that_go_in_a_circle_come_to_an_end(rule: AnyRule) -> None:
    """A file may say that everything refers to everything, itself and its own child."""
    for example in (*rule.passing, *rule.failing):
        plan = plan_of(example)
        urns = tuple(one.urn for one in plan.resources)
        tied = [
            replace(
                one,
                parent=urns[index - 1],
                provider=urns[index - 1],
                dependencies=urns,
                property_dependencies=dict.fromkeys(one.inputs, urns),
            )
            for index, one in enumerate(plan.resources)
        ]
        assert not judge(replace(plan, resources=tuple(tied)), [rule], rule.settings()).errors


@each_rule
def test_a_rule_that_follows_references_takes_the_graph(rule: AnyRule) -> None:
    """The engine tells a resource policy of one resource alone, not of its references."""
    if rule.relates:
        return
    for example in (*rule.passing, *rule.failing):
        plan = plan_of(example)
        bare = [replace(one, dependencies=(), property_dependencies={}) for one in plan.resources]
        alone = judge(replace(plan, resources=tuple(bare)), [rule], rule.settings())
        together = judge(plan, [rule], rule.settings())
        assert len(alone.findings) == len(together.findings)
        assert len(alone.not_evaluated) == len(together.not_evaluated)


@each_rule
def test_a_reference_counts_only_where_it_means_something(rule: AnyRule) -> None:
    """That a resource mentions another one, in whatever input, relates nothing."""
    if rule.id in USED_BY_ANYTHING:
        return
    for example in (*rule.passing, *rule.failing):
        for index, given in enumerate(example):
            for key in given.inputs:
                moved = _without(given, key)
                inputs = {**moved.inputs, "unrelated": given.inputs[key]}
                elsewhere = (*example[:index], replace(given, inputs=inputs), *example[index + 1 :])
                absent = (*example[:index], moved, *example[index + 1 :])
                assert verdict(rule, elsewhere) == verdict(rule, absent), (given.name, key)


@each_rule
def test_a_resource_counts_only_as_what_it_is(rule: AnyRule) -> None:
    """One of another type with the same inputs, or with the same name, stands for nothing."""
    if rule.id in USED_BY_ANYTHING:
        return
    for example in (*rule.passing, *rule.failing):
        named = {name for given in example for name in _names_in(given.inputs)}
        named |= {given.provider for given in example}
        for index, given in enumerate(example):
            if given.name not in named and given.type not in rule.types:
                other = replace(given, type="example:index:Other")
                changed_ = (*example[:index], other, *example[index + 1 :])
                absent = (*example[:index], *example[index + 1 :])
                assert verdict(rule, changed_) == verdict(rule, absent), given.name


@each_rule
def test_a_rule_says_what_it_is_for(rule: AnyRule) -> None:
    """Whoever meets a finding learns what holds, why, and what to type instead."""
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", rule.id)
    assert rule.title.endswith(".")
    assert len(rule.title) < 80
    assert rule.description
    assert re.search(r"^ {4}\S", rule.remediation, re.MULTILINE), "no snippet"
    assert not rule.remediation.startswith(" ")


@each_rule
def test_cited_requirements_are_ones_that_a_policy_can_serve(rule: AnyRule) -> None:
    """A rule cites what exists, and what is met by a policy or by what it checks."""
    for cited in rule.requirements:
        found = requirement(cited)
        kinds = {found.kind.value, *(kind.value for kind in found.also)}
        assert kinds & {"policy", "infrastructure"}, cited


@each_rule
def test_a_cited_requirement_makes_a_violation_mandatory(rule: AnyRule) -> None:
    """Where the standard says must, the rule stops the update."""
    for cited in rule.requirements:
        for tier in requirement(cited).environments:
            assert rule.level(tier) == "mandatory"
    for tier in (Tier.STAGING, Tier.PRODUCTION):
        assert rule.severity not in {"critical", "high"} or rule.level(tier) == "mandatory"


def test_there_are_rules_of_every_shape() -> None:
    """Some rules look at one resource, and at least five relate several."""
    assert len(ALL) >= 20
    assert sum(rule.relates for rule in ALL) >= 5
    assert not all(rule.relates for rule in ALL)


def _without(given: Given, key: str) -> Given:
    return replace(given, inputs={each: given.inputs[each] for each in given.inputs if each != key})


def _names_in(value: object) -> Iterator[str]:
    """The resources that a value of an example refers to."""
    if isinstance(value, Ref):
        yield value.name
    if isinstance(value, Mapping):
        for item in cast("Mapping[str, object]", value).values():
            yield from _names_in(item)
    if isinstance(value, list | tuple):
        for item in cast("list[object]", value):
            yield from _names_in(item)


def _places(example: Example) -> Iterator[tuple[Where, object]]:
    yield from inputs(example)
    yield from leaves(example)


@cache
def _source(type_: str) -> str:
    """The SDK's module that registers resources of `type_`; empty where none does."""
    if type_ == STACK_TYPE:
        return STACK_TYPE  # the engine's own
    if type_.startswith(PROVIDER_PREFIX):
        return (_sdk(type_.removeprefix(PROVIDER_PREFIX)) / "provider.py").read_text()
    package, module, _ = type_.split(":")
    group, _, rest = module.partition("/")
    folder = _sdk(package) / group.partition(".")[0]
    if not folder.is_dir():
        folder = folder.with_name(f"{folder.name}_")  # as Python spells a keyword
    if package == "kubernetes":
        folder /= rest
    texts = (path.read_text() for path in sorted(folder.glob("*.py")))
    return next((text for text in texts if f"'{type_}'" in text), "")


@cache
def _sdk(package: str) -> Path:
    """Where the SDK of a provider is installed; it is read, not imported, which takes long."""
    spec = find_spec(f"pulumi_{package}")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@cache
def _inputs(type_: str) -> set[str]:
    """The names of the inputs of `type_`, as the engine sees them."""
    source = _source(type_)
    renamed = set(re.findall(r'@pulumi\.getter\(name="(\w+)"\)', source))
    plain = set(re.findall(r"@pulumi\.getter\n(?:    @_utilities.+\n)?    def (\w+)\(", source))
    return renamed | plain
