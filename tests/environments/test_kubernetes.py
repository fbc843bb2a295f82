"""A cluster that cannot work where it is declared is refused before anything is made."""

from pathlib import Path

import pytest

from environments import ConfigurationError, load
from environments.parity import parity_problems
from tests.environments.records import PROJECT, changed, content_of, write


def refusal(folder: Path, key: str, value: object, name: str = "production") -> str:
    """What is said of the project's environment `name` with one key changed."""
    write(folder, name, changed(content_of(name), key, value))
    with pytest.raises(ConfigurationError) as raised:
        load(name, folder)
    return str(raised.value)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("kubernetes.version", "latest", "slipway:kubernetes.version: "),
        ("kubernetes.serviceCidr", "10.40.8.0/24", "overlaps network.cidr 10.40.0.0/16"),
        ("kubernetes.serviceCidr", "8.8.8.0/24", "8.8.8.0/24 is no private range"),
        ("kubernetes.serviceCidr", "172.20.0.0/25", "172.20.0.0/25 is no private range from /12"),
        ("kubernetes.administrators", ["a role"], "slipway:kubernetes.administrators.0: "),
        ("kubernetes.addons.metricsServer", "latest", "kubernetes.addons.metricsServer: "),
        ("kubernetes.mcp.clients", ["web"], "clients: web is no service; there are: api, prover"),
        ("kubernetes.mcp.clients", [], "slipway:kubernetes.mcp.clients: "),
        ("kubernetes.mcp.replicas", {"min": 3, "max": 2}, "replicas: max 2 is below min 3"),
        ("kubernetes.mcp.replicas.min", 1, "may not go below 2: raise its instances.min (SVC-01)"),
        ("kubernetes.mcp.healthCheck", ..., "slipway:kubernetes.mcp.healthCheck is missing"),
        ("kubernetes.mcp.demand", ..., "kubernetes.mcp does not carry its load"),
        ("kubernetes.mcp.nodes", 3, "slipway:kubernetes.mcp.nodes is unknown"),
        ("network.natGateways", "none", "natGateways is none: make it single or per-zone"),
    ],
)
def test_a_cluster_that_cannot_work_is_refused(
    tmp_path: Path, key: str, value: object, said: str
) -> None:
    """With the file, the key, and what would be right."""
    message = refusal(tmp_path, key, value)
    assert message.startswith("Pulumi.production.yaml: ")
    assert said in message


def test_an_image_by_tag_is_refused(tmp_path: Path) -> None:
    """Of a service and of the MCP server alike: a tag can be moved."""
    for key in ("kubernetes.mcp.image", "services.api.image"):
        message = refusal(tmp_path, key, "333333333333.dkr.ecr.us-east-1.amazonaws.com/mcp:latest")
        assert f"Pulumi.production.yaml: slipway:{key}: " in message
        assert "is no image by digest" in message
        assert message.endswith("(ART-02)")


def test_an_emulator_has_no_cluster(tmp_path: Path) -> None:
    """Its calls would go to the real AWS: development has none."""
    cluster = content_of("integration")["config"]["slipway:kubernetes"]
    message = refusal(tmp_path, "kubernetes", cluster, "development")
    assert "the emulator at aws.endpoint has no clusters: leave it out" in message


def test_a_product_without_an_mcp_server_has_no_cluster(tmp_path: Path) -> None:
    """The key is left out, and everything else stays as it is."""
    write(tmp_path, "production", changed(content_of("production"), "kubernetes", ...))
    assert load("production", tmp_path).kubernetes is None


def test_demand_needs_as_many_instances_as_carry_it(tmp_path: Path) -> None:
    """The fewest carry what is expected, the most carry the peak (SVC-05)."""
    for demand in (
        {"expected": 361, "peak": 1200, "perInstance": 120},
        {"expected": 300, "peak": 1441, "perInstance": 120},
    ):
        message = refusal(tmp_path, "services.api.demand", demand)
        assert "services.api does not carry its load" in message
        assert message.endswith("(SVC-05)")
    exact = {"expected": 360, "peak": 1440, "perInstance": 120}
    write(tmp_path, "production", changed(content_of("production"), "services.api.demand", exact))
    assert load("production", tmp_path).services["api"].demand is not None
    below = {"expected": 2, "peak": 1, "perInstance": 1}
    assert "peak 1 is below expected 2 (SVC-05)" in refusal(tmp_path, "services.api.demand", below)


def test_a_prover_can_be_scaled_to_the_count_of_the_standards(tmp_path: Path) -> None:
    """As the documented example does, in staging and production (SCALE-04)."""
    key, few = "services.prover.instances", {"min": 2, "max": 2}
    message = refusal(tmp_path, key, few, "staging")
    assert "prover cannot be scaled to 3: raise its instances.max (SCALE-04)" in message


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("kubernetes", ..., "kubernetes.version is not set, and 1.35 in production"),
        ("kubernetes.version", "1.36", "kubernetes.version is 1.36, and 1.35 in production"),
        ("kubernetes.mcp.port", 9000, "kubernetes.mcp.port is 9000, and 8765 in production"),
        ("kubernetes.mcp.replicas", {"min": 1, "max": 1}, "kubernetes.mcp.replicas.max 1 is below"),
    ],
)
def test_stagings_cluster_is_productions(
    tmp_path: Path, key: str, value: object, said: str
) -> None:
    """It may differ in a name, a size or a count (ENV-07), and not be too small (ENV-08)."""
    write(tmp_path, "staging", changed(content_of("staging"), key, value))
    problems = list(parity_problems(load("staging", tmp_path), load("production", PROJECT)))
    assert any(problem.startswith(said) for problem in problems), problems
