"""An environment without a cluster pays nothing for it."""

import subprocess
import sys
from collections.abc import Callable

from environments import Environment
from plan import Plan
from tests.conftest import PROJECT
from tests.stacks.kubernetes.reading import inside
from tests.stacks.reading import of_type

_SAYS_WHAT_IT_LOADED = """
import sys
from pathlib import Path
from preview.environment import evaluate_environment, read_environment

evaluate_environment(read_environment(sys.argv[1], Path()), Path())
print(",".join(name for name in sys.modules if name.startswith("pulumi_kubernetes")))
"""


def loaded(environment: str) -> str:
    """The modules of the Kubernetes SDK that a preview of `environment` loads, in a new process."""
    program = [sys.executable, "-c", _SAYS_WHAT_IT_LOADED, environment]
    run = subprocess.run(program, cwd=PROJECT, capture_output=True, text=True, check=True)  # noqa: S603 - our own
    return run.stdout.strip()


def test_the_sdk_of_kubernetes_is_loaded_where_it_is_used() -> None:
    """It takes as long to load as all the rest of a preview."""
    assert not loaded("development")
    assert "pulumi_kubernetes.apps.v1" in loaded("integration").split(",")


def test_development_has_no_cluster(
    plan_of: Callable[[str], Plan], record_of: Callable[[str], Environment]
) -> None:
    """Its emulator has none to offer, and POD-03 does not name it."""
    assert record_of("development").kubernetes is None
    assert not record_of("development").must("POD-03")
    assert not inside(plan_of("development"))
    assert not of_type(plan_of("development"), "eks/cluster")
