"""A step serves a sentence where a command's plan has it, and nowhere else."""

from dataclasses import replace

import pytest

from preview.trace import Means, Serving
from scripts.program import plans
from scripts.runs.steps import Plan
from scripts.serving import Example, serving_gates, serving_steps
from standards import Tier


def names(served: list[Serving], requirement: str) -> set[str]:
    """The steps that serve `requirement`."""
    return {each.name for each in served if each.requirement == requirement}


def test_the_steps_of_the_commands_are_found_without_a_run() -> None:
    """A step that cites a sentence serves it by the command that has the step."""
    served = serving_steps()
    assert {each.by for each in served} == {Means.STEP}
    assert names(served, "SOL-11") >= {"program deploy verify", "program upgrade verify"}


def test_a_step_that_is_taken_out_of_the_plan_serves_nothing() -> None:
    """The citation alone, in a function that no plan calls, does not count."""

    def without(tier: Tier) -> Plan[plans.World]:
        plan = plans.deploy(f"{tier}/program", {})
        return replace(plan, steps=[step for step in plan.steps if step.id != "verify"])

    assert names(serving_steps((without,)), "SOL-11") == set()


@pytest.mark.parametrize("tier", list(Tier))
def test_a_tier_without_the_command_is_not_served(tier: Tier) -> None:
    """A command may be for some tiers alone."""

    def only(asked: Tier) -> Plan[plans.World] | None:
        return plans.deploy(f"{asked}/program", {}) if asked is tier else None

    example: Example = only
    assert {where for each in serving_steps((example,)) for where in each.environments} == {tier}


def test_a_gate_serves_the_tiers_whose_clusters_it_guards() -> None:
    """A soak on devnet is asked for before mainnet alone, a size everywhere."""
    served = serving_gates()

    def tiers(requirement: str) -> set[Tier]:
        return {
            tier for each in served if each.requirement == requirement for tier in each.environments
        }

    assert tiers("SOL-04") == {Tier.PRODUCTION}
    assert tiers("SOL-08") == set(Tier)
    assert names(served, "SOL-08") == {"program binary size"}
