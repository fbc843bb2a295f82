"""Compares the rules with Checkov's on the same resources.

Each rule that cites ids of Checkov judges its own examples and, of each passing one, what is left
when an input is taken away. Checkov judges the same as a plan of Terraform's, or as manifests.
`terraform.toml` has the names of the former, `explained.toml` a line for each kind of disagreement:
where we are stricter and where Checkov is. Exit code 1: one is not explained, or no longer there.
"""

# ruff: noqa: INP001 a script, not a package

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, cast

from policies.examples import plan_of
from policies.judgement import judge
from policies.registry import AnyRule, Example, Given, Ref, rules

HERE: Final = Path(__file__).parent
NAMES: Final[Mapping[str, Mapping[str, str]]] = tomllib.loads(
    (HERE / "terraform.toml").read_text("utf-8")
)
EXPLAINED: Final[Mapping[str, Mapping[str, str]]] = tomllib.loads(
    (HERE / "explained.toml").read_text("utf-8")
)
KUBERNETES: Final = "kubernetes:"
SEPARATOR: Final = "--"
ANSWERED: Final = {0, 1}

Verdict = Literal["pass", "fail", "silent"]
SIDES: Final = {("fail", "pass"): "stricter", ("pass", "fail"): "laxer"}
"""What we are, by our verdict and Checkov's."""


@dataclass(frozen=True, slots=True)
class Case:
    """Resources that one rule and Checkov both judge; `key` is in Checkov's answer, too."""

    key: str
    rule: AnyRule
    example: Example
    ours: Verdict


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the agreement of each rule, and each disagreement with what explains it."""
    parser = argparse.ArgumentParser(prog="agreement", description="Compare with Checkov.")
    parser.add_argument("--checkov", nargs="+", default=["checkov"], metavar="WORD", help="command")
    options = parser.parse_args(arguments)
    cases = [case for rule in rules().values() if rule.controls.checkov for case in _cases(rule)]
    with tempfile.TemporaryDirectory() as name:
        answers = _ask(options.checkov, cases, Path(name))
    return _report(cases, answers)


def _cases(rule: AnyRule) -> Iterator[Case]:
    """The examples of `rule` that both can judge, then the passing ones without an input."""
    for side, examples in (("passing", rule.passing), ("failing", rule.failing)):
        for number, example in enumerate(examples, start=1):
            if not all(_is_known(given) for given in example):
                continue
            name = f"{side}-{number}"
            yield from _case(rule, name, example)
            if side == "passing":
                for left, key in _with_one_less(example):
                    yield from _case(rule, f"{name}-without-{key}", left)


def _case(rule: AnyRule, name: str, example: Example) -> Iterator[Case]:
    judgement = judge(plan_of(example), [rule], rule.settings())
    ours: Verdict = "fail" if judgement.findings else "pass" if judgement.concerned else "silent"
    if ours != "silent" and not judgement.not_evaluated:
        yield Case(f"{rule.id}{SEPARATOR}{name}", rule, example, ours)


def _with_one_less(example: Example) -> Iterator[tuple[Example, str]]:
    for index, given in enumerate(example):
        for key in given.inputs:
            rest = {name: value for name, value in given.inputs.items() if name != key}
            left = (*example[:index], replace(given, inputs=rest), *example[index + 1 :])
            yield left, f"{given.name}-{key}"


def _is_known(given: Given) -> bool:
    """Whether the resource has a form that Checkov reads, and no reference deep inside."""
    deep = any(not _refs(value) and _holds_ref(value) for value in given.inputs.values())
    return (given.type in NAMES or given.type.startswith(KUBERNETES)) and not deep


def _refs(value: object) -> list[Ref]:
    """The references that a top-level input is, or lists."""
    found = cast("Sequence[object]", value) if isinstance(value, list | tuple) else [value]
    refs = [one for one in found if isinstance(one, Ref)]
    return refs if len(refs) == len(found) else []


def _holds_ref(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_ref, cast("Mapping[str, object]", value).values()))
    if isinstance(value, list | tuple):
        return any(map(_holds_ref, cast("Sequence[object]", value)))
    return isinstance(value, Ref)


def _ask(command: Sequence[str], cases: Sequence[Case], folder: Path) -> dict[str, Counter[str]]:
    """By a case's key and a check's id: how many resources fail it and pass it."""
    plan = folder / "plan.json"
    plan.write_text(json.dumps(_terraform(cases)), "utf-8")
    manifests = folder / "manifests"
    manifests.mkdir()
    for case in cases:
        _write_manifests(case, manifests)
    answers: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for framework, source in (
        ("terraform_plan", ["--file", str(plan)]),
        ("kubernetes", ["--directory", str(manifests)]),
    ):
        options = ["--framework", framework, "--output", "json", "--compact"]
        done = subprocess.run(  # noqa: S603 the user's own command
            [*command, *source, *options], capture_output=True, check=False, text=True, cwd=folder
        )
        if done.returncode not in ANSWERED:
            raise SystemExit(f"checkov failed:\n{done.stderr[-2000:]}")
        results = json.loads(done.stdout).get("results", {})
        for verdict in ("failed", "passed"):
            for found in results.get(f"{verdict}_checks", ()):
                for key in _keys(found):
                    answers[key][f"{found['check_id']} {verdict}"] += 1
    return answers


def _keys(found: Mapping[str, Any]) -> Iterator[str]:
    """The case that a result of Checkov's is about: its key is in the address or the file."""
    for text in (found["resource"], found["file_path"]):
        match = re.search(r"([a-z0-9-]+?--[a-zA-Z0-9_-]+?)--", text)
        if match:
            yield match[1]
            return


def _terraform(cases: Sequence[Case]) -> dict[str, Any]:
    """The plan of all resources of `cases`, as `terraform show -json` prints one."""
    planned: list[dict[str, Any]] = []
    changes: list[dict[str, Any]] = []
    configured: list[dict[str, Any]] = []
    for case in cases:
        addresses = {
            given.name: f"{NAMES[given.type]['type']}.{case.key}{SEPARATOR}{given.name}"
            for given in case.example
            if given.type in NAMES
        }
        for given in case.example:
            if given.type not in NAMES:
                continue
            type_ = NAMES[given.type]["type"]
            name = f"{case.key}{SEPARATOR}{given.name}"
            one = {"address": f"{type_}.{name}", "mode": "managed", "type": type_, "name": name}
            one["provider_name"] = "registry.terraform.io/hashicorp/aws"
            known = {key: value for key, value in given.inputs.items() if not _refs(value)}
            values = _arguments(NAMES[given.type], known, ())
            unknown = {
                _name(NAMES[given.type], (key,))[0]: [
                    text
                    for ref in _refs(value)
                    if ref.name in addresses
                    for text in (f"{addresses[ref.name]}.id", addresses[ref.name])
                ]
                for key, value in given.inputs.items()
                if _refs(value)
            }
            planned.append({**one, "values": values})
            change = {"actions": ["create"], "before": None, "after": values}
            after = dict.fromkeys(unknown, True)
            changes.append({**one, "change": {**change, "after_unknown": after}})
            expressions = {key: {"references": refs} for key, refs in unknown.items()}
            expressions |= {key: {"constant_value": value} for key, value in values.items()}
            configured.append({**one, "expressions": expressions, "provider_config_key": "aws"})
    return {
        "format_version": "1.2",
        "terraform_version": "1.9.0",
        "planned_values": {"root_module": {"resources": planned}},
        "resource_changes": changes,
        "configuration": {"root_module": {"resources": configured}},
    }


def _arguments(
    names: Mapping[str, str], inputs: Mapping[str, object], path: tuple[str, ...]
) -> dict[str, Any]:
    """`inputs` as Terraform names and nests them."""
    made: dict[str, Any] = {}
    for key, value in inputs.items():
        at = (*path, key)
        name, mark = _name(names, at)
        if name:
            made[name] = value if mark == "{}" else _argument(names, value, at)
            if mark == "[]" and not isinstance(value, list):
                made[name] = [made[name]]
    return made


def _argument(names: Mapping[str, str], value: object, path: tuple[str, ...]) -> object:
    if isinstance(value, Mapping):
        return _arguments(names, cast("Mapping[str, object]", value), path)
    if isinstance(value, list | tuple):
        return [_argument(names, item, path) for item in cast("Sequence[object]", value)]
    return value


def _name(names: Mapping[str, str], path: tuple[str, ...]) -> tuple[str, str]:
    """The argument's name, empty where Terraform has none, and `[]`, `{}` or nothing."""
    given = names.get(".".join(path))
    if given is None:
        given = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", path[-1]).lower()
    mark = given[-2:] if given.endswith(("[]", "{}")) else ""
    return given.removesuffix(mark), mark


def _write_manifests(case: Case, folder: Path) -> None:
    for given in case.example:
        if not given.type.startswith(KUBERNETES):
            continue
        _, version, kind = given.type.split(":")
        inputs = cast("dict[str, Any]", json.loads(json.dumps(given.inputs, default=str)))
        metadata = {"name": given.name, **inputs.get("metadata", {})}
        manifest = {**inputs, "apiVersion": version.removeprefix("core/"), "kind": kind}
        manifest["metadata"] = metadata
        name = f"{case.key}{SEPARATOR}{given.name}.json"
        (folder / name).write_text(json.dumps(manifest), "utf-8")


def _theirs(case: Case, answers: Mapping[str, Counter[str]]) -> Verdict:
    """What Checkov's checks that the rule cites say of the case together, the worst first."""
    found = answers.get(case.key, Counter[str]())
    ids = case.rule.controls.checkov
    if any(found[f"{id_} failed"] for id_ in ids):
        return "fail"
    return "pass" if any(found[f"{id_} passed"] for id_ in ids) else "silent"


def _report(cases: Sequence[Case], answers: Mapping[str, Counter[str]]) -> int:
    agreed: Counter[str] = Counter()
    both: Counter[str] = Counter()
    silent = 0
    apart: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    ids = {case.rule.id: ", ".join(case.rule.controls.checkov) for case in cases}
    for case in cases:
        theirs = _theirs(case, answers)
        if theirs == "silent":
            silent += 1
            continue
        both[case.rule.id] += 1
        if theirs == case.ours:
            agreed[case.rule.id] += 1
        else:
            name = case.key.partition(SEPARATOR)[2]
            apart[case.rule.id, SIDES[case.ours, theirs]].append(name)
    out = sys.stdout
    for rule, total in both.items():
        out.write(f"{rule:36} {agreed[rule]:3} of {total:3} agree  {ids[rule]}\n")
        for side in SIDES.values():
            if names := apart.get((rule, side)):
                why = EXPLAINED.get(rule, {}).get(side, "NOT EXPLAINED")
                out.write(f"    {side}: {why} ({', '.join(names)})\n")
    explained = {(rule, side) for rule, sides in EXPLAINED.items() for side in sides}
    missing = sorted(apart.keys() - explained)
    stale = sorted(explained - apart.keys())
    out.write(
        f"\n{agreed.total()} of {both.total()} verdicts agree, of {len(both)} rules; Checkov is "
        f"silent on {silent} cases\n{len(missing)} disagreements not explained: {_list(missing)}\n"
        f"{len(stale)} explanations without a disagreement: {_list(stale)}\n"
    )
    return int(bool(missing or stale))


def _list(found: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{rule} {side}" for rule, side in found) or "none"


if __name__ == "__main__":
    sys.exit(main())
