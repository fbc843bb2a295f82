"""What a policy pack's configuration tells each rule: `{"log-retention": {"audit": 400}}`."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from policies.registry import AnyRule
from policies.settings import Settings
from standards import Tier


class RuleSettingsError(Exception):
    """The configuration names a rule or a setting that does not exist, or gives a wrong value."""


def settings_by_rule(
    rules: Iterable[AnyRule],
    tier: Tier,
    configuration: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Settings]:
    """The settings of each of `rules`, by its id, in an environment of `tier`.

    Raises:
        RuleSettingsError: says every rule and setting that is wrong, and what there is instead.
    """
    by_id = {rule.id: rule for rule in rules}
    configuration = configuration or {}
    problems = [_unknown_rule(name, by_id) for name in configuration if name not in by_id]
    settings: dict[str, Settings] = {}
    for name, rule in by_id.items():
        given = configuration.get(name, {})
        problems += [
            _unknown_setting(name, key, rule) for key in given if key not in names_of(rule.settings)
        ]
        try:
            known = {key: value for key, value in given.items() if key in names_of(rule.settings)}
            settings[name] = rule.settings.model_validate({**known, "tier": tier})
        except ValidationError as error:
            problems += [
                f"{name}.{'.'.join(map(str, one['loc']))}: {one['msg']}, not {one['input']!r}"
                for one in error.errors()
            ]
    if problems:
        raise RuleSettingsError("\n".join(problems))
    return settings


def names_of(settings: type[Settings]) -> list[str]:
    """The settings that a configuration may give; the tier is the environment's own."""
    return [field.alias or name for name, field in settings.model_fields.items() if name != "tier"]


def _unknown_rule(name: str, known: Mapping[str, AnyRule]) -> str:
    close = get_close_matches(name, known, n=3)
    hint = f"; closest: {', '.join(close)}" if close else ""
    return f"{name}: there is no such rule{hint}"


def _unknown_setting(name: str, key: str, rule: AnyRule) -> str:
    there = ", ".join(names_of(rule.settings)) or "none"
    return f"{name}.{key}: there is no such setting; there is: {there}"
