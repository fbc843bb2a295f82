"""Measures the policies: evaluations a second, and `slipway check` over plans of growing size.

A plan is a third each buckets, security groups and databases. Where `checkov` is on the PATH it
checks the same resources, as a plan of Terraform's in JSON, beside it.
"""

# ruff: noqa: INP001 a script, not a package

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from measure import Measurement, best, measured

SIZES: Final = (1, 1_000, 10_000)
ANSWERED: Final = (0, 1)
"""Exit codes: no findings, and some."""

KINDS: Final[Mapping[str, tuple[str, dict[str, Any]]]] = {
    "aws:s3/bucket:Bucket": ("aws_s3_bucket", {"tags": {"Team": "payments"}}),
    "aws:ec2/securityGroup:SecurityGroup": (
        "aws_security_group",
        {
            "description": "A service",
            "ingress": [
                {
                    "protocol": "tcp",
                    "from_port": 443,
                    "to_port": 443,
                    "cidr_blocks": ["10.0.0.0/8"],
                }
            ],
            "egress": [
                {"protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": ["0.0.0.0/0"]}
            ],
        },
    ),
    "aws:rds/instance:Instance": (
        "aws_db_instance",
        {
            "engine": "postgres",
            "instance_class": "db.t4g.medium",
            "allocated_storage": 20,
            "storage_encrypted": True,
            "username": "service",
            "skip_final_snapshot": True,
        },
    ),
}
"""By Pulumi's type: Terraform's, and the arguments as Terraform writes them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(description="Measure the policies.", epilog=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="RESOURCES")
    parser.add_argument("--repeat", type=int, default=3, metavar="TIMES", help="the best counts")
    options = parser.parse_args(arguments)
    checkov = shutil.which("checkov")
    out = sys.stdout
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        out.write(f"{'resources':>9}  {'slipway check':>19}  {'checkov':>19}\n")
        for size in options.sizes:
            plan = _write(folder / f"{size}.json", _plan(size))
            found = best(options.repeat, lambda plan=plan: _check(plan))
            out.write(f"{size:>9}  {found!s:>19}")
            out.flush()
            if checkov:
                other = _write(folder / f"{size}.tfplan.json", _terraform(size))
                out.write(f"  {_checkov(checkov, other)!s:>19}")
            out.write("\n")
        if not checkov:
            out.write("checkov: not on the PATH\n")
        # -P: this folder is not searched, its `policies` is not the one to import.
        program = str(Path(__file__).with_name("judge.py"))
        command = [sys.executable, "-P", program, str(folder / f"{options.sizes[-1]}.json")]
        subprocess.run(command, check=True)  # noqa: S603 our own command
    return 0


def _resources(size: int) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Pulumi's type, Terraform's, the name, and the arguments of each of `size` resources."""
    kinds = list(KINDS.items())
    for index in range(size):
        type_, (other, arguments) = kinds[index % len(kinds)]
        yield type_, other, f"resource-{index}", arguments


def _plan(size: int) -> dict[str, Any]:
    resources = [
        {
            "urn": f"urn:pulumi:dev::benchmark::{type_}::{name}",
            "type": type_,
            "name": name,
            "provider": "urn:pulumi:dev::benchmark::pulumi:providers:aws::default::id",
            "inputs": _camel(arguments),
        }
        for type_, _, name, arguments in _resources(size)
    ]
    return {"version": 1, "project": "benchmark", "stack": "dev", "resources": resources}


def _terraform(size: int) -> dict[str, Any]:
    planned = [
        {
            "address": f"{type_}.{name}",
            "mode": "managed",
            "type": type_,
            "name": name,
            "provider_name": "registry.terraform.io/hashicorp/aws",
            "values": arguments,
        }
        for _, type_, name, arguments in _resources(size)
    ]
    changes = [
        {**one, "change": {"actions": ["create"], "before": None, "after": one["values"]}}
        for one in planned
    ]
    configured = [{key: one[key] for key in ("address", "mode", "type", "name")} for one in planned]
    return {
        "format_version": "1.2",
        "terraform_version": "1.9.0",
        "planned_values": {"root_module": {"resources": planned}},
        "resource_changes": changes,
        "configuration": {"root_module": {"resources": configured}},
    }


def _camel(value: Any) -> Any:  # noqa: ANN401 JSON
    """`value` with its keys in camelCase."""
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value)
        return {_camel_key(key): _camel(item) for key, item in items.items()}
    return [_camel(item) for item in cast("list[Any]", value)] if isinstance(value, list) else value


def _camel_key(key: str) -> str:
    first, *rest = key.split("_")
    return first + "".join(part.title() for part in rest)


def _write(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def _check(plan: Path) -> Measurement:
    slipway = str(Path(sys.executable).with_name("slipway"))
    return measured([slipway, "check", str(plan)], plan.parent, os.environ, ANSWERED)


def _checkov(program: str, plan: Path) -> Measurement:
    command = [program, "--file", str(plan), "--framework", "terraform_plan", "--compact"]
    return measured([*command, "--quiet"], plan.parent, os.environ, ANSWERED)


if __name__ == "__main__":
    sys.exit(main())
