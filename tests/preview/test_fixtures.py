"""What a program asks AWS is answered from its environment."""

from pathlib import Path

import pytest

from preview.errors import ProgramError
from preview.fixtures import Fixtures
from tests.preview.programs import named, plan_of

FIXTURES = Fixtures(region="eu-central-1", account="123456789012", zones=("eu-central-1a",))


def test_functions_answer_for_the_environment(tmp_path: Path) -> None:
    """Region, zones, account and partition are the environment's."""
    plan = plan_of(
        tmp_path,
        """
        import pulumi_aws as aws
        Thing("a", {
            "region": aws.get_region().region,
            "zones": aws.get_availability_zones(state="available").names,
            "account": aws.get_caller_identity().account_id,
            "partition": aws.get_partition_output().partition,
            "logs": aws.elb.get_service_account_output().arn,
        })
        """,
        fixtures=FIXTURES,
    )
    assert named(plan, "a").inputs == {
        "region": "eu-central-1",
        "zones": ["eu-central-1a"],
        "account": "123456789012",
        "partition": "aws",
        "logs": "arn:aws:iam::054676820928:root",
    }
    assert plan.warnings == ()


def test_a_function_asks_the_region_of_its_provider(tmp_path: Path) -> None:
    """With an explicit provider, and default ones disabled, the provider's region counts."""
    plan = plan_of(
        tmp_path,
        """
        import pulumi_aws as aws
        there = aws.Provider("there", region="us-west-2")
        options = pulumi.InvokeOptions(provider=there)
        Cloud("cloud")
        Thing("a", {"zones": aws.get_availability_zones(opts=options).names},
              ResourceOptions(provider=Cloud("other")))
        """,
        {"pulumi:disable-default-providers": '["*"]'},
        fixtures=FIXTURES,
    )
    assert named(plan, "a").inputs == {"zones": ["us-west-2a", "us-west-2b", "us-west-2c"]}


def test_a_function_without_a_provider_is_refused_like_a_resource(tmp_path: Path) -> None:
    """With default providers disabled every function needs a provider."""
    with pytest.raises(ProgramError, match="getRegion' must use an explicit provider"):
        plan_of(
            tmp_path,
            """
            import pulumi_aws as aws
            aws.get_region()
            """,
            {"pulumi:disable-default-providers": '["*"]'},
        )


def test_an_unknown_function_returns_nothing_and_is_said(tmp_path: Path) -> None:
    """The plan warns once, however often the function was called."""
    plan = plan_of(
        tmp_path,
        """
        for _ in range(2):
            answer = pulumi.runtime.invoke("test:index/getThing:getThing", {"name": "x"})
        Thing("a", {"answer": answer.value})
        """,
    )
    assert named(plan, "a").inputs == {"answer": {}}
    assert plan.warnings == (
        "test:index/getThing:getThing has no answer offline: it returned nothing",
    )


def test_a_method_returns_nothing_and_is_said(tmp_path: Path) -> None:
    """A call to a resource's method is in the warnings too."""
    plan = plan_of(
        tmp_path,
        """
        a = Thing("a")
        pulumi.runtime.call("test:index:Thing/show", {}, a)
        """,
    )
    assert plan.warnings == ("test:index:Thing/show has no answer offline: it returned nothing",)


def test_invoke_transforms_change_the_arguments(tmp_path: Path) -> None:
    """A function is asked what the program's transforms make of the question."""
    plan = plan_of(
        tmp_path,
        """
        import pulumi_aws as aws
        pulumi.runtime.register_invoke_transform(
            lambda args: pulumi.InvokeTransformResult({"region": "sa-east-1"}, args.opts)
        )
        Thing("a", {"region": aws.get_region_output().region})
        """,
    )
    assert named(plan, "a").inputs == {"region": "sa-east-1"}


@pytest.mark.parametrize(
    ("region", "partition", "prefix"),
    [
        ("eu-west-1", "aws", "com.amazonaws"),
        ("cn-north-1", "aws-cn", "cn.com.amazonaws"),
        ("us-gov-west-1", "aws-us-gov", "com.amazonaws"),
    ],
)
def test_the_partition_follows_the_region(region: str, partition: str, prefix: str) -> None:
    """China and the government regions are partitions of their own."""
    answer = Fixtures(region=region).answer("aws:index/getPartition:getPartition", {})
    assert answer is not None
    assert (answer["partition"], answer["reverseDnsPrefix"]) == (partition, prefix)


def test_a_region_without_an_elb_account_has_no_answer() -> None:
    """Newer regions deliver logs as a service, not as an account."""
    token = "aws:elb/getServiceAccount:getServiceAccount"  # noqa: S105 a function's name
    assert Fixtures(region="il-central-1").answer(token, {}) is None
