"""A local chain that listens in a thread, and a project whose environment lives on it."""

import asyncio
import hashlib
import json
import os
import re
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from solders.keypair import Keypair
from typer.testing import CliRunner, Result

from localnet.chain import Chain
from localnet.server import Server
from scripts.cli import app
from tests.localnet.programs import SOL

SLOT_SECONDS = 0.02
_Seen = TypeVar("_Seen")
_ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, kw_only=True)
class Project:
    """A folder with an environment `development`, and keys beside it."""

    folder: Path
    chain: Chain
    endpoint: "Endpoint"
    payer: Keypair
    program: Keypair

    def run(self, *words: str, typed: str = "", payer: str = "") -> Result:
        """What `slipway program …` does there, in a process without a terminal."""
        environment = {
            "SLIPWAY_PAYER": payer or str(self.folder / "payer.json"),
            "SLIPWAY_OPERATOR": "Ana",
        }
        return CliRunner().invoke(app, ["program", *words], input=typed, env=environment)

    def build(self, name: str, code: bytes) -> Path:
        """A built program with its recorded checksum."""
        path = self.folder / name
        path.write_bytes(code)
        recorded = f"{hashlib.sha256(code).hexdigest()}  {name}\n"
        path.with_name(f"{name}.sha256").write_text(recorded, encoding="utf-8")
        return path

    def key(self, name: str, key: Keypair, mode: int = 0o600) -> Path:
        """A key file."""
        path = self.folder / name
        path.write_text(json.dumps(list(bytes(key))), encoding="utf-8")
        path.chmod(mode)
        return path

    def deploy(self, code: bytes, version: str = "1.0.0") -> Result:
        """The first deployment."""
        file = self.build("program.so", code)
        key = self.key("program.json", self.program)
        return self.run(
            *("deploy", "development", str(file), "--version", version, "--execute"),
            *("--program-key", str(key)),
        )

    def upgrade(self, code: bytes, version: str = "1.1.0") -> Result:
        """The next version."""
        file = self.build("next.so", code)
        return self.run("upgrade", "development", str(file), "--version", version, "--execute")


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where a chain listens, and the loop in which it lives."""

    url: str
    loop: asyncio.AbstractEventLoop

    def between_blocks(self, look: Callable[[], _Seen]) -> _Seen:
        """What `look` sees of the chain, while nothing happens there."""

        async def looking() -> _Seen:
            return look()

        return asyncio.run_coroutine_threadsafe(looking(), self.loop).result()


@contextmanager
def project(
    folder: Path, *, sols: int = 100, chain: Chain | None = None, slot_seconds: float = SLOT_SECONDS
) -> Generator[Project]:
    """A project on a chain of its own, with a payer that has so much."""
    payer, program = Keypair(), Keypair()
    chain = chain or Chain()
    if sols:
        chain.airdrop(payer.pubkey(), sols * SOL)
    chain.advance(2)
    before = Path.cwd()
    with listening(chain, slot_seconds) as endpoint:
        text = (_ROOT / "Pulumi.development.yaml").read_text(encoding="utf-8")
        text = re.sub(r"programId: \S+", f"programId: {program.pubkey()}", text)
        text = re.sub(r"rpcUrls: .*", f"rpcUrls: [{endpoint.url}]", text)
        (folder / "Pulumi.development.yaml").write_text(text, encoding="utf-8")
        (folder / "Pulumi.yaml").write_bytes((_ROOT / "Pulumi.yaml").read_bytes())
        made = Project(folder=folder, chain=chain, endpoint=endpoint, payer=payer, program=program)
        made.key("payer.json", payer)
        os.chdir(folder)
        try:
            yield made
        finally:
            os.chdir(before)


@contextmanager
def listening(chain: Chain, slot_seconds: float = SLOT_SECONDS) -> Generator[Endpoint]:
    """The chain behind its endpoint, in a thread."""
    loop, over = asyncio.new_event_loop(), asyncio.Event()
    ready = threading.Event()
    urls: list[str] = []

    async def serve() -> None:
        async with Server(chain, slot_seconds=slot_seconds) as server:
            urls.append(server.url)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait()
    try:
        yield Endpoint(url=urls[0], loop=loop)
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()
