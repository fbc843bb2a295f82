"""What the pack was told of one stack: its tier, the rules' levels and settings, the waivers."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Final, cast

from pulumi.runtime.proto import analyzer_pb2 as protocol

from plan.model import Plan, Resource
from policies.configuration import (
    PACK,
    RuleSettingsError,
    pack_settings,
    settings_by_rule,
)
from policies.description import LEVELS, EngineLevel
from policies.judgement import Judgement, apply_waivers, judge
from policies.properties import decoded
from policies.registry import AnyRule
from policies.settings import Settings
from policies.waivers import Waiver, load_waivers
from standards import Tier

_ALL: Final = "all"
"""The key of a configuration under which the engine takes a level for every rule."""
_TIER_KEY: Final = "slipway:tier"


@dataclass(frozen=True, kw_only=True)
class Stance:
    """How the pack judges the resources of one stack."""

    rules: Mapping[str, AnyRule]
    tier: Tier
    levels: Mapping[str, EngineLevel]
    """By rule id."""
    settings: Mapping[str, Settings]
    waivers: Sequence[Waiver]
    today: date

    def judge(self, resources: Sequence[Resource], rules: Iterable[AnyRule]) -> Judgement:
        """What `rules` say of `resources`, with the waivers in force."""
        project, stack = _project_and_stack(resources)
        plan = Plan(project=project, stack=stack, resources=tuple(resources))
        return apply_waivers(judge(plan, rules, self.settings), self.waivers, self.today)

    def is_waived(self, rule: AnyRule, resource: Resource) -> bool:
        """Whether somebody accepts what `rule` finds in `resource`."""
        return any(
            (waiver.rule, waiver.resource) == (rule.id, resource.urn)
            and waiver.expires >= self.today
            for waiver in self.waivers
        )

    def effect(self, rule: AnyRule) -> EngineLevel:
        """What a violation of `rule` does; one that a remedy has left over stops the update."""
        level = self.levels[rule.id]
        return protocol.MANDATORY if level == protocol.REMEDIATE else level

    @cached_property
    def enabled(self) -> list[AnyRule]:
        """The rules that nobody has switched off."""
        return [rule for rule in self.rules.values() if self.levels[rule.id] != protocol.DISABLED]

    @cached_property
    def relating(self) -> list[AnyRule]:
        """Those that see all resources of the stack together."""
        return [rule for rule in self.enabled if rule.relates]

    @cached_property
    def alone(self) -> list[AnyRule]:
        """Those that see one resource at a time."""
        return [rule for rule in self.enabled if not rule.relates]

    @cached_property
    def remedies(self) -> list[AnyRule]:
        """Those that change what they find wrong."""
        return [
            rule
            for rule in self.enabled
            if rule.remedy is not None and self.levels[rule.id] == protocol.REMEDIATE
        ]


def make_stance(
    rules: Mapping[str, AnyRule],
    configuration: Mapping[str, protocol.PolicyConfig],
    *,
    stack_tier: Tier,
    waivers: Path,
    today: date,
) -> Stance:
    """The stance that a pack's `configuration` asks for, in a stack that is of `stack_tier`.

    The engine sends a level for every rule, those that nobody configured as the pack described
    them; these follow the tier that the configuration gives.

    Raises:
        RuleSettingsError: the configuration names a rule or a setting that does not exist, or gives
            a wrong value.
        WaiversError: the file of waivers cannot be used.
    """
    given: dict[str, Any] = {key: decoded(told.properties) for key, told in configuration.items()}
    whole = pack_settings(given.pop(PACK, {}))
    if given.pop(_ALL, None):
        message = f"{_ALL}: takes a level alone; settings stand under their rule"
        raise RuleSettingsError(message)
    tier = whole.tier or stack_tier
    settings = settings_by_rule(rules.values(), tier, given)
    levels = {identifier: LEVELS[rule.level(tier)] for identifier, rule in rules.items()}
    for identifier, told in configuration.items():
        if (
            identifier in rules
            and told.enforcementLevel != LEVELS[rules[identifier].level(stack_tier)]
        ):
            levels[identifier] = told.enforcementLevel
    return Stance(
        rules=rules,
        tier=tier,
        levels=levels,
        settings=settings,
        waivers=load_waivers(whole.waivers or waivers, today),
        today=today,
    )


def tier_of(configuration: Mapping[str, str]) -> Tier:
    """The tier that a stack's configuration names; production where it names none that there is."""
    try:
        return Tier(configuration[_TIER_KEY])
    except (ValueError, KeyError):
        return Tier.PRODUCTION


def stack_configuration(text: str) -> dict[str, str]:
    """What the engine says of the stack's configuration in a process's environment, JSON."""
    try:
        found: object = json.loads(text)
    except ValueError:
        return {}
    return cast("dict[str, str]", found) if isinstance(found, dict) else {}


def _project_and_stack(resources: Sequence[Resource]) -> tuple[str, str]:
    """What the URN of the first resource says; it opens with `urn:pulumi:STACK::PROJECT::`."""
    stack, project, *_ = resources[0].urn.removeprefix("urn:pulumi:").split("::")
    return project, stack
