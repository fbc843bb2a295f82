"""What the examples of the Kubernetes rules cannot say: every kind, and how resources relate."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, cast

import pytest

from plan.model import PROVIDER_PREFIX
from policies.cluster import NAMESPACE
from policies.images import image_of
from policies.registry import AnyRule, Example, Given, Ref, rules
from policies.rules.kubernetes_namespaces import NETWORK_POLICY
from policies.rules.kubernetes_workloads import BUDGET, SCALER, Images, Replicas, Resources
from policies.workloads import DEPLOYMENT, PATCHES, POD, WORKLOADS, given, kind_of
from standards import Tier
from tests.policies.doors import FAIL, PASS, SILENT, UNDECIDED, messages, says, verdict

PROVIDER: Final = f"{PROVIDER_PREFIX}kubernetes"
KUBERNETES: Final = [rule for rule in rules().values() if rule.id.startswith("k8s-")]
HARDENED: Final[Mapping[str, Any]] = {
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
}
RESTRICTED: Final[Mapping[str, Any]] = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
}
POD_SECURITY: Final = [
    rule.id for rule in KUBERNETES if {"baseline", "restricted"} & {*rule.controls.pss}
]
FREE_KEYS: Final = {"labels", "annotations", "matchLabels", "requests", "limits"}
"""Objects whose keys are a program's own."""


def test_every_part_of_the_pod_security_standards_is_served() -> None:
    """The baseline and the restricted standard are judged by the rules that cite them."""
    assert len(POD_SECURITY) == 12
    assert [rule.id for rule in KUBERNETES if "admission" in rule.controls.pss] == [
        "k8s-pss-namespace-label"
    ]


@pytest.mark.parametrize("type_", WORKLOADS)
@pytest.mark.parametrize("rule", POD_SECURITY)
def test_a_hardened_workload_of_any_kind_is_restricted(rule: str, type_: str) -> None:
    """The pod is found wherever the kind keeps it."""
    assert says(rule, given(HARDENED, type_=type_, **RESTRICTED)) == PASS


@pytest.mark.parametrize("type_", [*WORKLOADS, *PATCHES])
@pytest.mark.parametrize("kind", ["initContainers", "containers", "ephemeralContainers"])
def test_a_privileged_container_of_any_kind_is_found(type_: str, kind: str) -> None:
    """No kind of container, and no kind of workload, is a way around the rules."""
    spec: dict[str, Any] = {kind: [{"name": "shell", "securityContext": {"privileged": True}}]}
    found = messages("k8s-no-privileged", given(HARDENED, type_=type_, **spec))
    assert found == ["container shell is privileged"]


@pytest.mark.parametrize(
    "rule",
    ["k8s-no-priv-escalation", "k8s-drop-all-caps", "k8s-seccomp", "k8s-read-only-root"],
)
def test_windows_is_not_asked_for_what_it_lacks(rule: str) -> None:
    """The standard exempts pods that say they run on Windows, as their cluster refuses the rest."""
    assert says(rule, given({}, os={"name": "windows"})) == SILENT
    assert says(rule, given({}, os={"name": "linux"})) == FAIL


def test_windows_pods_may_not_be_root_or_of_the_host() -> None:
    """What Windows has, it must use."""
    windows = {"name": "windows"}
    host = {"windowsOptions": {"hostProcess": True}}
    assert says("k8s-run-as-non-root", given({}, os=windows)) == FAIL
    assert says("k8s-no-privileged", given({}, os=windows, securityContext=host)) == FAIL


def test_a_container_without_a_readable_name_is_still_judged() -> None:
    """A name that is not known, or not text, hides nothing."""
    bad = {"securityContext": {"privileged": True}}
    example = (given({**bad, "name": Ref("pod")}), Given(POD, "pod"))
    assert verdict(rules()["k8s-no-privileged"], example) == FAIL
    assert messages("k8s-no-privileged", given({**bad, "name": 7})) == ["container 7 is privileged"]
    assert messages("k8s-no-privileged", given({**bad, "name": [7]})) == [
        "container spec.containers[0] is privileged"
    ]


def test_an_unknown_container_does_not_hide_a_known_one() -> None:
    """Findings of what is known stand beside what is not known yet."""
    other = Given(POD, "other")
    containers = [Ref("other"), {"name": "api", "securityContext": {"privileged": True}}]
    assert says("k8s-no-privileged", given(None, containers=containers), other) == FAIL
    assert says("k8s-no-privileged", given(None, containers=[Ref("other")]), other) == UNDECIDED


@pytest.mark.parametrize(
    ("pod", "container", "expected"),
    [
        (True, None, PASS),
        (None, True, PASS),
        (True, True, PASS),
        (True, False, FAIL),
        (False, True, FAIL),
        (None, None, FAIL),
    ],
)
def test_pod_and_container_are_combined_as_the_standard_says(
    pod: bool | None,  # noqa: FBT001 - a case of the table
    container: bool | None,  # noqa: FBT001
    expected: str,
) -> None:
    """A container inherits the pod's setting; a bad one of either fails."""
    example = given(
        {"securityContext": {"runAsNonRoot": container}}, securityContext={"runAsNonRoot": pod}
    )
    assert says("k8s-run-as-non-root", example) == expected


def test_a_cpu_limit_is_asked_for_on_request() -> None:
    """Teams differ on limits of CPU time, so a setting decides."""
    amounts = {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}}
    example = given({"resources": amounts})
    assert says("k8s-cpu-memory", example) == PASS
    assert messages("k8s-cpu-memory", example, settings=Resources(cpu_limits=True)) == [
        "container api has no cpu limits"
    ]


def test_a_pod_that_ends_by_itself_needs_no_probes() -> None:
    """Nothing asks a finished pod whether it lives."""
    assert says("k8s-probes", given({}, restartPolicy="Never")) == SILENT
    assert not [type_ for type_ in rules()["k8s-probes"].types if kind_of(type_) == "Job"]


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("redis", ("docker.io", "redis", "", "")),
        ("library/redis:7", ("docker.io", "library/redis", "7", "")),
        ("localhost/api", ("localhost", "api", "", "")),
        ("registry:5000/team/api:v1", ("registry:5000", "team/api", "v1", "")),
        ("ghcr.io/team/api@sha256:0", ("ghcr.io", "team/api", "", "sha256:0")),
        ("ghcr.io/api:v1@sha256:0", ("ghcr.io", "api", "v1", "sha256:0")),
    ],
)
def test_a_reference_to_an_image_is_read_as_runtimes_do(
    reference: str, parts: tuple[str, ...]
) -> None:
    """A port is no tag, and a name without a host is one of Docker Hub."""
    image = image_of(reference)
    assert (image.registry, image.repository, image.tag, image.digest) == parts


def test_registries_and_tags_are_settings() -> None:
    """Another team's registry and form of tags can be allowed."""
    example = given({"image": f"ghcr.io/team/api:1.0@sha256:{'0' * 64}"})
    assert len(messages("k8s-image-pinned", example)) == 2
    lenient = Images(registries=("ghcr.io",), tags=re.compile(r"[0-9.]+"))
    assert says("k8s-image-pinned", example, settings=lenient) == PASS


def _policy(namespace: object, provider: str | None = None) -> Given:
    spec: dict[str, object] = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    inputs: dict[str, object] = {"metadata": {"namespace": namespace}, "spec": spec}
    return Given(NETWORK_POLICY, "deny", inputs, provider=provider)


def test_a_policy_of_another_cluster_closes_nothing() -> None:
    """Namespaces of two clusters may share a name; two providers may share a cluster."""
    clusters = (
        Given(PROVIDER, "one", {"kubeconfig": "{}", "context": "one"}),
        Given(PROVIDER, "same", {"kubeconfig": "{}", "context": "one"}),
        Given(PROVIDER, "two", {"kubeconfig": "{}", "context": "two"}),
    )
    named = {"metadata": {"name": "payments"}}
    namespace = Given(NAMESPACE, "payments", named, provider="one")
    assert says("k8s-network-policy", *clusters, namespace, _policy("payments", "same")) == PASS
    assert says("k8s-network-policy", *clusters, namespace, _policy("payments", "two")) == FAIL


def test_a_policy_that_may_be_elsewhere_leaves_the_namespace_undecided() -> None:
    """A policy whose namespace nobody knows yet is neither there nor missing."""
    namespace = Given(NAMESPACE, "payments", {"metadata": {"name": "payments"}})
    other = Given(POD, "other")
    assert says("k8s-network-policy", namespace, other, _policy(Ref("other"))) == UNDECIDED


def _service(replicas: int, labels: Mapping[str, object]) -> Given:
    spread = {"topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}
    template = {"metadata": {"labels": labels}, "spec": {"topologySpreadConstraints": [spread]}}
    inputs = {"metadata": {"name": "api"}, "spec": {"replicas": replicas, "template": template}}
    return Given(DEPLOYMENT, "api", inputs)


def _budget(**selector: object) -> Given:
    return Given(BUDGET, "budget", {"spec": {"minAvailable": 1, "selector": selector}})


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"key": "app", "operator": "In", "values": ["web", "api"]}, PASS),
        ({"key": "app", "operator": "In", "values": ["web"]}, FAIL),
        ({"key": "app", "operator": "NotIn", "values": ["web"]}, PASS),
        ({"key": "app", "operator": "NotIn", "values": ["api"]}, FAIL),
        ({"key": "app", "operator": "Exists"}, PASS),
        ({"key": "tier", "operator": "Exists"}, FAIL),
        ({"key": "tier", "operator": "DoesNotExist"}, PASS),
        ({"key": "app", "operator": "DoesNotExist"}, FAIL),
        ({"key": "app", "operator": "Like", "values": ["api"]}, FAIL),
    ],
)
def test_a_budget_selects_pods_as_kubernetes_does(
    expression: Mapping[str, object], expected: str
) -> None:
    """Labels and expressions must all match."""
    service = _service(2, {"app": "api"})
    budget = _budget(matchLabels={"app": "api"}, matchExpressions=[expression])
    assert says("k8s-pdb-and-replicas", service, budget) == expected
    assert says("k8s-pdb-and-replicas", service, _budget(matchExpressions=[expression])) == expected


def test_a_budget_for_more_labels_than_a_pod_has_selects_nothing() -> None:
    """Each label that is asked for must be there; more labels of the pod do no harm."""
    asked = _budget(matchLabels={"app": "api", "side": "blue"})
    assert says("k8s-pdb-and-replicas", _service(2, {"app": "api"}), asked) == FAIL
    labels = {"app": "api", "side": "blue", "team": "payments"}
    assert says("k8s-pdb-and-replicas", _service(2, labels), asked) == PASS


def test_a_label_that_is_not_known_leaves_the_service_undecided() -> None:
    """A budget may yet select a pod whose label is known after an apply."""
    example = (
        _service(2, {"app": Ref("other")}), Given(POD, "other"), _budget(matchLabels={"app": "api"})
    )  # fmt: skip
    assert says("k8s-pdb-and-replicas", *example) == UNDECIDED


def test_a_scaler_of_something_else_does_not_count() -> None:
    """A stateful set may have the deployment's name."""
    target = {"kind": "StatefulSet", "name": "api"}
    scaler = Given(SCALER, "scaler", {"spec": {"scaleTargetRef": target, "minReplicas": 1}})
    service, budget = _service(2, {"app": "api"}), _budget(matchLabels={"app": "api"})
    assert says("k8s-pdb-and-replicas", service, budget, scaler) == PASS


def test_only_production_needs_two_pods() -> None:
    """Elsewhere one pod is enough."""
    staging = Replicas(tier=Tier.STAGING)
    assert says("k8s-pdb-and-replicas", _service(1, {"app": "api"}), settings=staging) == SILENT


@pytest.mark.parametrize("rule", KUBERNETES, ids=[rule.id for rule in KUBERNETES])
def test_every_field_of_an_example_exists_in_the_sdk(rule: AnyRule) -> None:
    """A misspelled field in an example would prove a rule that reads nothing."""
    for example in (*rule.passing, *rule.failing):
        assert set(_fields(example)) <= _known_fields()


def _fields(example: Example) -> Iterator[str]:
    pending: list[object] = [given.inputs for given in example if given.type != PROVIDER]
    while pending:
        value = pending.pop()
        if isinstance(value, Mapping):
            for key, item in cast("Mapping[str, object]", value).items():
                yield key
                pending += [] if key in FREE_KEYS else [item]
        elif isinstance(value, Sequence) and not isinstance(value, str):
            pending += cast("Sequence[object]", value)


@cache
def _known_fields() -> set[str]:
    """The fields of all Kubernetes kinds, as the engine sees them."""
    spec = find_spec("pulumi_kubernetes")
    assert spec is not None
    assert spec.origin is not None
    found: set[str] = set()
    for path in Path(spec.origin).parent.glob("*/v*/*.py"):
        text = path.read_text()
        found |= set(re.findall(r'@pulumi\.getter\(name="(\w+)"\)', text))
        found |= set(re.findall(r"@pulumi\.getter\n    def (\w+)\(", text))
    return found


_SPECS: Final[list[tuple[dict[str, Any], set[str]]]] = [
    ({}, {"ingress"}),
    ({"egress": [{"ports": [{"port": 53}]}]}, {"ingress", "egress"}),
    ({"policyTypes": ["Egress"]}, {"egress"}),
    ({"policyTypes": ["Ingress", "Egress"], "ingress": [{}]}, {"egress"}),
    ({"policyTypes": ["Ingress", "Egress"], "egress": [{}]}, {"ingress"}),
    ({"ingress": [{"from": [{"podSelector": {}}]}]}, {"ingress"}),
    ({"ingress": [{"to": [{"podSelector": {}}]}]}, set[str]()),
    ({"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}, {"ingress", "egress"}),
    ({"egress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}, {"ingress"}),
    ({"podSelector": {"matchLabels": {"app": "api"}}}, set[str]()),
]


@pytest.mark.parametrize(("spec", "closed"), _SPECS)
def test_a_network_policy_closes_the_ways_it_concerns(
    spec: dict[str, object], closed: set[str]
) -> None:
    """Without types it is for what comes in, and for what goes out where it has rules for that."""
    namespace = Given(NAMESPACE, "payments", {"metadata": {"name": "payments"}})
    policy = Given(
        NETWORK_POLICY,
        "policy",
        {"metadata": {"namespace": "payments"}, "spec": {"podSelector": {}, **spec}},
    )
    said = messages("k8s-network-policy", namespace, policy)
    for way in ("ingress", "egress"):
        assert (f"no policy closes this namespace to {way}" not in said) is (way in closed)


def test_a_pod_runs_as_the_account_that_it_names() -> None:
    """By the older key, too; and by a reference, whose name is the account's own."""
    bare: dict[str, Any] = {"automountServiceAccountToken": False}
    older = given({}, type_=DEPLOYMENT, serviceAccount="api", **bare)
    assert says("k8s-sa-token-off", older) == PASS
    account = "kubernetes:core/v1:ServiceAccount"
    for metadata, expected in (
        ({}, PASS),
        ({"name": "api"}, PASS),
        ({"name": "default"}, FAIL),
    ):
        referring = given({}, type_=DEPLOYMENT, serviceAccountName=Ref("own"), **bare)
        made = Given(account, "own", {"metadata": metadata, **bare})
        assert says("k8s-sa-token-off", made, referring, of="api") == expected


def test_an_older_budget_counts() -> None:
    """A cluster that has not moved yet disrupts no more than it says."""
    labels = {"app": "api"}
    pods = given(
        {},
        type_=DEPLOYMENT,
        metadata={"labels": labels},
        topologySpreadConstraints=[
            {"topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}
        ],
    )
    spec = cast("Mapping[str, Any]", pods.inputs["spec"])
    pods = Given(DEPLOYMENT, "api", {"spec": {**spec, "replicas": 3}})
    for kind in ("policy/v1", "policy/v1beta1"):
        budget = Given(
            f"kubernetes:{kind}:PodDisruptionBudget",
            "api",
            {"spec": {"selector": {"matchLabels": labels}, "minAvailable": 1}},
        )
        assert messages("k8s-pdb-and-replicas", pods, budget) == []
    assert messages("k8s-pdb-and-replicas", pods) == ["no disruption budget selects its pods"]
