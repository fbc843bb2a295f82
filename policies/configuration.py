"""What a policy pack's configuration tells each rule: `{"audit-log-retention": {"minDays": 400}}`.

Under the key `slipway` stands what concerns the pack as a whole.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from policies.registry import AnyRule
from policies.settings import Settings
from standards import Tier

PACK: Final = "slipway"
"""The key of a configuration that concerns no single rule."""


class PackSettings(BaseModel):
    """What a configuration says of the stack and of the pack as a whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tier: Tier | None = None
    """The stack's tier, where its own configuration does not say."""
    waivers: Path | None = None
    """The file that holds the project's waivers."""

    @field_validator("waivers")
    @classmethod
    def _is_there(cls, path: Path | None) -> Path | None:
        return None if path is None else waivers_path(path)


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


def pack_settings(given: Mapping[str, Any]) -> PackSettings:
    """What the key `slipway` of a configuration says.

    Raises:
        RuleSettingsError: says every setting that is wrong, and what there is instead.
    """
    try:
        return PackSettings.model_validate(given)
    except ValidationError as error:
        known = ", ".join(PackSettings.model_fields)
        problems = [
            f"{PACK}.{one['loc'][0]}: there is no such setting; there is: {known}"
            if one["type"] == "extra_forbidden"
            else f"{PACK}.{one['loc'][0]}: {_reason(one['msg'])}"
            for one in error.errors()
        ]
        raise RuleSettingsError("\n".join(problems)) from error


def waivers_path(path: Path) -> Path:
    """`path`, a file of waivers that somebody named.

    Raises:
        ValueError: it is relative, or no file is there.
    """
    if not path.is_absolute():
        message = f"{path} is relative, and the engine runs the pack elsewhere: give the whole path"
        raise ValueError(message)
    if not path.is_file():
        message = f"there is no file {path}"
        raise ValueError(message)
    return path


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


def _reason(message: str) -> str:
    return message.removeprefix("Value error, ")
