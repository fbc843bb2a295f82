"""Workflows: from which branch or environment of the repository they come, and what they reach."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from environments import load_foundation
from plan import Graph, Plan
from policies.nodes import Subject
from preview.environment import evaluate_environment
from tests.conftest import PROJECT
from tests.stacks.foundation.permissions import Request, decision
from tests.stacks.reading import FOUNDATIONS, of_type, only

PlanOf = Callable[[str], Plan]

_GITHUB = "token.actions.githubusercontent.com"


def subjects(role: Subject) -> set[str]:
    """The subjects of workflows' tokens that `role` trusts; none where it trusts no workflow."""
    (trust,) = role.document("assumeRolePolicy").nodes("Statement")
    if not trust.node("Principal").has("Federated"):
        return set()
    conditions = trust.node("Condition")
    assert conditions.node("StringEquals").texts(f"{_GITHUB}:aud") == ["sts.amazonaws.com"]
    tested = [conditions.node(operator) for operator in conditions.names()]
    return {one for node in tested for one in node.texts(f"{_GITHUB}:sub")}


def test_a_role_is_for_one_repository_and_branch_or_environment(plan_of: PlanOf) -> None:
    """Production is applied from its GitHub environment alone, and looked at from `main`."""
    roles = {role.name: subjects(role) for role in of_type(plan_of("foundation"), "iam/role")}
    assert {name: trusted for name, trusted in roles.items() if trusted} == {
        "foundation-preview": {"repo:example/slipway:ref:refs/heads/main"},
        "production-preview": {"repo:example/slipway:ref:refs/heads/main"},
        "production-apply": {"repo:example/slipway:environment:production"},
        "production-program": {"repo:example/slipway:environment:production"},
        "production-release": {
            "repo:example/slipway:environment:production",
            "repo:example/slipway:environment:production-watch",
        },
        "publish": {"repo:example/slipway:ref:refs/heads/main"},
    }


def test_staging_comes_from_its_branch_and_the_nightly_search(plan_of: PlanOf) -> None:
    """Scheduled workflows run on the default branch, releases on the environment's own."""
    role = only(plan_of("foundation-staging"), "iam/role", "staging-preview")
    assert subjects(role) == {
        "repo:example/slipway:ref:refs/heads/develop",
        "repo:example/slipway:ref:refs/heads/main",
    }


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_a_pull_request_gets_no_role(name: str, plan_of: PlanOf) -> None:
    """What somebody proposes runs before anybody has read it: it is previewed without any role."""
    for role in of_type(plan_of(name), "iam/role"):
        assert not [one for one in subjects(role) if one.endswith(":pull_request")]


def test_pull_requests_may_look_where_the_file_says_so(tmp_path: Path) -> None:
    """And at nothing but the environments: never apply, publish or sign."""
    for path in (PROJECT / "__main__.py", *PROJECT.glob("Pulumi*.yaml")):
        shutil.copy(path, tmp_path)
    file = tmp_path / "Pulumi.foundation.yaml"
    told = "repository: {name: example/slipway, isPullRequestTrusted: true}"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("repository: {name: example/slipway}", told), encoding="utf-8")
    plan = evaluate_environment(load_foundation("foundation", tmp_path), tmp_path)
    trusting = {
        role.name
        for role in of_type(plan, "iam/role")
        if "repo:example/slipway:pull_request" in subjects(role)
    }
    assert trusting == {"production-preview"}


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_who_applies_does_not_read_what_is_kept(name: str, plan_of: PlanOf) -> None:
    """A deployment makes tables and queues, and reads none; a preview changes nothing."""
    plan = plan_of(name)
    for environment in load_foundation(name, PROJECT).environments:
        applies = only(plan, "iam/rolePolicy", f"{environment.name}-apply").text("policy") or ""
        for action in ("dynamodb:Scan", "ecs:ExecuteCommand", "rds-db:connect"):
            assert decision(applies, Request(action=action)) == "Deny"
        own = f"arn:aws:iam::{environment.aws.account}:role/{environment.name}-api"
        other = f"arn:aws:iam::{environment.aws.account}:role/other-api"
        assert decision(applies, Request(action="iam:PassRole", resource=own)) == "Allow"
        assert decision(applies, Request(action="iam:PassRole", resource=other)) is None
        looks = only(plan, "iam/rolePolicy", f"{environment.name}-preview").text("policy") or ""
        state = f"arn:aws:s3:::slipway-state-{environment.aws.account}/.pulumi/stacks/slipway"
        mine = f"{state}/{environment.name}.json"
        assert decision(looks, Request(action="s3:GetObject", resource=mine)) == "Allow"
        assert decision(looks, Request(action="s3:PutObject", resource=mine)) is None
        others = f"{state}/other.json"
        assert decision(looks, Request(action="s3:GetObject", resource=others)) is None


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_who_previews_reads_the_key_of_the_paging_service_and_no_other_secret(
    name: str, plan_of: PlanOf
) -> None:
    """The program reads it to make the address that alarms go to: no preview would come so far."""
    plan = plan_of(name)
    for environment in load_foundation(name, PROJECT).environments:
        policy, secret = f"{environment.name}-preview-paging", environment.alerts.paging_secret
        if secret is None:
            assert policy not in {one.name for one in of_type(plan, "iam/rolePolicy")}
            continue
        reads = only(plan, "iam/rolePolicy", policy).text("policy") or ""
        get = "secretsmanager:GetSecretValue"
        assert decision(reads, Request(action=get, resource=secret)) == "Allow"
        other = secret.replace("paging", "other")
        assert decision(reads, Request(action=get, resource=other)) is None


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_an_environment_reaches_its_own_state_alone(name: str, plan_of: PlanOf) -> None:
    """The bucket refuses its roles, and the roles that it makes, the state of any other stack."""
    policy = only(plan_of(name), "s3/bucketPolicy", "state").text("policy") or ""
    foundation = load_foundation(name, PROJECT)
    account = foundation.aws.account

    def asked(role: str, key: str) -> str | None:
        caller = f"arn:aws:iam::{account}:role/{role}"
        request = Request(
            action="s3:PutObject",
            resource=f"arn:aws:s3:::{foundation.state_bucket}/.pulumi/{key}",
            context={"aws:SecureTransport": "true", "aws:PrincipalArn": caller},
        )
        return decision(policy, request)

    for environment in foundation.environments:
        own = environment.name
        for role in (f"foundation/{own}-apply", f"{own}-api-task"):
            assert asked(role, f"stacks/slipway/{own}.json") is None
            assert asked(role, f"stacks/slipway/{own}.json.bak") is None
            assert asked(role, f"locks/organization/slipway/{own}/1.json") is None
            assert asked(role, f"history/slipway/{own}/1.json") is None
            assert asked(role, f"stacks/slipway/{name}.json") == "Deny"
            assert asked(role, "stacks/slipway/another.json") == "Deny"
            assert asked(role, f"stacks/slipway/{own}-2.json") == "Deny"


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_state_is_kept_in_versions_under_a_key_and_logged(name: str, plan_of: PlanOf) -> None:
    """And every look at it is in a log that nobody can take away."""
    plan = plan_of(name)
    graph = Graph(plan)
    bucket = only(plan, "s3/bucket", "state")
    kinds = {one.type.split("/")[1].split(":")[0] for one in graph.referrers(bucket.resource)}
    assert {"bucketVersioning", "bucketLogging", "bucketPublicAccessBlock"} <= kinds
    logging = only(plan, "s3/bucketLogging", "state")
    targets = graph.references(logging.resource, "targetBucket")
    # Its policy, too: S3 refuses a bucket for logs that does not let them in.
    assert {one.name for one in targets} == {"access-logs"}
    assert len(targets) == 2
    encryption = only(plan, "s3/bucketServerSideEncryptionConfiguration", "state")
    assert [one.name for one in graph.references(encryption.resource, "rules")] == ["state"]


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_each_stack_encrypts_its_secrets_with_the_key_that_its_file_names(
    name: str, plan_of: PlanOf
) -> None:
    """And only its own roles may open them; the foundation's are opened by who applies it."""
    foundation = load_foundation(name, PROJECT)
    plan = plan_of(name)
    graph = Graph(plan)
    aliases = {one.text("name"): one for one in of_type(plan, "kms/alias")}
    for stack in (foundation, *foundation.environments):
        alias = aliases[f"alias/slipway-state-{stack.name}"]
        if stack.secrets_provider:
            assert f"//{alias.text('name')}?" in stack.secrets_provider
        (key,) = graph.references(alias.resource, "targetKeyId")
        policy = {
            one.text("Sid"): one for one in Subject(key).document("policy").nodes("Statement")
        }
        roles = {one.rpartition("/")[2] for one in policy["Opens"].node("Principal").texts("AWS")}
        expected = {f"{stack.name}-preview", f"{stack.name}-apply"}
        assert roles == (expected if stack is not foundation else {f"{name}-preview"})
        assert ("Applied" in policy) == (stack is foundation)


@pytest.mark.parametrize("name", FOUNDATIONS)
def test_state_outlives_its_region_where_it_would_be_missed(name: str, plan_of: PlanOf) -> None:
    """It is copied to the second region, under a key that is there."""
    foundation, plan = load_foundation(name, PROJECT), plan_of(name)
    replications = of_type(plan, "s3/bucketReplicationConfig")
    assert bool(replications) == foundation.is_stateful_protected
    by_urn = Graph(plan).by_urn
    for copied in [one for one in of_type(plan, "s3/bucket") if one.name == "state-copy"]:
        key = only(plan, "kms/key", "state-copy")
        for one in (copied, key):
            provider = by_urn[one.resource.provider or ""]
            assert provider.inputs["region"] == foundation.aws.backup_region
