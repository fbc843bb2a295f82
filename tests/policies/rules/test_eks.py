"""Rules for Kubernetes clusters, where their examples do not reach."""

from policies.registry import Given
from policies.rules import eks
from policies.settings import Settings
from standards import Tier
from tests.policies.doors import FAIL, PASS, UNDECIDED, messages, says


def test_outside_production_nodes_may_have_a_key_behind_security_groups() -> None:
    """There a key is a violation only where port 22 is open to the internet."""
    staging = Settings(tier=Tier.STAGING)
    keyed = {"ec2SshKey": "ops"}
    opened = Given(eks.NODE_GROUP, "workers", {"remoteAccess": keyed})
    narrowed = {"remoteAccess": {**keyed, "sourceSecurityGroupIds": ["sg-1"]}}
    closed = Given(eks.NODE_GROUP, "workers", narrowed)
    assert says("eks-node-no-ssh", opened, settings=staging) == FAIL
    assert says("eks-node-no-ssh", closed, settings=staging) == PASS
    assert says("eks-node-no-ssh", closed) == FAIL


def test_a_launch_template_from_elsewhere_may_name_a_key() -> None:
    """The plan cannot tell, and says so."""
    group = Given(eks.NODE_GROUP, "workers", {"launchTemplate": {"id": "lt-1", "version": "1"}})
    assert says("eks-node-no-ssh", group) == UNDECIDED


def test_the_supported_version_of_kubernetes_is_a_setting() -> None:
    """Versions compare as numbers, not as text."""
    cluster = Given(eks.CLUSTER, "main", {"version": "1.9"})
    assert says("eks-supported-version", cluster, settings=eks.Kubernetes(oldest="1.9")) == PASS
    assert says("eks-supported-version", cluster, settings=eks.Kubernetes(oldest="1.10")) == FAIL
    newer = Given(eks.CLUSTER, "main", {"version": "2.0"})
    assert says("eks-supported-version", newer, settings=eks.Kubernetes(oldest="1.34")) == PASS


def test_the_audit_log_of_a_cluster_is_never_optional() -> None:
    """A setting may ask for fewer logs, but always for that one."""
    few = eks.ControlPlaneLogs(log_types=("api",))
    logged = Given(eks.CLUSTER, "main", {"enabledClusterLogTypes": ["api", "audit"]})
    assert says("eks-audit-logs", logged, settings=few) == PASS
    unlogged = Given(eks.CLUSTER, "main", {"enabledClusterLogTypes": ["api"]})
    assert messages("eks-audit-logs", unlogged, settings=few) == ["does not write its audit log"]
