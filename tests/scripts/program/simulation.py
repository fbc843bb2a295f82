"""A simulated world: a chain, a link and a clock in one process, the same again from a seed.

Time stands still while something is computed, and jumps to what somebody waits for. So minutes
of a real chain pass in milliseconds, and what happens depends on nothing else.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx2
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solders.account import Account
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from environments.model import Cluster
from localnet.chain import Chain
from localnet.faults import Faults
from localnet.server import Server
from scripts.program import loader
from scripts.program.folder import Folder
from scripts.program.node import Node, Pace
from scripts.program.sending import Sender
from scripts.program.world import World
from scripts.runs.journal import Journal
from scripts.runs.lease import Owner
from scripts.runs.runner import Setting
from scripts.runs.sqlite import SqliteStore
from tests.localnet.programs import SOL

SLOT_SECONDS = 0.4
_CLIENT = AsyncClient("http://simulated", commitment=Confirmed)
"""Made once: each reads all certificates of the machine."""
TARGET = "development/program"


Answer = Callable[[httpx2.Request], Coroutine[Any, Any, httpx2.Response]]
"""What a node says to a request."""


class _Clock(selectors.SelectSelector):
    """Waits for nothing but the time, which passes at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Nothing: the loop has no files to wait for."""
        if timeout is None:
            raise RuntimeError("everybody waits for something that never comes")
        self.now += max(timeout, 0.0)
        return []


class _Loop(asyncio.SelectorEventLoop):
    """An event loop by the simulated clock."""

    def __init__(self) -> None:
        self._clock = _Clock()
        super().__init__(self._clock)

    def time(self) -> float:
        """Simulated seconds."""
        return self._clock.now


class HastyStore(SqliteStore):
    """A store that does not wait for the disk: no power fails in a simulation."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._database.execute("pragma synchronous = off")


@dataclass(kw_only=True)
class Simulation:
    """A chain that a client reaches over a link with a latency."""

    folder: Path
    runner: asyncio.Runner
    chain: Chain
    server: Server
    latency: float = 0.0
    program_key: Keypair = field(default_factory=lambda: _key(3))
    payer: Keypair = field(default_factory=lambda: _key(1))
    authority: Keypair = field(default_factory=lambda: _key(2))
    point: Callable[[str], None] = lambda _: None
    """Called around each send; a test that kills does so here."""

    @property
    def program(self) -> Pubkey:
        """The program's address."""
        return self.program_key.pubkey()

    def client(self, answer: Answer | None = None) -> AsyncClient:
        """A client on this link, or of a node that gives another answer."""
        client, provider = copy(_CLIENT), copy(_CLIENT._provider)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the one place to put a link in
        provider.session = httpx2.AsyncClient(
            transport=httpx2.MockTransport(answer or self._answer)
        )
        client._provider = provider  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        return client

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(self.latency / 2)
        sends = b'"sendTransaction"' in request.content
        if sends:
            self.point("before a send")
        answer = self.server.answer(request.content)
        if sends:
            self.point("after a send")
        await asyncio.sleep(self.latency / 2)
        headers = dict(line.split(": ", 1) for line in answer.headers)
        return httpx2.Response(answer.status, content=answer.body, headers=headers)

    def world(
        self,
        code: bytes,
        *,
        pace: Pace | None = None,
        ceiling: int = 0,
        clients: Sequence[AsyncClient] = (),
        tell: Callable[[str], None] = lambda _: None,
    ) -> World:
        """What a new process of the command would have in hand."""
        first, *others = clients or [self.client()]
        node = Node(first, pace, others=others, tell=tell)
        return World(
            runner=self.runner,
            sender=Sender(node=node, payer=self.payer, ceiling=ceiling),
            authority=self.authority,
            cluster=Cluster.LOCALNET,
            program=self.program,
            folder=Folder(root=self.folder / "kept", program=self.program),
            code=code,
            version="1.0.0",
            program_key=self.program_key,
        )

    def setting(self, store: SqliteStore | None = None) -> Setting:
        """As whom plans are run."""
        return Setting(
            store=store or HastyStore(self.folder / "runs.sqlite"),
            owner=Owner.here("Ana"),
            tell=lambda _: None,
            resume="the same again",
            background=False,
        )

    def journal(self) -> Journal:
        """What the runs wrote down."""
        return Journal(TARGET, self.setting().store)

    def fund(self, *keys: Keypair, sols: int = 100) -> None:
        """Give keys something to spend."""
        for key in keys:
            self.chain.airdrop(key.pubkey(), sols * SOL)
        self.chain.advance(2)

    def let_pass(self, slots: int) -> None:
        """Let slots pass on the chain and by the clock, for whoever looked at it a moment ago."""
        self.runner.run(asyncio.sleep(slots * SLOT_SECONDS))

    def leave(self, lamports: int) -> None:
        """Take all but so much from the payer."""
        self.chain.place(self.payer.pubkey(), Account(lamports, b"", Pubkey.default()))
        self.let_pass(2)

    @property
    def lamports(self) -> int:
        """What the payer has left."""
        account = self.chain.account(self.payer.pubkey())
        return account.lamports if account else 0

    def runs(self) -> bytes:
        """What the program runs now, without the room behind."""
        account = self.chain.account(loader.program_data_address(self.program))
        assert account
        return loader.read_program_data(account.data).code.rstrip(b"\0")

    def buffers(self) -> list[Pubkey]:
        """Buffers that are on the chain."""
        at = self.chain.blocks.newest
        return [
            key
            for key, account in self.chain.program_accounts(loader.LOADER, at).items()
            if int.from_bytes(account.data[:4], "little") == loader.State.BUFFER
        ]


@contextmanager
def simulated(
    folder: Path,
    *,
    faults: Faults | None = None,
    latency: float = 0.0,
    chain: Chain | None = None,
) -> Generator[Simulation]:
    """A new chain with a funded payer; `faults` begin after that."""
    # No power fails in a simulation: nothing waits for the disk.
    with patch("os.fsync"), asyncio.Runner(loop_factory=_Loop) as runner:
        chain = chain or Chain()
        simulation = Simulation(
            folder=folder, runner=runner, chain=chain, server=Server(chain), latency=latency
        )
        simulation.fund(simulation.payer)
        chain.dice.faults = faults or Faults()
        clock = runner.get_loop().create_task(_tick(chain))
        try:
            yield simulation
        finally:
            clock.cancel()


async def _tick(chain: Chain) -> None:
    while True:
        await asyncio.sleep(SLOT_SECONDS)
        chain.advance()


def paid(facts: Mapping[str, object]) -> int:
    """What a sum of a run's costs says that its wallets have less by."""
    names = ("fees_lamports", "rent_paid_lamports", "rent_returned_lamports")
    fees, rent, returned = (int(str(facts[name])) for name in names)
    return fees + rent - returned


def _key(number: int) -> Keypair:
    return Keypair.from_seed(bytes([number]) * 32)
