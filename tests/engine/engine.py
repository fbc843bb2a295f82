"""The real engine: the Pulumi CLI over a copy of a project, with a pack that records."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, cast

import yaml

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Shown: TypeAlias = "Mapping[str, Json]"

PACK: Final = Path(__file__).parent / "recording"


@dataclass(frozen=True, slots=True)
class Recording:
    """What a policy pack was shown, by URN: each resource on its own, and all of them together.

    `said` is what the CLI printed, with the violations that other packs found.
    """

    alone: Mapping[str, Shown]
    together: Mapping[str, Shown]
    said: str


def missing(account: str | None = None) -> str | None:
    """Why the engine cannot be asked here (of an emulator that is `account`), None where it can."""
    if account and os.environ.get("MOTO_ACCOUNT_ID") != account:
        return f"MOTO_ACCOUNT_ID does not say that the emulator's account is {account}"
    for program in ("pulumi", "pulumi-resource-aws"):
        if shutil.which(program) is None:
            return f"{program} is not on the PATH"
    if "AWS_ENDPOINT_URL" not in os.environ:
        return "AWS_ENDPOINT_URL does not name an AWS emulator"
    return None


def record(project: Path, stack: str, folder: Path, *packs: Path) -> Recording:
    """What a pack sees of `stack` of `project`; backend, pack and results are put in `folder`.

    `packs` run beside the recording one, with this interpreter too.
    """
    recorder = shutil.copytree(PACK, folder / "pack")
    (recorder / "PulumiPolicy.yaml").write_text("version: 1.0.0\n", encoding="utf-8")
    recording = folder / "recording.json"
    arguments = [word for pack in (recorder, *packs) for word in ("--policy-pack", str(pack))]
    for pack in (recorder, *packs):
        _rewrite(pack / "PulumiPolicy.yaml", runtime=_runtime())
    said = _preview(project, stack, folder, arguments, RECORDING=str(recording))
    found = cast("dict[str, list[Shown]]", json.loads(recording.read_text(encoding="utf-8")))
    return Recording(
        alone={cast("str", resource["urn"]): resource for resource in found["alone"]},
        together={cast("str", resource["urn"]): resource for resource in found["together"]},
        said=said,
    )


def judged(
    project: Path, stack: str, folder: Path, pack: Path, configuration: Mapping[str, Json]
) -> str:
    """What the CLI prints when `pack`, told the `configuration`, judges `stack` of `project`."""
    _rewrite(pack / "PulumiPolicy.yaml", runtime=_runtime())
    told = folder / "configuration.json"
    told.write_text(json.dumps(configuration), encoding="utf-8")
    arguments = ["--policy-pack", str(pack), "--policy-pack-config", str(told)]
    return _preview(project, stack, folder, arguments)


def _preview(
    project: Path, stack: str, folder: Path, arguments: Sequence[str], **variables: str
) -> str:
    """What the CLI prints of a preview; the backend is put in `folder`.

    `project` is changed: its state goes to a folder, and its interpreter is this one. The engine
    reads the stack's settings from a copy, in which the secrets provider, which may be out of
    reach, gives way to a passphrase.
    """
    _rewrite(project / "Pulumi.yaml", drop="backend", runtime=_runtime())
    settings = project / f"Pulumi.{stack}.yaml"
    original = settings.read_text(encoding="utf-8")
    _rewrite(settings, drop="secretsprovider")
    (folder / "state").mkdir()
    environment = {
        **os.environ,
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        **variables,
    }
    _pulumi(["stack", "init", stack], project, environment)
    copy = settings.rename(folder / "settings.yaml")
    settings.write_text(original, encoding="utf-8")
    preview = ["preview", "--stack", stack, "--config-file", str(copy), *arguments]
    return _pulumi(preview, project, environment)


def _pulumi(command: list[str], project: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(  # noqa: S603 fixed commands
        [cast("str", shutil.which("pulumi")), *command, "--non-interactive"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        message = f"pulumi {' '.join(command)} failed:\n{done.stdout}\n{done.stderr}"
        raise AssertionError(message)
    return done.stdout


def _runtime() -> Json:
    return {"name": "python", "options": {"toolchain": "pip", "virtualenv": sys.prefix}}


def _rewrite(path: Path, drop: str = "", **values: Json) -> None:
    settings = cast("dict[str, Json]", yaml.safe_load(path.read_text(encoding="utf-8")))
    settings.pop(drop, None)
    path.write_text(yaml.safe_dump({**settings, **values}), encoding="utf-8")
