"""A trace counts what holds a requirement up, never what only names it."""

import json
from collections.abc import Callable

import pytest

from plan import Cited, Plan, Resource
from policies.configuration import settings_by_rule
from policies.judgement import Judgement, judge
from policies.registry import AnyRule, rules
from preview.commands.trace import choose
from preview.reports import trace as reports
from preview.trace import Means, Traced, trace
from standards import Tier, UnknownRequirementError, requirement, requirements

LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"


def group(*figures: Cited) -> Plan:
    """A plan of one log group, with inputs built from `figures`."""
    resource = Resource(
        urn=f"urn:pulumi:s::p::{LOG_GROUP}::api",
        type=LOG_GROUP,
        name="api",
        provider="main",
        inputs={"retentionInDays": 30},
        figures=figures,
    )
    return Plan(project="p", stack="s", resources=(resource,))


def traced(identifier: str, pack: list[AnyRule], plans: dict[Tier, Plan]) -> Traced:
    """What serves one requirement, by what `pack` says of `plans`."""
    judgements: dict[Tier, list[Judgement]] = {
        tier: [judge(plan, pack, settings_by_rule(pack, tier))] for tier, plan in plans.items()
    }
    return trace([requirement(identifier)], pack, judgements)[0]


def rules_citing(identifier: str) -> list[AnyRule]:
    """The rules of the pack that cite a requirement."""
    return [rule for rule in rules().values() if identifier in rule.requirements]


def names(found: Traced, means: Means) -> list[str]:
    """What serves by `means`."""
    return [server.name for server in found.served_by if server.by is means]


def test_a_rule_serves_only_where_it_judges_a_resource() -> None:
    """A rule that cites a requirement serves it nowhere while no resource concerns it."""
    pack = rules_citing("LOG-02")
    empty = Plan(project="p", stack="s", resources=())
    assert pack
    assert names(traced("LOG-02", pack, {Tier.STAGING: group()}), Means.RULE)
    assert not names(traced("LOG-02", pack, {Tier.STAGING: empty}), Means.RULE)


def test_taking_the_rule_away_takes_the_service_away() -> None:
    """Without the rule nothing says that it serves."""
    assert not names(traced("LOG-02", [], {Tier.STAGING: group()}), Means.RULE)


def test_a_resource_serves_by_the_figure_that_it_was_built_from() -> None:
    """An input built from a figure serves its requirement, and no other one."""
    built = group(Cited("retentionInDays", "SCALE-02", "database_cpu_above_percent"))
    plans = {Tier.PRODUCTION: built}
    assert names(traced("SCALE-02", [], plans), Means.RESOURCE) == [
        f"{LOG_GROUP} api retentionInDays"
    ]
    assert not traced("SCALE-01", [], plans).served_by


def test_a_check_serves_the_tiers_that_its_requirement_names() -> None:
    """What an environment's file is held to counts where it is held to it."""
    found = traced("SVC-01", [], {Tier.PRODUCTION: group(), Tier.STAGING: group()})
    assert names(found, Means.CONFIGURATION) == ["slipway:network.zones", "slipway:services"]
    assert {server.environments for server in found.served_by} == {(Tier.PRODUCTION,)}


def test_a_requirement_is_served_when_no_environment_is_left_out() -> None:
    """Served in staging alone is not served, and says where nothing is."""
    built = group(Cited("retentionInDays", "SCALE-01", "cpu_above_percent"))
    partly = traced("SCALE-01", [], {Tier.STAGING: built})
    whole = traced("SCALE-01", [], {Tier.STAGING: built, Tier.PRODUCTION: built})
    assert partly.missing == (Tier.PRODUCTION,)
    assert not partly.is_served
    assert whole.is_served


def test_ids_and_themes_are_chosen_in_any_case() -> None:
    """An id names one requirement, a theme all of its own, nothing means all."""
    assert [each.id for each in choose(["svc-01"])] == ["SVC-01"]
    assert [each.id for each in choose(["svc", "SVC-01"])] == [f"SVC-0{n}" for n in range(1, 6)]
    assert len(choose([])) == len(requirements())


@pytest.mark.parametrize(("asked", "said"), [("SCALE-1", "SCALE-01"), ("scal", "themes: ART")])
def test_an_unknown_requirement_is_refused_with_what_there_is(asked: str, said: str) -> None:
    """A misspelt id or theme is answered with those there are."""
    with pytest.raises(UnknownRequirementError, match=said):
        choose([asked])


def test_json_lists_every_requirement_asked_for() -> None:
    """Programs get id, kind, environments and what serves, one entry a requirement."""
    found = [traced("SVC-01", [], {Tier.PRODUCTION: group()}), traced("SVC-02", [], {})]
    content = json.loads(reports.json_text(found))
    assert [entry["id"] for entry in content] == ["SVC-01", "SVC-02"]
    assert content[0]["kind"] == "policy"
    assert content[0]["environments"] == ["production"]
    assert content[0]["served_by"][0]["environments"] == ["production"]
    assert content[1]["served_by"] == []
    assert content[1]["missing"] == content[1]["environments"]


def test_text_says_what_serves_and_what_has_nothing() -> None:
    """A list has a line a requirement; details quote the sentence and its figures."""
    found = [traced("SVC-01", [], {Tier.PRODUCTION: group()}), traced("SVC-02", [], {})]
    listed = reports.terminal(found, detailed=False)
    assert "SVC-01    served" in listed
    assert "SVC-02    -" in listed
    assert "2 requirements: 1 served in each of their environments, 0 in some, 1 with" in listed
    detailed = reports.terminal(found, detailed=True)
    assert requirement("SVC-01").text in " ".join(detailed.split())
    assert "nothing yet   integration, staging, production" in detailed


def test_the_projects_own_figures_are_found_in_its_plans(
    plan_of: Callable[[str], Plan],
) -> None:
    """A plan of this project says which of its values the standards' sentences gave."""
    plans = {Tier.PRODUCTION: plan_of("production")}
    assert names(traced("NET-01", [], plans), Means.RESOURCE)
