"""The runbook of an account's first apply, rehearsed: its own commands, with the real engine.

The rehearsal makes an account's foundation from nothing, so it needs an emulator of its own, whose
account is that of the development environment.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
import yaml

from environments import load_foundation
from tests.engine.engine import missing

PROJECT: Final = Path(__file__).parents[2]
STACK: Final = "foundation-development"


_MISSING: Final = missing(load_foundation(STACK, PROJECT).aws.account)

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(_MISSING is not None, reason=_MISSING or ""),
]

# What an emulator needs that AWS does not: its buckets have no TLS, which their policies ask for;
# they are found by path; and its AWS Config never tells a recorder's mode, which is left alone.
EMULATED: Final = """
pulumi() {
  local backend="$PULUMI_BACKEND_URL" options=""
  case "$1" in up) options="--skip-preview --non-interactive" ;; esac
  case "$backend" in
    s3://*)
      backend="$backend&use_path_style=true"
      case "$1" in up | preview) options="$options --exclude **cfg/recorder:Recorder**" ;; esac
      if [ "$1 $2" = "stack init" ]; then "$PYTHON" -c "$WITHOUT_TLS"; fi
      ;;
  esac
  set -f
  PULUMI_BACKEND_URL="$backend" command pulumi "$@" $options
}
"""
WITHOUT_TLS: Final = """
import boto3, os
s3 = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name="us-east-1")
s3.delete_bucket_policy(Bucket=os.environ["STATE_BUCKET"])
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project, its foundation on the emulator that there is and its packages from here."""
    copy = tmp_path / "project"
    copy.mkdir()
    for name in ("environments", "plan", "policies", "stacks", "standards"):
        shutil.copytree(PROJECT / name, copy / name)
    for path in (PROJECT / "__main__.py", *PROJECT.glob("Pulumi*.yaml")):
        shutil.copy(path, copy)
    runtime = {"name": "python", "options": {"toolchain": "pip", "virtualenv": sys.prefix}}
    for path in (copy / "Pulumi.yaml", copy / "policies" / "PulumiPolicy.yaml"):
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
        settings.pop("backend", None)
        path.write_text(yaml.safe_dump({**settings, "runtime": runtime}), encoding="utf-8")
    here = f"http://127.0.0.1:{urlsplit(os.environ['AWS_ENDPOINT_URL']).port}"
    for path in copy.glob("Pulumi.*development.yaml"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("http://127.0.0.1:5555", here), encoding="utf-8")
    settings = copy / f"Pulumi.{STACK}.yaml"
    key = f"awskms://alias/slipway-state-{STACK}?region=us-east-1"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(f"secretsprovider: {key}\n{text}", encoding="utf-8")
    return copy


def test_a_foundation_is_made_from_nothing_and_keeps_its_own_state(
    project: Path, tmp_path: Path
) -> None:
    """The commands of the runbook end where it says: nothing left to change, the settings as were.

    The state has moved into the bucket that the foundation made, encrypted by the key it made.
    """
    runbook = (PROJECT / "docs" / "runbooks" / "first-apply.md").read_text(encoding="utf-8")
    (commands,) = re.findall(r"```sh\n(.*?)```", runbook, re.DOTALL)
    foundation = load_foundation(STACK, project)
    settings = project / f"Pulumi.{STACK}.yaml"
    reviewed = settings.read_text(encoding="utf-8")
    done = subprocess.run(  # noqa: S603 - the runbook's own commands
        ["bash", "-c", EMULATED + commands],  # noqa: S607 - from the PATH, as a person would
        cwd=project,
        env={
            **os.environ,
            "PULUMI_HOME": str(tmp_path / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PYTHON": sys.executable,
            "STACK": STACK,
            "STATE_BUCKET": foundation.state_bucket,
            "TMPDIR": str(tmp_path),
            "WITHOUT_TLS": WITHOUT_TLS,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    assert settings.read_text(encoding="utf-8") == reviewed
    assert not list(tmp_path.glob("tmp*")), "the first state is gone"
