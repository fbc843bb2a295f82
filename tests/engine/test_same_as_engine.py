"""What a policy pack sees under the real engine is what the offline plan holds."""

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast
from uuid import uuid4

import boto3  # pyright: ignore[reportMissingTypeStubs] - it has none
import pytest
import yaml

from policies.judgement import Finding
from preview.runner import evaluate_project
from preview.verdict import reach_verdict
from standards import Tier
from tests.engine.comparison import differences
from tests.engine.engine import missing, record

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
]

PROJECT: Final = Path(__file__).parents[2]
PARTS: Final = (
    "__main__.py",
    "Pulumi.yaml",
    "environments",
    "policies",
    "plan",
    "preview",
    "stacks",
    "standards",
)

# A violation as the CLI prints it: rule, name, and nothing where the rule could not be decided.
VIOLATION: Final = re.compile(
    r"- \[(?:advisory|mandatory)\].*?  (\S+)  \(\S+: (.+)\)\n +.+\n +(?:not evaluated, .*|(.+))\n"
)

PROGRAM: Final = """
import json
import pulumi
import pulumi_aws as aws
from pulumi import Alias, ComponentResource, CustomTimeouts, Output, ResourceOptions

provider = aws.Provider("main", region="us-east-1", access_key="test", secret_key="test",
    skip_credentials_validation=True, skip_requesting_account_id=False,
    skip_metadata_api_check=True, default_tags={"tags": {"Owner": "us"}})

class Store(ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("shop:storage:Store", name, None, opts)
        below = ResourceOptions(parent=self)
        self.bucket = aws.s3.Bucket(f"{name}-bucket", force_destroy=True, opts=below)
        aws.s3.BucketPolicy(f"{name}-policy", bucket=self.bucket.id,
            policy=self.bucket.arn.apply(lambda arn: json.dumps({"Resource": arn})), opts=below)
        self.register_outputs({"bucket": self.bucket.id})

class Shop(ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("shop:index:Shop", name, None, opts)
        self.store = Store(f"{name}-store", ResourceOptions(parent=self))

def tag(args):
    if args.type_ != "aws:sqs/queue:Queue":
        return None
    return pulumi.ResourceTransformResult({**args.props, "delaySeconds": 3}, args.opts)

shop = Shop("shop", ResourceOptions(providers=[provider], protect=True))
with_provider = ResourceOptions(provider=provider)

def options(**given):
    return ResourceOptions.merge(with_provider, ResourceOptions(**given))

topic = aws.sns.Topic("topic", opts=options(ignore_changes=["displayName"]))
key = aws.kms.Key("key", deletion_window_in_days=7, enable_key_rotation=True,
    opts=options(custom_timeouts=CustomTimeouts(create="30m", delete="90s")))
aws.ssm.Parameter("password", type="SecureString", key_id=key.arn,
    value=Output.secret("hunter2"), opts=options(additional_secret_outputs=["arn"]))
aws.ssm.Parameter("both", type="SecureString", value=Output.secret(key.arn), opts=options())
aws.ssm.Parameter("text", type="String", value=Output.concat("x/", topic.arn),
    tags={"Bucket": shop.store.bucket.id}, opts=options(
        aliases=[Alias(name="old"), Alias(parent=shop)], depends_on=[shop],
        delete_before_replace=True, retain_on_delete=True))
aws.ec2.SecurityGroup("group", description="d", vpc_id="vpc-1", ingress=[
    {"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": ["10.0.0.0/8"]}],
    opts=options())
aws.sqs.Queue("queue", message_retention_seconds=600,
    redrive_policy=topic.arn.apply(lambda arn: json.dumps({"x": arn})),
    opts=options(transforms=[tag]))
aws.sqs.Queue("kept", delay_seconds=1, tags={"Topic": topic.name},
    opts=options(transforms=[lambda args: None]))
pulumi.export("topic", topic.arn)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for the engine's own files."""
    path = tmp_path / "engine"
    path.mkdir()
    return path


def test_a_program_of_every_shape(tmp_path: Path, folder: Path) -> None:
    """Components, secrets, unknowns, options, aliases, transforms and providers."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    (project / "Pulumi.yaml").write_text("name: shop\nruntime: python\n", encoding="utf-8")
    (project / "Pulumi.dev.yaml").write_text(
        'config:\n  pulumi:disable-default-providers: ["*"]\n', encoding="utf-8"
    )
    recording = record(project, "dev", folder)
    assert differences(evaluate_project(project, "dev"), recording) == []
    assert len(recording.alone) > 10


def test_default_providers_are_made_alike(tmp_path: Path, folder: Path) -> None:
    """A program that names no provider gets one per version, with the package's settings."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "__main__.py").write_text(
        "import pulumi_aws as aws\n"
        'aws.sns.Topic("topic", tags={"Region": aws.get_region().region})\n',
        encoding="utf-8",
    )
    (project / "Pulumi.yaml").write_text("name: shop\nruntime: python\n", encoding="utf-8")
    (project / "Pulumi.dev.yaml").write_text(
        "config:\n  aws:region: us-east-1\n  aws:skipMetadataApiCheck: 'true'\n", encoding="utf-8"
    )
    recording = record(project, "dev", folder)
    assert differences(evaluate_project(project, "dev"), recording) == []


@pytest.mark.parametrize("stack", ["staging", "production"])
def test_the_project_s_own_stacks(stack: str, tmp_path: Path, folder: Path) -> None:
    """Every resource, and every finding of the project's own pack.

    What the engine leaves undecided is not compared: it shows stack policies the outputs, in which
    all that the provider computes is unknown, and so decides less than the offline preview.
    """
    project = _copy(stack, tmp_path / "project")
    recording = record(project, stack, folder, project / "policies")
    plan = evaluate_project(project, stack)
    assert differences(plan, recording) == []
    offline = reach_verdict(plan, title=stack, tier=Tier(stack)).judgement.findings
    decided = [violation for violation in VIOLATION.findall(recording.said) if violation[2]]
    assert set(decided) == {
        (finding.rule.id, finding.resource.name, _line(finding)) for finding in offline
    }


def _line(finding: Finding) -> str:
    """A finding as the pack words it."""
    path = f" ({finding.violation.path})" if finding.violation.path else ""
    return f"{finding.resource.name}: {finding.violation.message}{path}"


def _copy(stack: str, project: Path) -> Path:
    """The project's program and pack, in an account that the emulator plays."""
    project.mkdir()
    for part in PARTS:
        source = PROJECT / part
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, project / part)
    text = (PROJECT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8")
    (project / f"Pulumi.{stack}.yaml").write_text(
        _in_account(text, os.environ.get("AWS_EMULATOR_ACCOUNT", "123456789012")), encoding="utf-8"
    )
    return project


def _in_account(text: str, account: str) -> str:
    """The settings `text` for an environment that lives in `account`.

    The secret that it pages with is there, as it is before an environment is first applied. It has
    no cluster where the engine has no plugin for Kubernetes: it would not go on.
    """
    own = text.partition('account: "')[2].partition('"')[0]
    assert own.isdigit()
    settings = yaml.safe_load(text.replace(own, account))
    settings["config"]["slipway:alerts"]["pagingSecret"] = _paging_secret()
    if shutil.which("pulumi-resource-kubernetes") is None:
        settings["config"].pop("slipway:kubernetes", None)
    return yaml.safe_dump(settings)


def _paging_secret() -> str:
    """The ARN of a secret in the emulator, with a key of the paging service."""
    secrets = cast("Any", boto3).client(
        "secretsmanager",
        region_name="us-east-1",
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - an emulator accepts any
    )
    value = json.dumps({"routing_key": "stands-in-for-the-key"})
    return str(secrets.create_secret(Name=f"paging-{uuid4()}", SecretString=value)["ARN"])


def test_the_comparison_sees_what_it_must(tmp_path: Path, folder: Path) -> None:
    """A plan that differs in any one respect is told apart from what the engine showed."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    (project / "Pulumi.yaml").write_text("name: shop\nruntime: python\n", encoding="utf-8")
    (project / "Pulumi.dev.yaml").write_text("config: {}\n", encoding="utf-8")
    recording = record(project, "dev", folder)
    plan = evaluate_project(project, "dev")
    for index, resource in enumerate(plan.resources):
        changed = replace(resource, inputs={**resource.inputs, "more": "than the engine has"})
        others = (*plan.resources[:index], changed, *plan.resources[index + 1 :])
        (found,) = differences(replace(plan, resources=others), recording)
        assert found.startswith(f"{resource.urn}: input more:")
