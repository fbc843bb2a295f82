"""Rules for Kubernetes namespaces: which one to use, and what each of them holds off."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from pydantic import Field

from plan.graph import Graph
from plan.model import PROVIDER_PREFIX
from policies.cluster import (
    DEFAULT_NAMESPACE,
    NAMESPACE,
    asks_for_nothing,
    in_place,
    place_made_by,
    place_of,
)
from policies.nodes import Node, Subject
from policies.outcomes import Outcome, all_of, every, met, require, some
from policies.registry import Controls, Example, Given, Ref, rule
from policies.settings import Settings, Severity
from policies.workloads import CRON_JOB, DEPLOYMENT, WORKLOADS

NETWORK_POLICY: Final = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
NETWORK_POLICIES: Final = (NETWORK_POLICY, "kubernetes:extensions/v1beta1:NetworkPolicy")

_NAMESPACED: Final = (
    *WORKLOADS,
    "kubernetes:core/v1:ConfigMap",
    "kubernetes:core/v1:PersistentVolumeClaim",
    "kubernetes:core/v1:Secret",
    "kubernetes:core/v1:Service",
    "kubernetes:core/v1:ServiceAccount",
    "kubernetes:networking.k8s.io/v1:Ingress",
    "kubernetes:rbac.authorization.k8s.io/v1:Role",
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
)
_PROVIDER: Final = f"{PROVIDER_PREFIX}kubernetes"
_ENFORCE: Final = "pod-security.kubernetes.io/enforce"

_DIRECTIONS: Final = {"Ingress": "ingress", "Egress": "egress"}
"""By policy type, the key of its rules."""

_PAYMENTS: Final = {"name": "payments"}
_ALL: Final[Mapping[str, object]] = {}
_NOBODY: Final[Sequence[object]] = []
_DENY: Final = {"podSelector": _ALL, "policyTypes": ["Ingress", "Egress"]}


class PodSecurity(Settings):
    """How strict namespaces are with their pods."""

    least_level: Literal["baseline", "restricted"] = Field(
        default="restricted", description="The least Pod Security Standard to enforce."
    )


@rule(
    types=_NAMESPACED,
    severity=Severity.LOW,
    controls=Controls(cis=("K8s 5.6.4",), checkov=("CKV_K8S_21",)),
    remediation="""
        Create it in a namespace of the service's own:

            namespace = kubernetes.core.v1.Namespace("payments", metadata={"name": "payments"})
            kubernetes.apps.v1.Deployment("api", metadata={"namespace": "payments"}, spec=spec,
                                          opts=pulumi.ResourceOptions(depends_on=namespace))
        """,
    passing=[
        (Given(DEPLOYMENT, "api", {"metadata": {"namespace": "payments"}}),),
        (
            Given(NAMESPACE, "payments"),
            Given(CRON_JOB, "report", {"metadata": {"namespace": Ref("payments")}}),
        ),
        (
            Given(_PROVIDER, "cluster", {"namespace": "payments"}),
            Given(DEPLOYMENT, "api", provider="cluster"),
        ),
    ],
    failing=[
        (Given(DEPLOYMENT, "api"),),
        (Given(CRON_JOB, "report", {"metadata": {"namespace": "default"}}),),
        (Given("kubernetes:core/v1:Service", "api", {"metadata": {"name": "api"}}),),
        (
            Given(_PROVIDER, "cluster", {"namespace": "default"}),
            Given(DEPLOYMENT, "api", provider="cluster"),
        ),
    ],
)
def k8s_no_default_namespace(resource: Subject, _: Settings, graph: Graph) -> Outcome:
    """Nothing is created in the default namespace.

    Whatever forgets to name one lands there, so its roles, policies and quotas fit nobody. The
    namespace that a provider is set to counts for what names none.
    """
    namespace = place_of(resource.resource, graph)[1]
    return require(
        namespace != DEFAULT_NAMESPACE, "is in the default namespace", "metadata.namespace"
    )


def _policy(name: str, spec: object, namespace: object = "payments") -> Given:
    """A network policy, for the examples."""
    return Given(NETWORK_POLICY, name, {"metadata": {"namespace": namespace}, "spec": spec})


_DECLARED: Final = Given(NAMESPACE, "payments", {"metadata": _PAYMENTS})
_OPEN_TO_ITS_PODS: Final[Example] = (
    _DECLARED,
    _policy("deny", _DENY),
    _policy("api", {"podSelector": {"matchLabels": {"app": "api"}}, "ingress": [_ALL]}),
)


@rule(
    types=[NAMESPACE],
    severity=Severity.MEDIUM,
    controls=Controls(cis=("K8s 5.3.2",), checkov=("CKV2_K8S_6",)),
    remediation="""
        Close the namespace, then let in what each service needs with a policy of its own:

            kubernetes.networking.v1.NetworkPolicy("payments-deny",
                metadata={"namespace": namespace.metadata["name"]},
                spec={"pod_selector": {}, "policy_types": ["Ingress", "Egress"]})
        """,
    passing=[
        (_DECLARED, _policy("deny", _DENY)),
        (Given(NAMESPACE, "payments"), _policy("deny", _DENY, Ref("payments"))),
        (
            _DECLARED,
            _policy("deny-in", {"podSelector": _ALL}),
            _policy(
                "deny-out", {"podSelector": _ALL, "policyTypes": ["Egress"], "egress": _NOBODY}
            ),
        ),
        (
            _DECLARED,
            _policy(
                "names-only",
                {**_DENY, "egress": [{"ports": [{"port": 53, "protocol": "UDP"}]}]},
            ),
        ),
        _OPEN_TO_ITS_PODS,
    ],
    failing=[
        (_DECLARED,),
        (_DECLARED, _policy("elsewhere", _DENY, "ledger")),
        (_DECLARED, _policy("in-alone", {"podSelector": _ALL, "policyTypes": ["Ingress"]})),
        (_DECLARED, _policy("some", {**_DENY, "podSelector": {"matchLabels": {"app": "api"}}})),
        (_DECLARED, _policy("all-out", {**_DENY, "egress": [_ALL]})),
        (
            _DECLARED,
            _policy("deny", _DENY),
            _policy("open", {"podSelector": _ALL, "ingress": [{"from": _NOBODY}]}),
        ),
    ],
)
def k8s_network_policy(namespace: Subject, _: Settings, graph: Graph) -> Outcome:
    """Each namespace refuses traffic that no policy of its own lets through.

    Without one every pod of the cluster reaches every other: the first that is taken over has the
    database in reach. The policy may be one or two, in and out; one that lets everything through
    opens the namespace again, whatever the others say.
    """
    place = place_made_by(namespace.resource, graph)
    policies = in_place(place, graph, *NETWORK_POLICIES)

    def closed(direction: str) -> Outcome:
        way = direction.lower()
        return all_of(
            some(
                policies,
                lambda policy: met(_closes(policy.spec, direction)),
                f"no policy closes this namespace to {way}",
            ),
            every(
                policies,
                lambda policy: require(
                    not _opens(policy.spec, direction),
                    f"the policy {policy.name} lets through all {way}",
                ),
            ),
        )

    return every(_DIRECTIONS, closed)


def _concerns(spec: Node, direction: str) -> bool:
    """Whether the policy is about all pods of its namespace, and about this direction."""
    if not asks_for_nothing(spec.node("podSelector")):
        return False
    if not spec.has("policyTypes"):
        return direction == "Ingress" or spec.has(_DIRECTIONS[direction])
    return direction in spec.texts("policyTypes")


def _opens(spec: Node, direction: str) -> bool:
    """Whether the policy lets everything through: one of its rules names no peer and no port."""
    peers = "from" if direction == "Ingress" else "to"
    return _concerns(spec, direction) and any(
        not (allowed.nodes("ports") or allowed.nodes(peers))
        for allowed in spec.nodes(_DIRECTIONS[direction])
    )


def _closes(spec: Node, direction: str) -> bool:
    """Whether the policy refuses whatever it does not name."""
    return _concerns(spec, direction) and not _opens(spec, direction)


@rule(
    types=[NAMESPACE],
    severity=Severity.MEDIUM,
    controls=Controls(pss=("admission",), cis=("K8s 5.2.1",)),
    settings=PodSecurity,
    remediation="""
        Let the cluster refuse pods that break the standard, whoever creates them:

            kubernetes.core.v1.Namespace("payments", metadata={"labels": {
                "pod-security.kubernetes.io/enforce": "restricted"}})
        """,
    passing=[
        (Given(NAMESPACE, "payments", {"metadata": {"labels": {_ENFORCE: "restricted"}}}),),
    ],
    failing=[
        (Given(NAMESPACE, "payments"),),
        (Given(NAMESPACE, "payments", {"metadata": {"labels": {_ENFORCE: "baseline"}}}),),
        (Given(NAMESPACE, "payments", {"metadata": {"labels": {_ENFORCE: "privileged"}}}),),
        (
            Given(
                NAMESPACE,
                "payments",
                {"metadata": {"labels": {"pod-security.kubernetes.io/warn": "restricted"}}},
            ),
        ),
    ],
)
def k8s_pss_namespace_label(namespace: Subject, settings: PodSecurity) -> Outcome:
    """Each namespace enforces the restricted Pod Security Standard.

    These rules judge what this program declares; the label also stops what anybody else creates.
    """
    labels = namespace.node("metadata").node("labels")
    level = labels.text(_ENFORCE)
    return require(
        level in {settings.least_level, "restricted"},
        f"enforces {level or 'no standard'}, not {settings.least_level}",
        labels.at(_ENFORCE),
    )
