"""The processes of a rehearsal, each of which ends with it."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self, cast

PATIENCE: Final = 2.0
"""How long one may take to end by itself, in seconds."""
_STARTING: Final = 20.0


class Child:
    """One process, in a session of its own: Ctrl-C reaches the rehearsal alone, which ends it."""

    def __init__(self, process: Process) -> None:
        self._process: Final = process

    @classmethod
    async def start(cls, command: Sequence[str], log: Path, files: Sequence[int] = ()) -> Self:
        """Start `command`, whose messages go into the file `log`; it gets the open `files`."""
        with log.open("ab") as messages:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=PIPE,
                stdout=PIPE,
                stderr=messages,
                pass_fds=files,
                start_new_session=True,
            )
        return cls(process)

    @classmethod
    async def module(
        cls, name: str, *arguments: object, log: Path, files: Sequence[int] = ()
    ) -> Self:
        """Start the module `name` of this package."""
        command = [sys.executable, "-m", f"{__package__}.{name}", *map(str, arguments)]
        return await cls.start(command, log, files)

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """How it ended; None while it has not."""
        return self._process.returncode

    async def says(self) -> Mapping[str, Any] | None:
        """The next line that it prints; None when there will be none."""
        reader = self._process.stdout
        line = await reader.readline() if reader else b""
        return cast("Mapping[str, Any]", json.loads(line)) if line else None

    async def first(self) -> Mapping[str, Any]:
        """The first line that it prints.

        Raises:
            ChildProcessError: it ended, or took too long.
        """
        try:
            async with asyncio.timeout(_STARTING):
                said = await self.says()
        except TimeoutError:
            said = None
        if said is None:
            raise ChildProcessError(f"process {self.pid} did not start")
        return said

    def tell(self, said: Mapping[str, object]) -> None:
        """Tell it `said`; one that is gone is told nothing."""
        if self._process.stdin and self.code is None:
            self._process.stdin.write(json.dumps(said).encode() + b"\n")

    def kill(self) -> None:
        """End it at once, as `kill -9` does."""
        if self.code is None:
            self._process.kill()

    async def end(self) -> Mapping[str, Any] | None:
        """End it, by itself if it does; what it said last."""
        if self._process.stdin:
            self._process.stdin.close()
        last: Mapping[str, Any] | None = None
        try:
            async with asyncio.timeout(PATIENCE):
                while (said := await self.says()) is not None:
                    last = said
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()
        return last
