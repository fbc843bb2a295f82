"""What the cluster is given is what Kubernetes takes, and what the pack wants of workloads."""

from collections.abc import Callable

import kubernetes_validate  # pyright: ignore[reportMissingTypeStubs] it has none
import pytest

from environments import Environment
from plan import Plan
from policies.configuration import settings_by_rule
from policies.judgement import judge
from policies.registry import rules
from tests.stacks.kubernetes.reading import WITH_CLUSTER, inside, manifest

_OF_EKS = "eks.amazonaws.com"
"""The group of kinds that Kubernetes itself knows nothing of."""


@pytest.mark.parametrize("environment", WITH_CLUSTER)
def test_every_manifest_fits_the_schema_of_its_version(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """Strictly: a key that Kubernetes does not know, which it would drop, is refused as well."""
    record = record_of(environment).kubernetes
    assert record is not None
    manifests = [manifest(one) for one in inside(plan_of(environment))]
    own = [one for one in manifests if not one["apiVersion"].startswith(_OF_EKS)]
    for one in own:
        used = kubernetes_validate.validate(one, record.version, strict=True)
        assert used == record.version
    assert {one["kind"] for one in own} == {
        "ConfigMap", "Deployment", "HorizontalPodAutoscaler", "LimitRange", "Namespace",
        "NetworkPolicy", "PodDisruptionBudget", "ResourceQuota", "Service", "ServiceAccount",
    }  # fmt: skip
    (binding,) = (one for one in manifests if one not in own)
    assert binding["kind"] == "TargetGroupBinding"


def test_the_schema_refuses_what_kubernetes_does_not_know(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment]
) -> None:
    """So that the test above can fail."""
    record = record_of("production").kubernetes
    assert record is not None
    for one in map(manifest, inside(plan_of("production"))):
        if one["kind"] == "Deployment":
            one["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
            with pytest.raises(kubernetes_validate.ValidationError):
                kubernetes_validate.validate(one, record.version, strict=True)


@pytest.mark.parametrize("environment", WITH_CLUSTER)
def test_every_rule_for_kubernetes_holds(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """Each rule for clusters, workloads and namespaces concerns something, and finds nothing."""
    record, plan = record_of(environment), plan_of(environment)
    pack = [rule for name, rule in rules().items() if name.startswith(("eks-", "k8s-"))]
    judgement = judge(plan, pack, settings_by_rule(pack, record.tier))
    assert not [finding.violation.message for finding in judgement.findings]
    concerned = {rule.id for rule in pack if judgement.concerned.get(rule.id)}
    only_live = {"k8s-pdb-and-replicas", "k8s-scale-out-triggers"}
    nothing_to_judge = {"eks-node-no-ssh", "k8s-rbac-no-wildcard"}  # no node group, no role
    assert {rule.id for rule in pack} - concerned - nothing_to_judge <= only_live
    if environment == "production":
        assert only_live <= concerned
