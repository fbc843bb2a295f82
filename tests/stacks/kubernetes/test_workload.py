"""The MCP server runs restricted, spread, probed and scaled as the standards say."""

from collections.abc import Callable

import pytest

from environments import Environment
from environments.kubernetes import Kubernetes
from plan import Plan
from stacks.kubernetes.pods import PodSettings
from standards import figure
from tests.stacks.kubernetes.reading import WITH_CLUSTER, inside, manifest, pod, the
from tests.stacks.reading import of_type, only


def mcp_record(environment: Environment) -> Kubernetes:
    """The cluster of an environment that has one."""
    assert environment.kubernetes is not None
    return environment.kubernetes


@pytest.mark.parametrize("environment", WITH_CLUSTER)
def test_the_workload_is_updated_to_its_image_by_the_stack(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """By digest, and within the time that the standards give a service to become healthy."""
    plan, record = plan_of(environment), mcp_record(record_of(environment))
    deployment = the(plan, "Deployment")
    (container,) = pod(plan)["containers"]
    assert container["image"] == record.mcp.image
    wait = figure("SVC-02", "healthy_wait_max_minutes")
    assert deployment.node("spec").number("progressDeadlineSeconds") == wait.seconds
    within = f"{wait.minutes}m"
    assert deployment.options.custom_timeouts == {"create": within, "update": within}
    probe = container["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] == wait.seconds
    rollout = manifest(deployment.resource)["spec"]["strategy"]["rollingUpdate"]
    assert rollout == {"maxUnavailable": 0, "maxSurge": "100%"}


@pytest.mark.parametrize("environment", WITH_CLUSTER)
@pytest.mark.parametrize("kind", ["Deployment", "HorizontalPodAutoscaler"])
def test_the_stack_has_the_last_word_after_a_cutover(
    plan_of: Callable[[str], Plan], environment: str, kind: str
) -> None:
    """A cutover patches both by kubectl: an apply would end at the fields that it wrote last."""
    metadata = manifest(the(plan_of(environment), kind).resource)["metadata"]
    assert metadata["annotations"] == {"pulumi.com/patchForce": "true"}


@pytest.mark.parametrize("environment", WITH_CLUSTER)
def test_the_number_of_pods_is_the_autoscalers(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """The stack never sets it back; bounds are the record's, the figures SCALE-01's."""
    plan, record = plan_of(environment), mcp_record(record_of(environment))
    assert not the(plan, "Deployment").node("spec").has("replicas")
    spec = manifest(the(plan, "HorizontalPodAutoscaler").resource)["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (
        record.mcp.replicas.min,
        record.mcp.replicas.max,
    )
    (metric,) = spec["metrics"]
    percent = figure("SCALE-01", "cpu_above_percent").percent
    assert metric["resource"]["target"]["averageUtilization"] == percent
    up = spec["behavior"]["scaleUp"]
    assert up["stabilizationWindowSeconds"] == figure("SCALE-01", "cpu_window_minutes").seconds
    assert up["tolerance"] == "0"
    cited = {
        (one.requirement, one.key) for one in the(plan, "HorizontalPodAutoscaler").resource.figures
    }
    assert {("SCALE-01", "cpu_above_percent"), ("SCALE-01", "cpu_window_minutes")} <= cited


@pytest.mark.parametrize("environment", WITH_CLUSTER)
def test_a_pod_stops_only_after_the_load_balancer_stopped_sending(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """It waits out the draining of its target, and then has time for what is under way."""
    plan = plan_of(environment)
    draining = only(plan, "lb/targetGroup", "mcp").number("deregistrationDelay") or 0
    (container,) = pod(plan)["containers"]
    assert container["lifecycle"]["preStop"]["sleep"]["seconds"] >= draining
    assert pod(plan)["terminationGracePeriodSeconds"] > draining


@pytest.mark.parametrize("environment", WITH_CLUSTER)
def test_pods_stand_in_different_zones(plan_of: Callable[[str], Plan], environment: str) -> None:
    """The scheduler must spread them over zones, those of one rollout among themselves."""
    spread = pod(plan_of(environment))["topologySpreadConstraints"]
    zones = next(one for one in spread if one["topologyKey"] == "topology.kubernetes.io/zone")
    assert zones["whenUnsatisfiable"] == "DoNotSchedule"
    assert zones["matchLabelKeys"] == ["pod-template-hash"]


@pytest.mark.parametrize("environment", WITH_CLUSTER)
def test_settings_and_secrets_come_by_reference(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """The pods are told plain values, and the names of their secrets."""
    plan, record = plan_of(environment), mcp_record(record_of(environment))
    (container,) = pod(plan)["containers"]
    assert "env" not in container
    settings = manifest(the(plan, "ConfigMap").resource)
    assert container["envFrom"] == [{"configMapRef": {"name": settings["metadata"]["name"]}}]
    told = settings["data"]
    for variable in record.mcp.secrets:
        assert told[f"{variable}_SECRET_ID"] == f"/slipway/{environment}/mcp/{variable}"
        assert variable not in told
    assert record.mcp.variables.items() <= told.items()
    assert not [one for one in inside(plan) if one.type.endswith(":Secret")]


def test_other_settings_are_another_map(plan_of: Callable[[str], Plan]) -> None:
    """Pods read their settings when they start: no map changes under those that run."""
    told = {
        name: PodSettings(variables=manifest(the(plan_of(name), "ConfigMap").resource)["data"])
        for name in ("staging", "production")
    }
    assert len({one.config_map for one in told.values()}) == len(told)
    again = PodSettings(variables=dict(reversed([*told["production"].variables.items()])))
    assert again.config_map == told["production"].config_map


@pytest.mark.parametrize("environment", WITH_CLUSTER)
def test_traffic_is_let_through_by_name_alone(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """In from the private subnets on one port; out to names, credentials and TLS."""
    plan, record = plan_of(environment), record_of(environment)
    spec = manifest(the(plan, "NetworkPolicy").resource)["spec"]
    (allowed,) = spec["ingress"]
    subnets = {
        only(plan, "ec2/subnet", f"private-{zone}").text("cidrBlock")
        for zone in record.network.zones
    }
    assert {one["ipBlock"]["cidr"] for one in allowed["from"]} == subnets
    port = mcp_record(record).mcp.port
    assert allowed["ports"] == [{"port": port, "protocol": "TCP"}]
    out = {
        (rule["to"][0]["ipBlock"]["cidr"], port["port"])
        for rule in spec["egress"]
        for port in rule["ports"]
    }
    assert out == {("172.20.0.10/32", 53), ("169.254.170.23/32", 80), ("0.0.0.0/0", 443)}
    (tls,) = (one for one in spec["egress"] if one["ports"][0]["port"] == 443)
    assert tls["to"][0]["ipBlock"]["except"] == ["169.254.0.0/16"]
    assert manifest(the(plan, "ConfigMap", "network-policies").resource)["data"] == {
        "enable-network-policy-controller": "true"
    }


@pytest.mark.parametrize("environment", WITH_CLUSTER)
def test_the_quota_leaves_room_for_a_rollout_and_no_more(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """The old pods and the new ones fit at the largest size; nothing opens a door by itself."""
    record = mcp_record(record_of(environment)).mcp
    hard = manifest(the(plan_of(environment), "ResourceQuota").resource)["spec"]["hard"]
    assert int(hard["pods"]) == 2 * record.replicas.max
    assert hard["limits.memory"] == f"{2 * record.replicas.max * record.memory}Mi"
    assert hard["services.loadbalancers"] == hard["services.nodeports"] == "0"


@pytest.mark.parametrize("environment", WITH_CLUSTER)
def test_a_pod_starts_once_all_that_it_needs_is_there(
    plan_of: Callable[[str], Plan], environment: str
) -> None:
    """Its network policies' switch, its role, its settings and its place behind the balancer."""
    plan = plan_of(environment)
    waited = {urn.rpartition("::")[0].rpartition("$")[2] for urn in (
        the(plan, "Deployment").resource.dependencies
    )}  # fmt: skip
    assert {
        "aws:eks/podIdentityAssociation:PodIdentityAssociation",
        "kubernetes:eks.amazonaws.com/v1:TargetGroupBinding",
        "kubernetes:core/v1:ConfigMap",
        "kubernetes:core/v1:ServiceAccount",
    } <= waited


@pytest.mark.parametrize("environment", WITH_CLUSTER)
def test_somebody_is_told_where_the_standards_ask_for_it(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment], environment: str
) -> None:
    """Down, failing and slow where people are on call; latency that wants a pod in both."""
    record = record_of(environment)
    alarms = {one.name for one in of_type(plan_of(environment), "cloudwatch/metricAlarm")}
    on_call = {"mcp-down", "mcp-errors-critical", "mcp-errors-warning", "mcp-slow"}
    assert (alarms >= on_call) is record.must("MON-12")
    assert ("mcp-more-for-latency" in alarms) is record.must("SCALE-01")
