"""What the steps of a program read and act on: a node, keys, bytes, what is kept on disk."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from solders.account import Account
from solders.hash import Hash
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from environments.model import Cluster
from scripts.program.features import Features, read_features
from scripts.program.folder import Folder
from scripts.program.keys import Signer
from scripts.program.loader import program_data_address
from scripts.program.node import Node
from scripts.program.sending import Sender
from scripts.program.smoke import Smoke
from scripts.program.state import OnChain, read
from scripts.program.upload import Progress
from scripts.runs.canonical import Json
from scripts.runs.steps import Acting, Step, Timeout

_Result = TypeVar("_Result")
READ_SECONDS: Final = 30.0
"""How long a look at the world may take."""


@dataclass(kw_only=True)
class World:
    """What one command about a program has in hand."""

    runner: asyncio.Runner
    sender: Sender
    authority: Signer
    cluster: Cluster
    program: Pubkey
    folder: Folder
    code: bytes = b""
    """What is to run."""
    lies_ready: bool = False
    """Whether `code` is the way back: it is to lie in a buffer, and not to run."""
    version: str | None = None
    program_key: Keypair | None = None
    """The program's own key, which a first deployment needs."""
    room: int = 0
    """Bytes that a first deployment leaves for later versions to grow into."""
    smoke: Smoke | None = None
    watch: Callable[[Progress], None] = field(default=lambda _: None)
    genesis: Hash | None = None
    """The chain that the node turned out to serve."""
    vault: Pubkey | None = None
    """The vault of a multisig that upgrades the program; none where `authority` does."""
    member: Pubkey | None = None
    """The member of that multisig who acts, and pays the rent of what is put to the others."""
    product_pays: bool = False
    """Whether a product's own commands send what is paid for, and not this one alone."""
    features: Features | None = None
    """How the cluster's loader behaves, once somebody asked."""
    passed: set[str] = field(default_factory=set[str])
    """The checks that this process has made: each makes them anew."""

    @property
    def node(self) -> Node:
        """The node that is asked."""
        return self.sender.node

    @property
    def payer(self) -> Signer:
        """Who pays."""
        return self.sender.payer

    @property
    def wallets(self) -> frozenset[Pubkey]:
        """Whose lamports a run spends, and gets back."""
        own = {self.payer.pubkey(), self.authority.pubkey()}
        return frozenset(own | ({self.member} if self.member else set()))

    @property
    def upgrade_authority(self) -> Pubkey:
        """Who upgrades the program."""
        return self.vault or self.authority.pubkey()

    @property
    def owners(self) -> tuple[Pubkey, ...]:
        """Who may own its buffers: who writes them, and the vault that they are handed to."""
        return (self.authority.pubkey(), *([self.vault] if self.vault else []))

    async def on_chain(self) -> OnChain:
        """The program, as confirmed."""
        return (await self.look())[0]

    async def look(self) -> tuple[OnChain, Account | None]:
        """The program and the buffer of its next version, as of one slot."""
        key = self.folder.buffer(self.code)
        keys = [self.program, program_data_address(self.program)]
        program, data, *buffer = await self.node.accounts([*keys, *([key.pubkey()] if key else [])])
        return read(self.program, [program, data]), buffer[0] if buffer else None

    async def how_loads(self) -> Features:
        """How the cluster's loader behaves, the same while this runs."""
        self.features = self.features or await read_features(self.node)
        return self.features

    async def is_switched(self) -> bool:
        """Whether the program runs what it is to run."""
        return not self.lies_ready and (await self.on_chain()).runs(self.code)

    def wait(self, work: Coroutine[Any, Any, _Result], seconds: float | None = None) -> _Result:
        """What `work` returns; whatever stops it (Ctrl-C, an alarm), nothing of it goes on."""
        loop = self.runner.get_loop()
        task = loop.create_task(self._within(work, seconds or READ_SECONDS))
        try:
            return loop.run_until_complete(task)
        except BaseException:
            task.cancel()
            while not task.done():
                with suppress(BaseException):
                    # Waited for, not awaited: a loop does not stop for what Ctrl-C has ended.
                    loop.run_until_complete(asyncio.wait([task]))
            if not task.cancelled():
                task.exception()
            raise

    async def _within(self, work: Coroutine[Any, Any, _Result], seconds: float) -> _Result:
        with self.node.within(seconds):
            return await work


def step(  # noqa: PLR0913 - each is a part of the step
    *,
    id_: str,
    title: str,
    does: str,
    is_done: Callable[[World], Coroutine[Any, Any, bool]],
    run: Callable[[World, Acting], Coroutine[Any, Any, Mapping[str, Json]]],
    timeout: Timeout,
    on_failure: str,
    requirements: tuple[str, ...] = (),
) -> Step[World]:
    """A step whose looks and acts wait for a node."""
    return Step(
        id=id_,
        title=title,
        does=does,
        is_done=lambda world: world.wait(is_done(world)),
        # A little less than the alarm: that the time is up is said by who waits for something.
        run=lambda world, acting: world.wait(run(world, acting), timeout.seconds * 0.97),
        timeout=timeout,
        on_failure=on_failure,
        requirements=requirements,
    )
