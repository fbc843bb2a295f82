"""Plans of an environment with some of its settings changed."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from plan import Plan
from preview.environment import evaluate_environment, read_environment
from tests.environments.records import PROJECT, changed, content_of, write


def plan_with(folder: Path, name: str, changes: Mapping[str, object]) -> Plan:
    """The plan of environment `name` with `changes`: values by the dotted keys of the record."""
    content = content_of(name)
    for key, value in changes.items():
        content = changed(content, key, value)
    for file in ("__main__.py", "Pulumi.yaml"):
        shutil.copy(PROJECT / file, folder / file)
    write(folder, name, content)
    return evaluate_environment(read_environment(name, folder), folder)
