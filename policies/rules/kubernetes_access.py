"""Rules for access within a Kubernetes cluster: who may do what, and who holds a token for it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from plan.graph import Graph
from policies.cluster import called, place_of
from policies.nodes import Node, Subject
from policies.outcomes import (
    PASS,
    Outcome,
    UnknownValueError,
    all_of,
    attempt,
    every,
    fail,
    require,
)
from policies.registry import Controls, Given, Ref, rule
from policies.relations import targets
from policies.settings import Settings, Severity
from policies.workloads import CRON_JOB, DEPLOYMENT, JOB, WORKLOADS, given, pod_of, tokens

SERVICE_ACCOUNT: Final = "kubernetes:core/v1:ServiceAccount"

_VERSIONS: Final = tuple(
    f"rbac.authorization.k8s.io/{one}" for one in ("v1", "v1beta1", "v1alpha1")
)
ROLES: Final = tokens(dict.fromkeys(_VERSIONS, ("ClusterRole", "Role")))
BINDINGS: Final = tokens(dict.fromkeys(_VERSIONS, ("ClusterRoleBinding", "RoleBinding")))
CLUSTER_ROLE, ROLE, *_ = ROLES
CLUSTER_BINDING, BINDING, *_ = BINDINGS

_AUTOMOUNT: Final = "automountServiceAccountToken"
_MOUNTS: Final[Mapping[str, Any]] = {"serviceAccountName": "api", _AUTOMOUNT: True}
_SHARED: Final[Mapping[str, Any]] = {"serviceAccountName": "default", _AUTOMOUNT: False}
_DEFAULT: Final = "default"
_ESCALATING: Final = frozenset({"bind", "escalate", "impersonate"})
_NO_TOKEN: Final[Mapping[str, Any]] = {_AUTOMOUNT: False}
_OWN_ACCOUNT: Final[Mapping[str, Any]] = {"serviceAccountName": "api", **_NO_TOKEN}
_READS: Final = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}


@rule(
    types=[*WORKLOADS, SERVICE_ACCOUNT],
    severity=Severity.MEDIUM,
    controls=Controls(cis=("K8s 5.1.5", "K8s 5.1.6"), checkov=("CKV_K8S_38", "CKV_K8S_41")),
    remediation="""
        Give the workload an account of its own, without a token unless it calls the cluster's API:

            account = kubernetes.core.v1.ServiceAccount("api",
                                                        automount_service_account_token=False)
            spec = {"service_account_name": account.metadata["name"],
                    "automount_service_account_token": False, "containers": [...]}
        """,
    passing=[
        (given({}, **_OWN_ACCOUNT),),
        (given({}, type_=CRON_JOB, **_OWN_ACCOUNT),),
        (Given(SERVICE_ACCOUNT, "api", {_AUTOMOUNT: False}),),
        (
            Given(SERVICE_ACCOUNT, "own", {"metadata": {"name": "api"}, _AUTOMOUNT: False}),
            given({}, type_=DEPLOYMENT, serviceAccountName="api"),
        ),
        (
            Given(SERVICE_ACCOUNT, "own", {_AUTOMOUNT: False}),
            given({}, type_=JOB, serviceAccountName=Ref("own")),
        ),
    ],
    failing=[
        (given({}),),
        (given({}, type_=DEPLOYMENT, serviceAccountName="api"),),
        (given({}, type_=CRON_JOB, **_MOUNTS),),
        (given({}, **_SHARED),),
        (given({}, **_NO_TOKEN),),
        (Given(SERVICE_ACCOUNT, "api"),),
        (Given(SERVICE_ACCOUNT, "api", {_AUTOMOUNT: True}),),
        (
            Given(
                SERVICE_ACCOUNT,
                "elsewhere",
                {"metadata": {"name": "api", "namespace": "ledger"}, _AUTOMOUNT: False},
            ),
            given({}, metadata={"namespace": "payments"}, serviceAccountName="api"),
        ),
    ],
)
def k8s_sa_token_off(subject: Subject, _: Settings, graph: Graph) -> Outcome:
    """Workloads have accounts of their own, and no token that they do not use.

    A token in every container is a key to the cluster's API for whoever gets into one; rights
    given to the default account are rights of whatever forgets to name another. What does call
    the API needs the token: a waiver says why.
    """
    if subject.type == SERVICE_ACCOUNT:
        return require(
            subject.flag(_AUTOMOUNT) is False,
            "mounts its token into each pod that uses it",
            subject.at(_AUTOMOUNT),
        )
    spec = pod_of(subject).spec

    def has_no_token() -> Outcome:
        mounts = spec.flag(_AUTOMOUNT)
        if mounts is None:
            _, accounts = _account(subject, spec, graph)
            mounts = not accounts or any(one.flag(_AUTOMOUNT) is not False for one in accounts)
        if mounts:
            return fail("mounts a token of the cluster's API", spec.at(_AUTOMOUNT))
        return PASS

    def has_own_account() -> Outcome:
        name, _ = _account(subject, spec, graph)
        return require(
            name != _DEFAULT, "runs as the default account", spec.at("serviceAccountName")
        )

    return all_of(attempt(has_no_token), attempt(has_own_account))


def _account(workload: Subject, spec: Node, graph: Graph) -> tuple[str, Sequence[Node]]:
    """The name of the account that the pod runs as, and what the plan declares of it."""
    try:
        name = spec.text("serviceAccountName") or spec.text("serviceAccount") or _DEFAULT
    except UnknownValueError:
        for key in workload.names():
            for account in targets(workload.resource, graph, key, [SERVICE_ACCOUNT]):
                return account.node("metadata").text("name") or account.name, [account]
        raise
    place = place_of(workload.resource, graph)
    return name, [one.inputs for one in called(name, place, graph, SERVICE_ACCOUNT)]


@rule(
    types=[*ROLES, *BINDINGS],
    severity=Severity.HIGH,
    controls=Controls(
        cis=("K8s 5.1.1", "K8s 5.1.3", "K8s 5.1.8"),
        checkov=("CKV_K8S_49", "CKV_K8S_157", "CKV_K8S_158", "CKV2_K8S_3"),
    ),
    remediation="""
        Name the kinds and the verbs that are needed, in one namespace:

            kubernetes.rbac.v1.Role("reader", metadata={"namespace": "payments"}, rules=[
                {"api_groups": [""], "resources": ["configmaps"], "verbs": ["get", "watch"]}])
        """,
    passing=[
        (Given(ROLE, "reader", {"rules": [_READS]}),),
        (
            Given(
                CLUSTER_ROLE,
                "health",
                {"rules": [{"nonResourceURLs": ["/healthz/*"], "verbs": ["get"]}]},
            ),
        ),
        (Given(CLUSTER_BINDING, "viewers", {"roleRef": {"kind": "ClusterRole", "name": "view"}}),),
        (
            Given(ROLE, "reader", {"rules": [_READS]}),
            Given(BINDING, "readers", {"roleRef": {"kind": "Role", "name": Ref("reader")}}),
        ),
    ],
    failing=[
        (Given(ROLE, "all", {"rules": [{**_READS, "verbs": ["*"]}]}),),
        (Given(CLUSTER_ROLE, "all", {"rules": [_READS, {**_READS, "resources": ["*"]}]}),),
        (Given(CLUSTER_ROLE, "all", {"rules": [{**_READS, "resources": ["pods/*"]}]}),),
        (Given(ROLE, "all", {"rules": [{**_READS, "apiGroups": ["*"]}]}),),
        (Given(CLUSTER_ROLE, "urls", {"rules": [{"nonResourceURLs": ["*"], "verbs": ["get"]}]}),),
        (Given(CLUSTER_ROLE, "more", {"rules": [{**_READS, "verbs": ["get", "escalate"]}]}),),
        (Given(CLUSTER_ROLE, "more", {"rules": [{**_READS, "verbs": ["bind"]}]}),),
        (Given(ROLE, "other", {"rules": [{**_READS, "verbs": ["impersonate"]}]}),),
        (
            Given(
                CLUSTER_BINDING,
                "admins",
                {"roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}},
            ),
        ),
        (Given(BINDING, "admin", {"roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}}),),
    ],
    absence_is_safe=True,
)
def k8s_rbac_no_wildcard(subject: Subject, _: Settings, graph: Graph) -> Outcome:
    """No role grants everything, or the right to grant oneself more.

    A wildcard grows with each kind that is added to the cluster. Who may bind, escalate or
    impersonate has every right that anybody has, and `cluster-admin` is all of them.
    """
    if subject.type in BINDINGS:
        return _binds_a_lesser_role(subject, graph)
    return every(subject.each("rules"), _is_narrow)


def _binds_a_lesser_role(binding: Subject, graph: Graph) -> Outcome:
    role = binding.node("roleRef")
    try:
        name = role.text("name")
    except UnknownValueError:
        if targets(binding.resource, graph, "roleRef", ROLES):
            return PASS  # a role of the program's own, which this rule judges by itself
        raise
    return require(name != "cluster-admin", "binds cluster-admin", role.at("name"))


def _is_narrow(granted: Node) -> Outcome:
    def named(key: str) -> Outcome:
        return every(granted.each(key), lambda item: _is_one(key, item))

    return every(("verbs", "resources", "apiGroups", "nonResourceURLs"), named)


def _is_one(key: str, item: Node) -> Outcome:
    text = item.as_text()
    if key == "nonResourceURLs":
        return require(text.strip("/*"), f"grants all of {key}", item.here)
    if key == "verbs" and text in _ESCALATING:
        return fail(f"grants the verb {text}", item.here)
    return require("*" not in text, f"grants {text} of {key}", item.here)
