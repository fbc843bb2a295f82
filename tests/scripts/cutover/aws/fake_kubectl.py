"""A kubectl of one Deployment, whose cluster is a file: `fake_kubectl.py FILE ARGUMENTS`.

It does what the Deployment controller of Kubernetes does in a rolling update, in the same order and
with the same sums (`pkg/controller/deployment/rolling.go`), each time that it is asked; pods become
ready when the file's clock says so.
"""

import json
import sys
from math import ceil
from pathlib import Path
from typing import Any

State = dict[str, Any]


def settle(state: State) -> None:
    """Let the autoscaler and the controller act until nothing changes."""
    deployment = state["deployment"]["spec"]
    fewest = state["autoscaler"]["spec"]["minReplicas"]
    deployment["replicas"] = max(state.get("wanted", deployment["replicas"]), fewest)
    while _step(state):
        pass
    for each in state["sets"]:
        each["status"]["replicas"] = len(_pods(state, each))


def _step(state: State) -> bool:
    spec = state["deployment"]["spec"]
    new = _newest(state)
    new["minReadySeconds"] = spec.get("minReadySeconds", 0)
    replicas, surge = spec["replicas"], spec["strategy"]["rollingUpdate"]["maxSurge"]
    if isinstance(surge, str):
        surge = ceil(replicas * int(surge.rstrip("%")) / 100)
    total = sum(each["spec"]["replicas"] for each in state["sets"])
    has = new["spec"]["replicas"]
    if has > replicas:
        return _scale(state, new, replicas)
    if has < replicas and (more := min(replicas + surge - total, replicas - has)) > 0:
        return _scale(state, new, has + more)
    unavailable = has - _available(state, new)
    if total - replicas - unavailable <= 0:
        return False
    old = [each for each in state["sets"] if each is not new and each["spec"]["replicas"]]
    down = total - replicas - unavailable
    for each in old:  # those that are not well go first
        unwell = each["spec"]["replicas"] - _available(state, each)
        if (gone := min(unwell, down)) > 0:
            return _scale(state, each, each["spec"]["replicas"] - gone)
    spare = sum(_available(state, each) for each in state["sets"]) - replicas
    for each in old:
        if (gone := min(each["spec"]["replicas"], spare)) > 0:
            return _scale(state, each, each["spec"]["replicas"] - gone)
    return False


def _newest(state: State) -> State:
    image = state["deployment"]["spec"]["template"]["spec"]["containers"][0]["image"]
    for each in state["sets"]:
        if each["spec"]["template"]["spec"]["containers"][0]["image"] == image:
            return each
    made: State = {
        "metadata": {
            "name": f"mcp-{len(state['sets'])}",
            "uid": f"set-{len(state['sets'])}",
            "labels": {"pod-template-hash": f"hash{len(state['sets'])}"},
            "ownerReferences": [{"uid": state["deployment"]["metadata"]["uid"]}],
        },
        "spec": {
            "replicas": 0,
            "template": json.loads(json.dumps(state["deployment"]["spec"]["template"])),
        },
        "status": {"replicas": 0},
        "minReadySeconds": 0,
    }
    state["sets"].append(made)
    return made


def _pods(state: State, of: State) -> list[State]:
    label = of["metadata"]["labels"]["pod-template-hash"]
    return [pod for pod in state["pods"] if pod["metadata"]["labels"]["pod-template-hash"] == label]


def _is_ready(state: State, pod: State, for_seconds: float = 0) -> bool:
    return pod["readyAt"] is not None and pod["readyAt"] + for_seconds <= state["clock"]


def _available(state: State, of: State) -> int:
    return sum(_is_ready(state, pod, of["minReadySeconds"]) for pod in _pods(state, of))


def _scale(state: State, of: State, replicas: int) -> bool:
    there = _pods(state, of)
    image = of["spec"]["template"]["spec"]["containers"][0]["image"]
    for pod in there[replicas:]:
        state["pods"].remove(pod)
    for _ in range(replicas - len(there)):
        state["made"] += 1
        never = image.rpartition("@")[2] in state["broken"]
        state["pods"].append(
            {
                "metadata": {
                    "name": f"mcp-{state['made']}",
                    "uid": f"pod-{state['made']}",
                    "labels": dict(of["metadata"]["labels"]),
                },
                "readyAt": None if never else state["clock"] + state["startsAfter"],
            }
        )
    of["spec"]["replicas"] = replicas
    return True


def _merged(into: State, change: State) -> State:
    """A strategic merge: containers are told by their names."""
    made = dict(into)
    for key, value in change.items():
        there = made.get(key)
        if key == "containers":
            changed = {each["name"]: each for each in value}
            made[key] = [each | changed.get(each["name"], {}) for each in into[key]]
        elif isinstance(there, dict):
            made[key] = _merged(made[key], value)
        else:
            made[key] = value
    return made


def _answer(state: State, arguments: list[str]) -> str:
    verb, what, *rest = arguments
    kind, _, name = what.partition("/")
    if verb == "auth":
        return "no" if rest[-1] in state["forbidden"] else "yes"
    place = {"deployment": "deployment", "horizontalpodautoscaler": "autoscaler"}.get(kind)
    if place and name != "mcp":
        raise SystemExit(f'Error from server (NotFound): {kind}s "{name}" not found')
    if verb == "patch" and place:
        if kind in state["forbidden"]:
            raise SystemExit(f'Error from server (Forbidden): {kind}s "{name}" is forbidden')
        (text,) = (each for each in rest if each.startswith("--patch="))
        changed = _merged(state[place], json.loads(text.removeprefix("--patch=")))
        spec = changed["spec"]
        if spec.get("minReadySeconds", 0) >= spec.get("progressDeadlineSeconds", 600):
            raise SystemExit("progressDeadlineSeconds: must be greater than minReadySeconds")
        state[place] = changed
        state["patches"] += 1
        settle(state)
        return f"{what} patched"
    settle(state)
    ready = [
        {
            **pod,
            "status": {
                "conditions": [
                    {"type": "Ready", "status": "True" if _is_ready(state, pod) else "False"}
                ]
            },
        }
        for pod in state["pods"]
    ]
    kinds = {
        "deployments": ("Deployment", [state["deployment"]]),
        "replicasets": ("ReplicaSet", state["sets"]),
        "pods": ("Pod", ready),
        "horizontalpodautoscalers": ("HorizontalPodAutoscaler", [state["autoscaler"]]),
    }
    items: list[State] = []
    for each in what.split(","):
        kind, there = kinds[each]
        items += [{"kind": kind, **one} for one in there]
    return json.dumps({"kind": "List", "items": items})


def answer(path: Path, arguments: list[str]) -> str:
    """What kubectl says, as the next fault has it; a `SystemExit` is its message on stderr."""
    state = json.loads(path.read_text(encoding="utf-8"))
    asked = [each for each in arguments if not each.startswith(("--name", "--req", "--out"))]
    fault, message = state["faults"].pop(0) if state["faults"] else ("", "")
    said = "" if fault == "lost" else _answer(state, asked)
    path.write_text(json.dumps(state), encoding="utf-8")
    if fault:
        raise SystemExit(message)
    return said


if __name__ == "__main__":
    told = answer(Path(sys.argv[1]), sys.argv[2:])
    sys.stdout.write(told)
    sys.exit(told == "no")
