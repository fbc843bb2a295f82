"""A product's own commands, run as its environment's record names them."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from solders.pubkey import Pubkey

from scripts.runs.canonical import Json, sha256
from scripts.runs.steps import StepFailedError, StepPendingError

_PENDING: Final = 3
_SHOWN: Final = 5
"""How many of the last lines that a command printed are shown where it fails."""


@dataclass(frozen=True, kw_only=True)
class Product:
    """Where its commands are run, and what they are told."""

    folder: Path
    variables: Mapping[str, str]

    def run(self, command: Sequence[str]) -> bytes:
        """What the command printed, having done its work.

        Raises:
            StepPendingError: somebody still has to do something.
            StepFailedError: it failed, or cannot be run.
        """
        name = " ".join(command)
        try:
            ran = subprocess.run(  # noqa: S603 - what the environment's reviewed record names
                command,
                cwd=self.folder,
                env={**os.environ, **self.variables},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
        except OSError as error:
            raise StepFailedError(f"`{name}` cannot be run: {error.strerror}") from None
        if ran.returncode == 0:
            return ran.stdout
        told = (ran.stdout + ran.stderr).decode(errors="replace").strip().splitlines()
        said = "\n  ".join([f"`{name}` ended with {ran.returncode}", *told[-_SHOWN:]])
        raise (StepPendingError if ran.returncode == _PENDING else StepFailedError)(said)

    def says(self, command: Sequence[str], key: str) -> bool:
        """What the command says is so: `key` of the JSON that it prints."""
        found = self._json(command)
        said = cast("dict[str, object]", found).get(key) if isinstance(found, dict) else None
        if not isinstance(said, bool):
            raise StepFailedError(
                f"`{' '.join(command)}` has to print JSON with `{key}`, true or false"
            )
        return said

    def addresses(self, command: Sequence[str]) -> list[Pubkey]:
        """The addresses in the JSON list that the command prints, each once."""
        found = self._json(command)
        try:
            return list(dict.fromkeys(map(Pubkey.from_string, cast("list[str]", found))))
        except (TypeError, ValueError):
            raise StepFailedError(
                f"`{' '.join(command)}` has to print a JSON list of addresses"
            ) from None

    def files(self, *commands: Sequence[str]) -> dict[str, Json]:
        """The files of the project that the commands name, each with its SHA-256."""
        root = self.folder.resolve()
        paths = {(root / word).resolve() for command in commands for word in command}
        found = sorted(path for path in paths if path.is_file() and path.is_relative_to(root))
        return {str(path.relative_to(root)): sha256(path.read_bytes()) for path in found}

    def _json(self, command: Sequence[str]) -> object:
        try:
            return cast("object", json.loads(self.run(command)))
        except ValueError:
            return None
