"""Measures the preview: wall time and peak memory over programs of growing size.

Each program is run in a process of its own with every policy, offline, and, where the Pulumi CLI
and its AWS plugin are on the PATH, by `pulumi preview` with the same policies beside it.
"""

# ruff: noqa: INP001 a script, not a package

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from measure import Measurement, best, measured

PROJECT: Final = Path(__file__).parents[1]
STACK: Final = "dev"
SIZES: Final = (100, 1_000, 5_000)

# What a service usually brings with it: ten resources, one of them with very many properties.
PROGRAM: Final = """\
import json

import pulumi
import pulumi_aws as aws

trust = json.dumps({{
    "Version": "2012-10-17",
    "Statement": [{{
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {{"Service": "ecs-tasks.amazonaws.com"}},
    }}],
}})
for index in range({size} // 10):
    tags = {{"Service": f"{{index}}", "Team": "payments"}}
    bucket = aws.s3.Bucket(f"bucket-{{index}}", tags=tags)
    aws.s3.BucketPublicAccessBlock(
        f"bucket-access-{{index}}",
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
    )
    group = aws.ec2.SecurityGroup(
        f"group-{{index}}", description="A service", vpc_id="vpc-0123456789abcdef0", tags=tags
    )
    aws.ec2.SecurityGroupRule(
        f"ingress-{{index}}",
        type="ingress",
        security_group_id=group.id,
        protocol="tcp",
        from_port=443,
        to_port=443,
        cidr_blocks=["10.0.0.0/8"],
    )
    role = aws.iam.Role(f"role-{{index}}", assume_role_policy=trust, tags=tags)
    aws.iam.RolePolicy(
        f"role-policy-{{index}}",
        role=role.id,
        policy=bucket.arn.apply(
            lambda arn: json.dumps({{
                "Version": "2012-10-17",
                "Statement": [
                    {{"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{{arn}}/*"}}
                ],
            }})
        ),
    )
    logs = aws.cloudwatch.LogGroup(f"logs-{{index}}", retention_in_days=365, tags=tags)
    for metric in ("CPUUtilization", "DatabaseConnections"):
        aws.cloudwatch.MetricAlarm(
            f"{{metric}}-{{index}}",
            comparison_operator="GreaterThanThreshold",
            evaluation_periods=3,
            metric_name=metric,
            namespace="AWS/RDS",
            period=60,
            statistic="Average",
            threshold=80,
            tags=tags,
        )
    aws.rds.Instance(
        f"database-{{index}}",
        engine="postgres",
        instance_class="db.t4g.medium",
        allocated_storage=20,
        storage_encrypted=True,
        username="service",
        password=pulumi.Output.secret("generated"),
        vpc_security_group_ids=[group.id],
        skip_final_snapshot=True,
        tags=tags,
    )
"""
SETTINGS: Final = """\
config:
  aws:region: us-east-1
  aws:accessKey: test
  aws:secretKey: test
  aws:skipCredentialsValidation: "true"
  aws:skipMetadataApiCheck: "true"
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(description="Measure the preview.", epilog=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="RESOURCES")
    parser.add_argument("--repeat", type=int, default=3, metavar="TIMES", help="the best counts")
    parser.add_argument("--offline", action="store_true", help="leave the Pulumi CLI out")
    options = parser.parse_args(arguments)
    missing = "left out" if options.offline else _missing()
    out = sys.stdout
    out.write(f"{'resources':>9}  {'offline':>19}  {'pulumi preview':>19}\n")
    with tempfile.TemporaryDirectory() as name:
        for size in options.sizes:
            folder = _write(Path(name), size)
            found = best(options.repeat, lambda folder=folder: _offline(folder))
            out.write(f"{size:>9}  {found!s:>19}")
            out.flush()
            if not missing:
                out.write(f"  {best(1, lambda folder=folder: _engine(folder))!s:>19}")
            out.write("\n")
    if missing:
        out.write(f"pulumi preview: {missing}\n")
    return 0


def _write(parent: Path, size: int) -> Path:
    folder = parent / str(size)
    folder.mkdir()
    runtime = f"{{name: python, options: {{toolchain: pip, virtualenv: {sys.prefix}}}}}"
    files = {
        "__main__.py": PROGRAM.format(size=size),
        "Pulumi.yaml": f"name: benchmark\nruntime: {runtime}\n",
        f"Pulumi.{STACK}.yaml": SETTINGS,
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def _offline(folder: Path) -> Measurement:
    # -P: this folder is not searched, its `preview` is not the one to import.
    program = str(Path(__file__).with_name("evaluate.py"))
    return measured([sys.executable, "-P", program, str(folder), STACK], folder, os.environ)


def _missing() -> str | None:
    """Why the CLI cannot be measured here, None where it can."""
    programs = ("pulumi", "pulumi-resource-aws")
    absent = [program for program in programs if shutil.which(program) is None]
    return f"{' and '.join(absent)} not on the PATH" if absent else None


def _engine(folder: Path) -> Measurement:
    state = folder / "state"
    state.mkdir()
    environment = {
        **os.environ,
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE": "benchmark",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    pulumi = str(shutil.which("pulumi"))
    measured([pulumi, "stack", "init", STACK, "--non-interactive"], folder, environment)
    command = [pulumi, "preview", "--stack", STACK, "--non-interactive"]
    pack = ["--policy-pack", str(PROJECT / "policies")]
    # A mandatory violation ends the engine's preview early: here each of them is reported only.
    levels = folder / "levels.json"
    levels.write_text('{"all": "advisory"}', encoding="utf-8")
    configured = ["--policy-pack-config", str(levels)]
    return measured([*command, *pack, *configured], folder, environment)


if __name__ == "__main__":
    sys.exit(main())
