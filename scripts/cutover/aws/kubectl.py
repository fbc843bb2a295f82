"""Kubernetes by its own command, from inside the network: what is read, and what is patched."""

import json
import subprocess
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from scripts.exits import CommandError
from scripts.runs.aws import Api

Model = TypeVar("Model", bound=BaseModel)

_SECONDS: Final = 15
_BUSY: Final = (
    "Unable to connect",
    "connection refused",
    "i/o timeout",
    "TLS handshake timeout",
    "etcdserver",
    "(TooManyRequests)",
    "(ServiceUnavailable)",
    "(InternalError)",
    "(Timeout)",
    "(ServerTimeout)",
    "(Conflict)",
)
"""What kubectl says where the same command may go through a moment later."""


def _run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - the command is kubectl, its arguments are ours
        command, capture_output=True, text=True, timeout=_SECONDS, check=False
    )


@dataclass(frozen=True, kw_only=True)
class Kubectl:
    """kubectl in one namespace of one cluster.

    As everywhere, what may go through when it is tried again is a `TimeoutError`.
    """

    namespace: str
    config: Callable[[], Path] | None = None
    """Finds its settings; those of whoever runs this where there are none."""
    command: str = "kubectl"
    run: Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"] = _run
    """Runs a command, within seconds."""

    def get(self, model: type[Model], what: str) -> Model:
        """Read `what`, such as `deployments,pods`, as `model`."""
        text = self._said("get", what, "--output=json")
        try:
            return model.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise CommandError(f"kubectl get {what}: {place}: {first['msg']}") from None

    def patch(self, what: str, change: Mapping[str, object]) -> None:
        """Merge `change` into `what`, as Kubernetes merges lists: by the names of their items."""
        self._said("patch", what, "--type=strategic", f"--patch={json.dumps(change)}")

    def may(self, verb: str, what: str) -> bool:
        """Whether whoever runs this may do `verb` to `what`."""
        said = self._said("auth", "can-i", verb, what, is_question=True)
        return said.strip() == "yes"

    def _said(self, *arguments: str, is_question: bool = False) -> str:
        settings = [f"--kubeconfig={self.config()}"] if self.config else []
        common = [f"--namespace={self.namespace}", f"--request-timeout={_SECONDS - 5}s"]
        shown = " ".join(["kubectl", *arguments[:3]])
        try:
            ran = self.run([self.command, *settings, *common, *arguments])
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{shown}: no answer within {_SECONDS} s") from None
        except FileNotFoundError:
            raise CommandError(
                f"{shown}: there is no {self.command} here: run it on the runner in the network"
            ) from None
        if ran.returncode and not (is_question and ran.stdout.strip() == "no"):
            said = ran.stderr.strip().rpartition("\n")[2] or f"ended with {ran.returncode}"
            if any(each in ran.stderr for each in _BUSY):
                raise TimeoutError(f"{shown}: {said}")
            raise CommandError(f"{shown}: {said}")
        return ran.stdout


@contextmanager
def connected(eks: Api, cluster: str, namespace: str, region: str) -> Generator[Kubectl]:
    """Kubectl for the cluster `cluster`; AWS's CLI draws its tokens, which live for minutes.

    Where that is, is asked when it is first needed: trouble with it keeps no other service.
    """
    with TemporaryDirectory(prefix="slipway-") as folder:
        path = Path(folder) / "kubeconfig"

        def config() -> Path:
            if not path.exists():
                found = _config(eks, cluster, region)
                path.write_text(json.dumps(found), encoding="utf-8")
            return path

        yield Kubectl(namespace=namespace, config=config)


def _config(eks: Api, cluster: str, region: str) -> Mapping[str, object]:
    """The settings of kubectl for `cluster`, with no secret in them."""
    there = eks("describe_cluster", on=f"cluster {cluster}", name=cluster)["cluster"]
    token = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": ["--region", region, "eks", "get-token", "--cluster-name", cluster],
        "interactiveMode": "Never",
    }
    authority = there["certificateAuthority"]["data"]
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": cluster,
                "cluster": {
                    "server": there["endpoint"],
                    "certificate-authority-data": authority,
                },
            }
        ],
        "users": [{"name": cluster, "user": {"exec": token}}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": cluster}}],
        "current-context": cluster,
    }
