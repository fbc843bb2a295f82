"""Rules for running Kubernetes workloads: images, resources, probes, secrets and availability."""

from collections.abc import Mapping
from typing import Final

from pydantic import Field

from plan.graph import Graph
from policies.cluster import SCALERS, Found, asks_for_nothing, called, may_select, place_of, selects
from policies.credentials import sounds_secret
from policies.images import Images, is_release
from policies.nodes import Node, Subject
from policies.outcomes import (
    PASS,
    NotApplicable,
    Outcome,
    all_of,
    attempt,
    every,
    met,
    require,
    some,
)
from policies.registry import Controls, Given, Ref, rule
from policies.settings import Settings, Severity
from policies.workloads import (
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    JOB,
    SERVERS,
    STATEFUL_SET,
    WORKLOADS,
    WORKLOADS_AND_PATCHES,
    Pod,
    given,
    kind_of,
    named,
    pod_of,
)
from standards import figure

BUDGET: Final = "kubernetes:policy/v1:PodDisruptionBudget"
OLDER_BUDGET: Final = "kubernetes:policy/v1beta1:PodDisruptionBudget"
DEPLOYMENTS: Final = tuple(type_ for type_ in WORKLOADS if kind_of(type_) == "Deployment")
SCALER: Final = SCALERS[1]

_WITH_RESOURCES: Final = ("initContainers", "containers")
"""An ephemeral container takes what its pod has left."""
_ZONES: Final = frozenset({"topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"})
_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"

_PRIVATE: Final = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
_PINNED: Final = f"{_PRIVATE}/api:v1.4.0-0a1b2c3@sha256:{'0' * 64}"
_PROBE: Final = {"httpGet": {"path": "/health", "port": 8443}}
_AMOUNTS: Final = {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "256Mi"}}


class Resources(Settings):
    """Which limits a container must have."""

    cpu_limits: bool = Field(
        default=False,
        description="Whether a limit of CPU time is needed; it slows a container on an idle node.",
    )


class Replicas(Settings):
    """How many pods serve at least."""

    min_count: int = Field(default=figure("SVC-01", "instances_min_count").count, ge=1, le=1000)


@rule(
    types=WORKLOADS,
    severity=Severity.MEDIUM,
    controls=Controls(checkov=("CKV_K8S_10", "CKV_K8S_11", "CKV_K8S_12", "CKV_K8S_13")),
    settings=Resources,
    remediation="""
        Say what the container needs, and how much memory it may take:

            {"name": "api", "resources": {"requests": {"cpu": "250m", "memory": "256Mi"},
                                          "limits": {"memory": "256Mi"}}}
        """,
    passing=[
        (given({"resources": _AMOUNTS}, type_=DEPLOYMENT),),
        (given({"resources": {"limits": {"cpu": 1, "memory": "1Gi"}}}, type_=CRON_JOB),),
        (given({}, resources=_AMOUNTS),),
    ],
    failing=[
        (given({}),),
        (given({"resources": {"requests": _AMOUNTS["requests"]}}, type_=DEPLOYMENT),),
        (given({"resources": {"limits": {"memory": "1Gi"}}}, type_=JOB),),
        (given({"resources": _AMOUNTS}, type_=STATEFUL_SET, initContainers=[{"name": "setup"}]),),
    ],
)
def k8s_cpu_memory(workload: Subject, settings: Resources) -> Outcome:
    """Every container says what it needs, and how much memory it may take.

    Without requests a node is filled until its services starve; without a limit one leak takes
    down its neighbours. A limit stands for a request, and the pod's for its containers'.
    """
    pod = pod_of(workload)
    needed = [("requests", "cpu"), ("requests", "memory"), ("limits", "memory")]
    needed += [("limits", "cpu")] if settings.cpu_limits else []

    def says(container: Node) -> Outcome:
        own, of_pod = container.node("resources"), pod.spec.node("resources")
        return every(
            needed,
            lambda one: require(
                _says(own, *one) or _says(of_pod, *one),
                f"{named(container)} has no {one[1]} {one[0]}",
                own.at(one[0]),
            ),
        )

    return pod.of_each(says, _WITH_RESOURCES)


def _says(resources: Node, kind: str, what: str) -> bool:
    return resources.node(kind).has(what) or (
        kind == "requests" and resources.node("limits").has(what)
    )


@rule(
    types=SERVERS,
    severity=Severity.LOW,
    controls=Controls(checkov=("CKV_K8S_8", "CKV_K8S_9")),
    remediation="""
        Ask the container whether it is alive, and whether it can serve:

            {"name": "api",
             "liveness_probe": {"http_get": {"path": "/alive", "port": 8443}},
             "readiness_probe": {"http_get": {"path": "/ready", "port": 8443}}}
        """,
    passing=[
        (given({"livenessProbe": _PROBE, "readinessProbe": _PROBE}, type_=DEPLOYMENT),),
        (given({"livenessProbe": _PROBE, "readinessProbe": {"grpc": {"port": 1}}}),),
    ],
    failing=[
        (given({}),),
        (given({"livenessProbe": _PROBE}, type_=DEPLOYMENT),),
        (given({"readinessProbe": _PROBE}, type_=DAEMON_SET),),
    ],
)
def k8s_probes(workload: Subject) -> Outcome:
    """Every container of a service is asked whether it lives, and can serve.

    A hung process is restarted by nobody else, and one that cannot serve yet gets requests all the
    same. A pod that is to end by itself is not concerned.
    """
    pod = pod_of(workload)
    if pod.spec.text("restartPolicy") in {"Never", "OnFailure"}:
        return NotApplicable("the pod is to end by itself")

    def asked(container: Node) -> Outcome:
        return all_of(
            *(
                require(
                    container.has(f"{kind}Probe"),
                    f"{named(container)} has no {kind} probe",
                    container.at(f"{kind}Probe"),
                )
                for kind in ("liveness", "readiness")
            )
        )

    return pod.of_each(asked, ("containers",))


@rule(
    types=WORKLOADS,
    severity=Severity.MEDIUM,
    requirements=["ART-07", "POD-03"],
    controls=Controls(checkov=("CKV_K8S_14", "CKV_K8S_43")),
    settings=Images,
    remediation="""
        Take the image from the team's own registry, by its digest:

            {"name": "api", "image":
                "123456789012.dkr.ecr.eu-central-1.amazonaws.com/api:v1.4.0-0a1b2c3@sha256:..."}
        """,
    passing=[
        (given({"image": _PINNED}, type_=DEPLOYMENT),),
        (given({"image": f"{_PRIVATE}/team/api@sha256:{'a' * 64}"}),),
    ],
    failing=[
        (given({}),),
        (given({"image": "api"}),),
        (given({"image": f"{_PRIVATE}/api:v1.4.0-0a1b2c3"}, type_=DEPLOYMENT),),
        (given({"image": f"{_PRIVATE}/api:latest@sha256:{'0' * 64}"}, type_=JOB),),
        (given({"image": f"docker.io/library/api@sha256:{'0' * 64}"}),),
        (given({"image": f"{_PRIVATE}/api@sha256:0"}),),
        (given({"image": _PINNED}, type_=CRON_JOB, initContainers=[{"image": "busybox"}]),),
        (given({"image": _PINNED}, ephemeralContainers=[{"image": "busybox:latest"}]),),
        (given({"image": _PINNED}, volumes=[{"name": "a", "image": {"reference": "model"}}]),),
    ],
)
def k8s_image_pinned(workload: Subject, settings: Images) -> Outcome:
    """Every image is named by its digest, from a registry of one's own.

    A tag can be moved: two pods of one release then run different code, and nobody reviewed the
    second. Where an image has a tag, it says which release and commit it is.
    """
    pod = pod_of(workload)

    def of_volume(volume: Node) -> Outcome:
        if not volume.has("image"):
            return PASS
        return is_release(volume.node("image"), "reference", f"volume {volume.here}", settings)

    return all_of(
        pod.of_each(lambda container: is_release(container, "image", named(container), settings)),
        every(pod.spec.each("volumes"), of_volume),
    )


@rule(
    types=WORKLOADS_AND_PATCHES,
    severity=Severity.LOW,
    controls=Controls(cis=("K8s 5.4.1",), checkov=("CKV_K8S_35",)),
    remediation="""
        Mount it as a file:

            {"containers": [{"name": "api", "volume_mounts": [
                {"name": "database", "mount_path": "/secrets/database", "read_only": True}]}],
             "volumes": [{"name": "database", "secret": {"secret_name": "database"}}]}
        """,
    passing=[
        (given({}),),
        (
            given(
                {
                    "env": [
                        {"name": "LOG_LEVEL", "value": "info"},
                        {"name": "HOST", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}},
                    ],
                    "envFrom": [{"configMapRef": {"name": "settings"}}],
                },
                type_=DEPLOYMENT,
            ),
        ),
    ],
    failing=[
        (
            given(
                {"env": [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]}
            ),
        ),
        (given({"env": [{"name": "DATABASE_PASSWORD", "value": "correct horse"}]}),),
        (given({"envFrom": [{"secretRef": {"name": "database"}}]}, type_=CRON_JOB),),
        (
            given(
                {},
                type_=DEPLOYMENT,
                initContainers=[{"name": "setup", "envFrom": [{"secretRef": {"name": "a"}}]}],
            ),
        ),
    ],
    absence_is_safe=True,
)
def k8s_no_secret_env(workload: Subject) -> Outcome:
    """Secrets reach containers as files.

    A process hands its environment to each child, and crash reports print it; a file can be
    replaced while the container runs, and read by one user alone.
    """

    def without(container: Node) -> Outcome:
        return all_of(
            every(
                container.each("env"),
                lambda one: require(
                    not _holds_a_secret(one),
                    f"{named(container)} has a secret in its environment",
                    one.here,
                ),
            ),
            every(
                container.each("envFrom"),
                lambda one: require(
                    not one.has("secretRef"),
                    f"{named(container)} has a whole secret in its environment",
                    one.at("secretRef"),
                ),
            ),
        )

    return every(pod_of(workload).containers, without)


def _holds_a_secret(variable: Node) -> bool:
    """Whether a variable is filled from a secret, or is one in plain text by its name."""
    if variable.has("value"):
        return sounds_secret(variable.text("name") or "")
    return variable.node("valueFrom").has("secretKeyRef")


_API: Final = {"labels": {"app": "api"}}
_SPREAD: Final = {
    "topologyKey": "topology.kubernetes.io/zone",
    "whenUnsatisfiable": "DoNotSchedule",
    "maxSkew": 1,
}


def _deployment(spec: Mapping[str, object], name: str = "api", **pod: object) -> Given:
    """A deployment, for the examples."""
    template = {"metadata": _API, "spec": {"topologySpreadConstraints": [_SPREAD], **pod}}
    metadata = {"name": name, "namespace": "payments"}
    return Given(DEPLOYMENT, "api", {"metadata": metadata, "spec": {"template": template, **spec}})


def _budget(selector: object, namespace: str = "payments", type_: str = BUDGET) -> Given:
    """A disruption budget, for the examples."""
    spec = {"minAvailable": 1, "selector": selector}
    return Given(type_, "budget", {"metadata": {"namespace": namespace}, "spec": spec})


def _scaler(target: object, least: int) -> Given:
    """An autoscaler, for the examples."""
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": target}, "minReplicas": least}
    return Given(SCALER, "scaler", {"metadata": {"namespace": "payments"}, "spec": spec})


_SELECTS_API: Final = _budget({"matchLabels": {"app": "api"}})
_SELECTS_ALL: Final[Mapping[str, object]] = {}
_APART: Final = {"podAntiAffinity": {_REQUIRED: [{"topologyKey": "topology.kubernetes.io/zone"}]}}


@rule(
    types=DEPLOYMENTS,
    severity=Severity.MEDIUM,
    requirements=["SVC-01"],
    settings=Replicas,
    remediation="""
        Run two pods in different zones, and let a drained node take one of them at a time:

            kubernetes.apps.v1.Deployment("api", spec={"replicas": 2, "template": {"spec": {
                "topology_spread_constraints": [{
                    "topology_key": "topology.kubernetes.io/zone", "max_skew": 1,
                    "when_unsatisfiable": "DoNotSchedule",
                    "label_selector": {"match_labels": {"app": "api"}}}], ...}}, ...})
            kubernetes.policy.v1.PodDisruptionBudget("api", spec={
                "min_available": 1, "selector": {"match_labels": {"app": "api"}}})
        """,
    passing=[
        (_deployment({"replicas": 2}), _SELECTS_API),
        (_deployment({"replicas": 3}), _budget(_SELECTS_ALL)),
        (
            _deployment({"replicas": 2}),
            _budget({"matchExpressions": [{"key": "app", "operator": "In", "values": ["api"]}]}),
        ),
        (
            _deployment({"replicas": 2}, topologySpreadConstraints=None, affinity=_APART),
            _SELECTS_API,
        ),
        (_deployment({}), _SELECTS_API, _scaler("api", 2)),
        (_deployment({}), _SELECTS_API, _scaler(Ref("api"), 2)),
    ],
    failing=[
        (_deployment({}), _SELECTS_API),
        (_deployment({"replicas": 1}), _SELECTS_API),
        (_deployment({"replicas": 2}),),
        (_deployment({"replicas": 2}), _budget({"matchLabels": {"app": "web"}})),
        (_deployment({"replicas": 2}), _budget({"matchLabels": {"app": "api"}}, "ledger")),
        (_deployment({"replicas": 2}), _budget(_SELECTS_ALL, type_=OLDER_BUDGET)),
        (
            _deployment({"replicas": 2}),
            _budget({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["api"]}]}),
        ),
        (_deployment({"replicas": 2}, topologySpreadConstraints=None), _SELECTS_API),
        (
            _deployment(
                {"replicas": 2},
                topologySpreadConstraints=[{**_SPREAD, "topologyKey": "kubernetes.io/hostname"}],
            ),
            _SELECTS_API,
        ),
        (
            _deployment(
                {"replicas": 2},
                topologySpreadConstraints=[{**_SPREAD, "whenUnsatisfiable": "ScheduleAnyway"}],
            ),
            _SELECTS_API,
        ),
        (_deployment({"replicas": 2}), _SELECTS_API, _scaler("api", 1)),
    ],
)
def k8s_pdb_and_replicas(deployment: Subject, settings: Replicas, graph: Graph) -> Outcome:
    """A service in production has two pods in different zones, and never loses both.

    The loss of a node or a zone then costs capacity and not the service, and a budget keeps an
    upgrade of the cluster from draining all of its nodes at once.
    """
    if not settings.is_production:
        return NotApplicable("only production is held to it")
    pod = pod_of(deployment)
    return all_of(
        attempt(lambda: _replicated(deployment, settings.min_count, graph)),
        attempt(lambda: _spread(pod)),
        attempt(lambda: _budgeted(deployment, pod, graph)),
    )


def _replicated(deployment: Subject, least: int, graph: Graph) -> Outcome:
    """Whether the deployment, or what scales it, keeps at least `least` pods."""
    scalers = _scalers(deployment, graph)
    if not scalers:
        return _enough(deployment.node("spec"), "replicas", least)
    return every(scalers, lambda scaler: _enough(scaler.node("spec"), "minReplicas", least))


def _enough(spec: Node, key: str, least: int) -> Outcome:
    count = spec.number(key)
    count = 1 if count is None else count  # what Kubernetes takes where nobody says
    return require(count >= least, f"may run with {count:g} of {least} pods", spec.at(key))


def _scalers(deployment: Subject, graph: Graph) -> list[Node]:
    """What sets the deployment's number of pods at run time."""
    name = deployment.node("metadata").text("name") or ""
    place = place_of(deployment.resource, graph)
    return [
        *(Subject(one) for one in graph.referrers(deployment.resource, *SCALERS, key="spec")),
        *(one.inputs for one in called(f"Deployment/{name}", place, graph, *SCALERS)),
    ]


def _spread(pod: Pod) -> Outcome:
    """Whether the scheduler must put the pods into different zones."""

    def over_zones(constraint: Node) -> Outcome:
        hard = constraint.text("whenUnsatisfiable") in {None, "DoNotSchedule"}
        return met(hard and constraint.text("topologyKey") in _ZONES)

    rules = [
        *pod.spec.each("topologySpreadConstraints"),
        *pod.spec.node("affinity").node("podAntiAffinity").each(_REQUIRED),
    ]
    return some(rules, over_zones, "nothing keeps its pods in different zones")


def _budgeted(deployment: Subject, pod: Pod, graph: Graph) -> Outcome:
    """Whether a disruption budget selects the deployment's pods."""
    labels = pod.metadata.node("labels")

    def selects_it(budget: Found) -> Outcome:
        # An empty selector means all pods to the current version, and none to the older one.
        chosen = [
            selector
            for selector in budget.spec.nodes("selector")
            if budget.type == BUDGET or not asks_for_nothing(selector)
        ]
        return met(chosen and all(selects(selector, labels) for selector in chosen))

    place = place_of(deployment.resource, graph)
    budgets = may_select(labels, place, graph, BUDGET, OLDER_BUDGET)
    return some(budgets, selects_it, "no disruption budget selects its pods")
