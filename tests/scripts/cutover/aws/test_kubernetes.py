"""The MCP server on Kubernetes: new pods come beside the old ones, which stay until the end."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from scripts.cutover.aws.kubectl import Kubectl, connected
from scripts.cutover.aws.kubernetes import DeploymentSides
from scripts.cutover.aws.sides import NotYetError
from scripts.exits import CommandError
from scripts.runs.aws import Api, client
from tests.scripts.cutover.aws import fake_kubectl
from tests.scripts.cutover.aws.account import NEW, OLD, OTHER, REGION, REGISTRY, Account

SIZE = 4
TAGGED = f"{REGISTRY}/slipway/mcp:v1.4.0@{OLD}"


@dataclass
class Cluster:
    """A cluster in a file."""

    path: Path

    def run(self, command: Sequence[str]) -> "CompletedProcess[str]":
        """Answer as the executable does, without a process for each question."""
        try:
            said = fake_kubectl.answer(self.path, list(command[1:]))
        except SystemExit as error:
            return CompletedProcess(command, 1, "", str(error.code))
        return CompletedProcess(command, int(said == "no"), said, "")

    @property
    def state(self) -> dict[str, Any]:
        """What there is in it."""
        return json.loads(self.path.read_text(encoding="utf-8"))

    def change(self, **changes: object) -> None:
        """Let it be otherwise."""
        state = self.state | changes
        fake_kubectl.settle(state)
        self.path.write_text(json.dumps(state), encoding="utf-8")

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.change(clock=self.state["clock"] + seconds)

    @property
    def pods(self) -> dict[str, int]:
        """How many pods run each image, by its digest."""
        return {
            each["spec"]["template"]["spec"]["containers"][0]["image"].rpartition("@")[2]: len(
                [
                    pod
                    for pod in self.state["pods"]
                    if pod["metadata"]["labels"] == each["metadata"]["labels"]
                ]
            )
            for each in self.state["sets"]
        }

    def sides(self, release: str = NEW, before: str | None = None) -> DeploymentSides:
        """The sides, as whoever resumes reads them."""
        return DeploymentSides(
            "mcp",
            release,
            kubectl=Kubectl(namespace="mcp", run=self.run),
            fewest=2,
            declared=f"{REGISTRY}/slipway/mcp:v1.5.0@{release}",
            before=before,
        )


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """One whose Deployment is as the stack declares it, with more pods than it keeps at least."""
    state: dict[str, Any] = {
        "clock": 0,
        "startsAfter": 40,
        "made": 0,
        "patches": 0,
        "wanted": SIZE,
        "broken": [],
        "forbidden": [],
        "faults": [],
        "pods": [],
        "sets": [],
        "autoscaler": {
            "metadata": {"uid": "scaler", "name": "mcp"},
            "spec": {"minReplicas": 2, "maxReplicas": 6},
        },
        "deployment": {
            "metadata": {"uid": "deployment", "name": "mcp", "generation": 1},
            "spec": {
                "replicas": SIZE,
                "progressDeadlineSeconds": 180,
                "strategy": {"rollingUpdate": {"maxSurge": "100%", "maxUnavailable": 0}},
                "template": {
                    "spec": {
                        "containers": [
                            {
                                "name": "mcp",
                                "image": TAGGED,
                                "readinessProbe": {"httpGet": {"path": "/health", "port": 8765}},
                            }
                        ]
                    }
                },
            },
            "status": {"observedGeneration": 1},
        },
    }
    made = Cluster(tmp_path / "cluster.json")
    made.path.write_text(json.dumps(state), encoding="utf-8")
    made.move(1000)
    made.move(1000)
    return made


def started(cluster: Cluster, instances: int = SIZE) -> DeploymentSides:
    """The sides once so many new pods are ready."""
    sides = cluster.sides()
    sides.scale(instances)
    cluster.move(60)
    return sides


def test_new_pods_come_beside_the_old_ones(cluster: Cluster) -> None:
    """As many as their share takes, and none of the old ones goes, however long it takes."""
    sides = cluster.sides()
    assert sides.releases == (OLD, NEW)
    assert (sides.size(), sides.weight(), sides.healthy(is_new=False)) == (SIZE, 0, SIZE)
    assert not sides.refusals()
    for weight, instances in ((10, 1), (50, 2), (100, 4)):
        sides.scale(instances)
        with pytest.raises(NotYetError, match="pods of the new side are ready, and it needs"):
            sides.set_weight(100)
        cluster.move(6 * 3600)
        sides.set_weight(weight)
        assert sides.weight() == weight
        assert sides.healthy(is_new=True) == instances
        assert cluster.pods == {OLD: SIZE, NEW: instances}
        again = cluster.sides(before=OLD)
        assert (again.releases, again.weight()) == ((OLD, NEW), 100 * instances // SIZE)
        assert cluster.sides().releases == (OLD, NEW)


def test_the_rollout_is_undone_at_once(cluster: Cluster) -> None:
    """The old pods are all there: the new ones go without waiting for anything to start."""
    sides = started(cluster)
    sides.set_weight(100)
    sides.set_weight(0)
    assert cluster.pods == {OLD: SIZE, NEW: 0}
    assert sides.weight() == 0
    sides.retire(is_new=True)
    assert sides.is_retired(is_new=True)
    assert cluster.state["autoscaler"]["spec"]["minReplicas"] == 2


def test_pods_that_never_start_take_nothing_away(cluster: Cluster) -> None:
    """And are undone like others."""
    cluster.change(broken=[NEW])
    sides = started(cluster, 2)
    assert (sides.healthy(is_new=True), cluster.pods) == (0, {OLD: SIZE, NEW: 2})
    sides.set_weight(0)
    assert cluster.pods == {OLD: SIZE, NEW: 0}


def test_the_old_pods_go_last(cluster: Cluster) -> None:
    """Then everything but the image is as the stack declares it."""
    before = cluster.state["deployment"]["spec"]
    sides = started(cluster, 2)
    with pytest.raises(NotYetError, match="the new side has 50 %, not 100 %"):
        sides.retire(is_new=False)
    assert cluster.pods == {OLD: SIZE, NEW: 2}
    sides.scale(SIZE)
    cluster.move(60)
    sides.set_weight(100)
    assert not sides.is_retired(is_new=False)
    sides.retire(is_new=False)
    cluster.move(1)
    assert cluster.pods == {OLD: 0, NEW: SIZE}
    assert sides.is_retired(is_new=False)
    assert cluster.sides(before=OLD).weight() == 100
    after = cluster.state["deployment"]["spec"]
    own = after["template"]["spec"]["containers"][0]
    assert own["image"] == f"{REGISTRY}/slipway/mcp@{NEW}"
    own["image"] = TAGGED
    assert after == {**before, "minReadySeconds": 0}


def test_the_autoscaler_takes_no_pod_away_meanwhile(cluster: Cluster) -> None:
    """Twice the pods take half of the load each: it would halve both sides."""
    sides = started(cluster)
    cluster.change(wanted=2)
    assert cluster.pods == {OLD: SIZE, NEW: SIZE}
    sides.set_weight(100)
    sides.retire(is_new=False)
    cluster.move(1)
    assert cluster.pods == {OLD: 0, NEW: 2}


def test_what_is_so_is_not_patched_again(cluster: Cluster) -> None:
    """Whoever is killed and resumes, or calls once more, changes nothing."""
    started(cluster, 2)
    patches = cluster.state["patches"]
    cluster.sides(before=OLD).scale(2)
    cluster.sides(before=OLD).scale(1)
    assert cluster.state["patches"] == patches
    assert cluster.pods == {OLD: SIZE, NEW: 2}


def test_the_way_back_needs_old_pods(cluster: Cluster) -> None:
    """They may have been taken away by somebody else."""
    sides = started(cluster)
    sides.set_weight(100)
    state = cluster.state
    state["pods"] = [
        pod for pod in state["pods"] if pod["metadata"]["labels"]["pod-template-hash"] != "hash0"
    ]
    cluster.path.write_text(json.dumps(state), encoding="utf-8")
    with pytest.raises(NotYetError, match="0 pods of the old side are ready"):
        sides.set_weight(0)


@pytest.mark.parametrize(
    "message",
    [
        "Unable to connect to the server: dial tcp: i/o timeout",
        "Error from server (TooManyRequests): the server has received too many requests",
        'Error from server (Conflict): the object has been modified; please apply "again"',
    ],
)
@pytest.mark.parametrize("fault", ["lost", "late"])
def test_what_may_go_through_later_is_a_timeout(cluster: Cluster, message: str, fault: str) -> None:
    """Whether it was done or not; the same again is right in both cases."""
    sides = cluster.sides()
    cluster.change(faults=[["", ""], [fault, message]])
    with pytest.raises(TimeoutError, match="kubectl "):
        sides.scale(2)
    cluster.change(faults=[])
    sides.scale(2)
    assert cluster.pods == {OLD: SIZE, NEW: 2}


def test_what_somebody_has_to_mend_is_told(cluster: Cluster) -> None:
    """In the words of Kubernetes, with the command."""
    sides = cluster.sides()
    cluster.change(forbidden=["horizontalpodautoscaler"])
    with pytest.raises(CommandError, match=r"kubectl patch .*--type.*: Error from .*Forbidden"):
        sides.scale(2)
    nobody = Kubectl(namespace="mcp", command="no-such-kubectl")
    with pytest.raises(CommandError, match="there is no no-such-kubectl here: run it on the runn"):
        nobody.may("patch", "deployments")


def test_refusals(cluster: Cluster) -> None:
    """Each says what to do."""
    assert "told to run" in cluster.sides(OLD).refusals()[0]
    named = cluster.sides()
    cluster.change(forbidden=["deployments.apps"])
    assert "may not patch deployments.apps in namespace mcp" in named.refusals()[0]
    cluster.change(forbidden=[])
    state = cluster.state
    del state["deployment"]["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]
    cluster.change(deployment=state["deployment"])
    assert "has no readiness probe" in named.refusals()[0]
    started(cluster, 1)
    found = cluster.sides(OTHER).refusals()
    assert any("a rollout is on its way" in each for each in found)


def test_the_release_is_the_one_that_the_file_names(cluster: Cluster) -> None:
    """The next apply would bring another one back (POD-03)."""
    sides = cluster.sides()
    sides._declared = TAGGED  # noqa: SLF001 # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
    (said,) = sides.refusals()
    assert f"the environment's file names {TAGGED}" in said


def test_somebody_elses_image_is_told(cluster: Cluster) -> None:
    """And the way back still leads to the old one."""
    sides = started(cluster)
    state = cluster.state
    container = state["deployment"]["spec"]["template"]["spec"]["containers"][0]
    container["image"] = f"{REGISTRY}/slipway/mcp@{OTHER}"
    cluster.change(deployment=state["deployment"])
    with pytest.raises(CommandError, match=r"neither sha256:.* nor sha256:.*: somebody else"):
        sides.weight()
    sides.set_weight(0)
    assert sides.weight() == 0


def test_it_is_run_as_a_command(cluster: Cluster, tmp_path: Path) -> None:
    """With its namespace and a limit on its time; what it says is read, what it refuses told."""
    command = tmp_path / "kubectl"
    command.write_text(
        f'#!/bin/sh\nexec {sys.executable} -S -E {fake_kubectl.__file__} {cluster.path} "$@"\n',
        encoding="utf-8",
    )
    command.chmod(0o755)
    kubectl = Kubectl(namespace="mcp", command=str(command))
    cluster.change(forbidden=["secrets"])
    assert kubectl.may("patch", "deployments.apps")
    assert not kubectl.may("get", "secrets")
    change = {"spec": {"minReplicas": 3}}
    kubectl.patch("horizontalpodautoscaler/mcp", change)
    assert cluster.state["autoscaler"]["spec"]["minReplicas"] == 3
    with pytest.raises(CommandError, match=r"kubectl patch deployment/web .*\(NotFound\)"):
        kubectl.patch("deployment/web", change)


def test_kubectl_is_told_where_the_cluster_is(account: Account) -> None:  # noqa: ARG001 - moto's
    """In settings of its own without a secret, which are gone afterwards."""
    eks = client("eks", region=REGION, is_impatient=True)
    eks.create_cluster(
        name="production-kubernetes",
        roleArn="arn:aws:iam::123456789012:role/control",
        resourcesVpcConfig={},
    )
    with connected(Api(eks), "production-kubernetes", "mcp", REGION) as kubectl:
        assert kubectl.config is not None
        path = kubectl.config()
        config = json.loads(path.read_text(encoding="utf-8"))
        assert config["clusters"][0]["cluster"]["server"].startswith("https://")
        assert config["users"][0]["user"]["exec"]["args"][-1] == "production-kubernetes"
    assert not path.exists()
