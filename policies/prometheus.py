"""Reading what Prometheus is told: rules and the configuration of Alertmanager, as YAML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, cast

import yaml

from policies.nodes import Node
from policies.outcomes import WrongTypeError

WORKSPACE: Final = "aws:amp/workspace:Workspace"
RULES: Final = "aws:amp/ruleGroupNamespace:RuleGroupNamespace"
ALERTMANAGER: Final = "aws:amp/alertManagerDefinition:AlertManagerDefinition"

_LONGEST: Final = 1_000_000
"""More characters than AWS takes for one namespace."""


@dataclass(frozen=True, slots=True)
class PrometheusRule:
    """One rule: what it records or tells of."""

    name: str
    expression: str
    is_alert: bool
    labels: Mapping[str, str]

    def looks_at(self, words: Sequence[str]) -> bool:
        """Whether every one of `words` stands in its name or expression."""
        text = f"{self.name} {self.expression}".lower()
        return all(word.lower() in text for word in words)


def rules_of(namespace: Node) -> list[PrometheusRule]:
    """The rules of a namespace.

    Raises:
        UnknownValueError: they are not known yet.
        WrongTypeError: the text is no rule file.
    """
    content = document(namespace, "data")
    return [
        PrometheusRule(
            name=str(rule.get("alert") or rule.get("record") or ""),
            expression=str(rule.get("expr") or ""),
            is_alert="alert" in rule,
            labels={key: str(value) for key, value in mapping(rule.get("labels")).items()},
        )
        for group in mappings(content.get("groups"))
        for rule in mappings(group.get("rules"))
    ]


def document(node: Node, key: str) -> Mapping[str, Any]:
    """The YAML text under `key` as an object; an empty one where absent.

    Raises:
        WrongTypeError: the text is no YAML object.
    """
    text = node.text(key) or ""
    found = read(text)
    if found is None:
        raise WrongTypeError((*node.path, key), "a YAML object", text)
    return found


def read(text: str) -> Mapping[str, Any] | None:
    """The object that `text` says in YAML, `None` where it says none."""
    return None if len(text) > _LONGEST else _parsed(text)


@lru_cache(maxsize=64)
def _parsed(text: str) -> Mapping[str, Any] | None:
    """What `text` says, read once: several rules ask for the same, each of them word by word."""
    try:
        found = cast("object", yaml.safe_load(text))
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    if found is None:
        return {}
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else None


def mapping(value: object) -> Mapping[str, Any]:
    """`value` as an object, an empty one where it is none."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def mappings(value: object) -> list[Mapping[str, Any]]:
    """The objects in the list `value`, none where it is no list."""
    items = cast("Sequence[object]", value) if isinstance(value, list) else ()
    return [mapping(item) for item in items]
