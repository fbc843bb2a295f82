"""What the controller asks of the rehearsal: instances and metrics, at a local socket."""

import asyncio
import json
from collections.abc import Mapping
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
        except (OSError, ValueError):
            pass  # who asked is gone: it asks again if it still wants to know
        finally:
            writer.close()

    async def _answer(self, asked: Mapping[str, Any]) -> Mapping[str, object]:
        match asked:
            case {"what": "size"}:
                return {"instances": self._cluster.scale.instances}
            case {"what": "grow", "instances": int(instances)}:
                await self._cluster.grow(instances)
                return {}
            case {"what": "retire", "side": ("old" | "new") as side}:
                await self._cluster.retire(side)
                return {}
            case {"what": "alive", "side": ("old" | "new") as side}:
                return {"instances": self._cluster.alive(side)}
            case {"what": "series", "since": float(since)}:
                names = cast("list[str]", asked["names"])
                return {
                    side: {
                        name: plain(found)
                        for name in names
                        if (found := self._metrics.series(side, name, since)) is not None
                    }
                    for side in (OLD, NEW)
                }
            case _:
                raise ValueError("nothing that can be asked")
