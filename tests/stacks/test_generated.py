"""Whatever an environment's record may say, its plan keeps to the policies; the rest is refused.

A few of each in `make test`, many in `make soak`.
"""

import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from environments import ConfigurationError, load
from preview.environment import evaluate_environment
from preview.verdict import reach_verdict
from standards import Tier
from tests.environments.records import PROJECT, changed, content_of, write
from tests.soak import amount
from tests.stacks.generated import Content, environments
from tests.stacks.operations import Held, hold
from tests.stacks.reading import managed
from tests.stacks.slips import Slip, slips

seeded = settings(derandomize=True, database=None)
"""The same examples each time; `make soak` goes through more of them."""


@settings(seeded, max_examples=amount(6, 60))
@given(generated=environments())
def test_a_valid_environment_keeps_to_the_policies(
    generated: tuple[str, Content], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No finding stops its update, no rule raises, and AWS would refuse no part of it."""
    name, content = generated
    folder = tmp_path_factory.mktemp("project")
    for file in ("__main__.py", "Pulumi.yaml"):
        shutil.copy(PROJECT / file, folder / file)
    write(folder, name, content)
    environment = load(name, folder)
    plan = evaluate_environment(environment, folder)
    verdict = reach_verdict(plan, title=name, tier=environment.tier)
    assert not [
        f"{group.rule.id}: {finding.resource.name} {finding.violation.message}"
        for group in verdict.groups
        for finding in group.findings
        if finding.stops
    ]
    assert not verdict.failed
    held = Held()
    for one in managed(plan):
        hold(one, held)
    assert not held.wrong
    assert len({one.urn for one in plan.resources}) == len(plan.resources)
    assert len(managed(plan)) > 100


@st.composite
def slipped(draw: st.DrawFn) -> tuple[Tier, Slip]:
    """A tier, and a slip in the file of its environment."""
    tier = draw(st.sampled_from(list(Tier)))
    return tier, draw(slips(tier))


@settings(seeded, max_examples=amount(60, 2000))
@given(made=slipped())
def test_an_invalid_environment_is_refused_by_name(
    made: tuple[Tier, Slip], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The error names the file, the key and the limit, before anything is declared."""
    tier, (key, value, said) = made
    folder = tmp_path_factory.mktemp("project")
    write(folder, tier.value, changed(content_of(tier.value), key, value))
    with pytest.raises(ConfigurationError) as caught:
        load(tier.value, folder)
    text = "\n".join(caught.value.problems)
    assert said in text
    assert f"Pulumi.{tier}.yaml" in text
    assert f"slipway:{key.split('.')[0]}" in text or key.split(".")[-1] in text
