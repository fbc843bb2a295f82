"""The pages of the rules, which `python -m policies.pages` writes: what a finding links to."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import yaml

from plan.values import Secret, Unknown
from policies.registry import PAGES, AnyRule, Example, Ref, rules
from policies.schemas import schema_of
from standards import Tier, requirement
from standards.figures import Ratio, Whole

_FSBP: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide"
_GIVEN_BY: Final = "Generated from the rules by `make docs`; a test keeps it current."
_BOUNDS: Final = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "maxLength": "at most {} characters",
    "maxItems": "at most {} entries",
    "pattern": "of the form `{}`",
}


def pages() -> dict[str, str]:
    """The text of every page by the name of its file; `README.md` lists the others."""
    pack = rules().values()
    made = {f"{rule.id}.md": _page(rule) for rule in pack}
    return {"README.md": _index(list(pack)), **made}


def write(folder: Path) -> None:
    """Write the pages into `folder`, and remove those of rules that are no more."""
    folder.mkdir(parents=True, exist_ok=True)
    made = pages()
    for old in folder.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")


def _index(pack: Sequence[AnyRule]) -> str:
    lines = [
        "# The rules",
        "",
        f"{_GIVEN_BY} {len(pack)} rules, by what they look at.",
    ]
    by_service: defaultdict[str, list[AnyRule]] = defaultdict(list)
    for rule in pack:
        by_service[rule.service].append(rule)
    for service, own in sorted(by_service.items()):
        title = service.replace("_", " ").strip()
        lines += ["", f"## {title}", "", "| Rule | Severity | Says | FSBP | CIS |"]
        lines.append("|---|---|---|---|---|")
        for rule in own:
            controls = rule.controls
            cells = (
                f"[{rule.id}]({rule.id}.md)",
                rule.severity.value,
                rule.title,
                ", ".join(controls.fsbp),
                ", ".join(controls.cis),
            )
            lines.append(_row(cells))
    return "\n".join([*lines, ""])


def _page(rule: AnyRule) -> str:
    parts = [f"# {rule.id}", rule.title, rule.description, *_facts(rule), *_requirements(rule)]
    parts += _settings(rule)
    if rule.remediation:
        parts += ["## What to do", rule.remediation]
    parts += ["## It passes", *map(example, rule.passing[:1])]
    parts += ["## It fails", *map(example, rule.failing[:1])]
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(rule: AnyRule) -> Iterator[str]:
    controls = rule.controls
    levels = ", ".join(f"{tier} {rule.level(tier)}" for tier in Tier)
    facts = {
        "Severity": rule.severity.value,
        "Enforcement": levels,
        "Looks at": ", ".join(f"`{type_}`" for type_ in rule.types),
        "Sees": "the other resources of the stack, too" if rule.relates else "one resource alone",
        "FSBP": ", ".join(f"[{each}]({_control(each)})" for each in controls.fsbp),
        "CIS": ", ".join(controls.cis),
        "Pod Security Standards": ", ".join(controls.pss),
        "Checkov": ", ".join(controls.checkov),
    }
    lines = [_row((name, value)) for name, value in facts.items() if value]
    yield "\n".join(["| | |", "|---|---|", *lines])


def _requirements(rule: AnyRule) -> Iterator[str]:
    if rule.requirements:
        yield "## The sentences behind it"
    for identifier in rule.requirements:
        cited = requirement(identifier)
        yield f"> **{cited.id}** {cited.text}\n>\n> {', '.join(cited.environments)}"


def _settings(rule: AnyRule) -> Iterator[str]:
    schema = schema_of(rule.settings)
    if not schema:
        return
    yield "## Settings"
    fields = {each.alias or name: each for name, each in rule.settings.model_fields.items()}
    lines = ["| Setting | Default | From | Allowed |", "|---|---|---|---|"]
    for name, described in schema.items():
        default: object = fields[name].get_default(call_default_factory=True)
        source = default.figure.requirement if isinstance(default, Whole | Ratio) else ""
        cells = (f"`{name}`", _default(described.get("default")), source, _allowed(described))
        lines.append(_row(cells))
    yield "\n".join(lines)


def _default(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(f"`{each}`" for each in cast("list[object]", value)) or "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _allowed(described: Mapping[str, Any]) -> str:
    """What a setting may be: its type, its bounds, its meaning."""
    kind = str(described.get("type", ""))
    if "enum" in described:
        kind = " or ".join(f"`{each}`" for each in described["enum"])
    bounds = [text.format(described[key]) for key, text in _BOUNDS.items() if key in described]
    said = ", ".join(part for part in (kind, *bounds) if part)
    return ". ".join(part for part in (said, str(described.get("description", ""))) if part)


def example(shown: Example) -> str:
    """`shown` in Pulumi's YAML; `${name}` is the resource of that name."""
    resources: dict[str, object] = {}
    for given in shown:
        options = {
            "protect": given.protect or None,
            "ignoreChanges": list(given.ignore_changes) or None,
            "provider": f"${{{given.provider}}}" if given.provider else None,
        }
        body = {
            "type": given.type,
            "properties": _plain(given.inputs) or None,
            "options": {key: value for key, value in options.items() if value} or None,
        }
        name = given.name
        if name in resources:
            name = f"{name} ({given.type.rpartition(':')[2]})"
        resources[name] = {key: value for key, value in body.items() if value}
    text = yaml.safe_dump({"resources": resources}, sort_keys=False, width=100, allow_unicode=True)
    return f"```yaml\n{text}```"


def _plain(value: object) -> object:
    """`value` in the types that YAML has."""
    match value:
        case Ref():
            plain: object = f"${{{value.name}}}"
        case Secret():
            plain = {"fn::secret": "…"}
        case Unknown():
            plain = "(known after apply)"
        case str():
            plain = str(value)
        case Mapping():
            items = cast("Mapping[str, object]", value).items()
            plain = {key: _plain(item) for key, item in items}
        case Sequence():
            plain = [_plain(item) for item in cast("Sequence[object]", value)]
        case Whole():
            plain = int(value)
        case Ratio():
            plain = float(value)
        case _:
            plain = value
    return plain


def _row(cells: Sequence[str]) -> str:
    """A row of a table; a bar in a cell would end it."""
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def _control(control: str) -> str:
    """The address of what AWS says of an FSBP control such as `EC2.6`."""
    service, _, number = control.lower().partition(".")
    return f"{_FSBP}/{service}-controls.html#{service}-{number}"


if __name__ == "__main__":
    write(Path(PAGES))
