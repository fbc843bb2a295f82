"""What the controller asks of the rehearsal: instances and metrics, at a local socket."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self, cast

from scripts.cutover.rehearse.cluster import Cluster
from scripts.cutover.rehearse.metrics import Metrics
from scripts.cutover.rehearse.runtime import NEW, OLD
from scripts.cutover.rehearse.world import plain


class ProviderServer:
    """Answers one line of JSON with another; `async with` starts and ends it."""

    def __init__(self, cluster: Cluster, metrics: Metrics, path: Path) -> None:
        self._cluster: Final = cluster
        self._metrics: Final = metrics
        self._path: Final = path
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._serve, self._path)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = cast("Mapping[str, Any]", json.loads(await reader.readline()))
            writer.write(json.dumps(await self._answer(asked)).encode() + b"\n")
            await writer.drain()
        except (OSError, ValueError, KeyError):
            pass  # who asked is gone, or asked nonsense: no answer is one, too
        finally:
            writer.close()

    async def _answer(self, asked: Mapping[str, Any]) -> Mapping[str, object]:
        match asked:
            case {"what": "grow", "instances": int(instances)}:
                await self._cluster.grow(instances)
            case {"what": "retire", "side": ("old" | "new") as side}:
                await self._cluster.retire(side)
            case _:
                return self._read(asked)
        return {}

    def _read(self, asked: Mapping[str, Any]) -> Mapping[str, object]:
        cluster, side = self._cluster, asked.get("side", "")
        match asked["what"]:
            case "size":
                return {"instances": cluster.scale.instances}
            case "alive":
                return {"instances": cluster.alive(side)}
            case "ports":
                return {"ports": [each.port for each in cluster.running[side].values()]}
            case "public":
                return {"port": cluster.port}
            case "series":
                return {side: self._series(side, **asked) for side in (OLD, NEW)}
            case what:
                raise ValueError(f"{what} cannot be asked")

    def _series(
        self, side: str, names: Sequence[str], since: float, **_: object
    ) -> Mapping[str, object]:
        found = ((name, self._metrics.series(side, name, since)) for name in names)
        return {name: plain(each) for name, each in found if each is not None}
