"""A session with a program: its environment, a node of the right cluster, keys, a journal."""

import asyncio
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr
from solana.rpc.async_api import AsyncClient
from solders.hash import Hash
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from environments import load
from environments.model import Environment
from preview.project import find_project
from scripts.exits import CommandError, ExitCode
from scripts.program.cluster import check_address, confirm
from scripts.program.folder import Folder
from scripts.program.keys import Signer, read_signer
from scripts.program.node import Node, Pace
from scripts.program.progress import Meter
from scripts.program.sending import Sender
from scripts.program.world import World
from scripts.runs.canonical import Json
from scripts.runs.journal import JournalError, current
from scripts.runs.lease import Owner
from scripts.runs.runner import Setting
from scripts.runs.stores import open_store
from scripts.telling import tell

RPC_VARIABLE: Final = "SLIPWAY_RPC_URL"
"""Names a node in the place of the record's; its address may hold a key, and is never shown."""
_CONNECTIONS: Final = 64


class SessionError(CommandError):
    """A session that cannot begin."""

    code = ExitCode.USAGE


@dataclass(frozen=True, kw_only=True)
class Options:
    """What every command about a program is told."""

    environment: str
    payer: Path | None
    """The key that pays; None for a look."""
    authority: Path | None = None
    state: Path | None = None
    operator: str
    rate: float = 100.0
    ceiling: int = 0
    resume: str
    """The command line, to go on with."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """What a command works with."""

    environment: Environment
    world: World
    setting: Setting
    state: Path
    genesis: Hash
    """Of the chain that the node serves."""
    url: str
    """The node that was named first; a key may be in it, so it is never shown."""

    @property
    def target(self) -> str:
        """What is acted on; names the journal and the lease."""
        return f"{self.environment.name}/program"

    def unfinished(self, command: str) -> Mapping[str, Json]:
        """What the target's last run is of, where it is one of `command` that did not end."""
        journal = current(self.target, self.setting.store)
        try:
            started, done = journal.latest("run.started"), journal.latest("run.done")
        except (JournalError, ValueError):
            return {}
        if started is None or started.data["command"] != command:
            return {}
        ended = done is not None and done.run == started.run
        inputs = started.data["inputs"]
        return inputs if isinstance(inputs, Mapping) and not ended else {}


@contextmanager
def opened(options: Options) -> Generator[Session]:
    """A session; refused where the node serves another cluster, or a key is not private."""
    project = find_project(Path.cwd())
    environment = load(options.environment, project)
    own = os.environ.get(RPC_VARIABLE)
    urls = [own] if own else environment.solana.rpc_urls
    for url in urls:
        check_address(url, environment.solana.cluster)
    # Who only looks needs no key: nothing is ever signed with this one.
    payer = read_signer(options.payer, "--payer") if options.payer else Keypair()
    authority = read_signer(options.authority, "--authority") if options.authority else payer
    state = options.state or project / ".slipway"
    program = Pubkey.from_string(environment.solana.program_id)
    with asyncio.Runner() as runner:
        clients = [
            AsyncClient(url, http2=False, max_connections=_CONNECTIONS, timeout=30) for url in urls
        ]
        pace = Pace(per_second=options.rate)
        node = Node(clients[0], pace, others=clients[1:], tell=tell)
        world = World(
            runner=runner,
            sender=Sender(node=node, payer=payer, ceiling=options.ceiling),
            authority=authority,
            cluster=environment.solana.cluster,
            program=program,
            folder=Folder(root=state, program=program),
            watch=Meter().show,
        )
        try:
            genesis = world.wait(confirm(node, world.cluster))
            yield Session(
                genesis=genesis,
                url=urls[0],
                environment=environment,
                world=world,
                setting=Setting(
                    store=open_store(state),
                    owner=Owner.here(options.operator),
                    tell=tell,
                    resume=options.resume,
                    secrets=[*_secrets(payer, authority), *_address_secrets(own)],
                ),
                state=state,
            )
        finally:
            for client in clients:
                runner.get_loop().run_until_complete(client.close())


def _secrets(*signers: Signer) -> list[SecretStr]:
    """Each form in which a private key might be written."""
    keys = [signer for signer in signers if isinstance(signer, Keypair)]
    forms = {form for key in keys for form in (str(key), str(list(bytes(key))), bytes(key).hex())}
    return [SecretStr(form) for form in sorted(forms)]


def _address_secrets(url: str | None) -> list[SecretStr]:
    """What of a node's address may be a key: its path, query and user."""
    if not url:
        return []
    parts = urlsplit(url)
    found = [parts.path.strip("/"), parts.query, parts.password or "", parts.username or ""]
    return [SecretStr(part) for part in (url, *found) if part]
