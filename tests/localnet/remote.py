"""An ordinary client (PyPI `solana`) with a funded key, over HTTP."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solana.rpc.models import TxOpts
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from localnet.chain import Chain
from localnet.server import Server
from tests.localnet.programs import SOL

POLL_SECONDS = 0.001
PREFLIGHT = TxOpts(preflight_commitment=Confirmed)
UNASKED = TxOpts(skip_preflight=True)


class Remote:
    """What a script has: a client and a key."""

    def __init__(self, client: AsyncClient, keys: Keypair) -> None:
        self.client = client
        self.keys = keys

    @property
    def key(self) -> Pubkey:
        """Who pays."""
        return self.keys.pubkey()

    async def sign(
        self,
        *instructions: Instruction,
        others: tuple[Keypair, ...] = (),
        blockhash: Hash | None = None,
    ) -> VersionedTransaction:
        """A transaction on that blockhash, or on a fresh one."""
        if blockhash is None:
            blockhash = (await self.client.get_latest_blockhash()).value.blockhash
        message = Message.new_with_blockhash(instructions, self.key, blockhash)
        return VersionedTransaction(message, [self.keys, *others])

    async def send(
        self,
        *instructions: Instruction,
        others: tuple[Keypair, ...] = (),
        options: TxOpts = PREFLIGHT,
        blockhash: Hash | None = None,
    ) -> Signature:
        """Sent, and no more."""
        transaction = await self.sign(*instructions, others=others, blockhash=blockhash)
        answer = await self.client.send_raw_transaction(bytes(transaction), opts=options)
        return answer.value

    async def do(self, *instructions: Instruction, others: tuple[Keypair, ...] = ()) -> Signature:
        """Sent and confirmed, without an error."""
        signature = await self.send(*instructions, others=others)
        answer = await self.client.confirm_transaction(signature, sleep_seconds=POLL_SECONDS)
        status = answer.value[0]
        assert status
        assert status.err is None
        return signature

    async def data(self, key: Pubkey) -> bytes | None:
        """What an account holds, if it is there."""
        account = (await self.client.get_account_info(key)).value
        return bytes(account.data) if account else None


@asynccontextmanager
async def connected(chain: Chain) -> AsyncGenerator[Remote]:
    """A client of a server of `chain`, with 100 SOL."""
    async with Server(chain) as server, AsyncClient(server.url, commitment=Confirmed) as client:
        remote = Remote(client, Keypair.from_seed(bytes([7]) * 32))
        drop = await client.request_airdrop(remote.key, 100 * SOL)
        await client.confirm_transaction(drop.value, sleep_seconds=POLL_SECONDS)
        yield remote
