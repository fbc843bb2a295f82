"""Real programs, as LiteSVM ships them, and a wallet that puts them on a chain."""

from functools import cache

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import Message
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from localnet.chain import Chain, Record
from localnet.transactions import id_of
from scripts.program import loader
from scripts.program.chunks import largest_chunk, plan_chunks

SOL = 10**9
TOKEN = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")


@cache
def code_of(program: Pubkey) -> bytes:
    """The ELF file of a program that LiteSVM ships."""
    svm = LiteSVM()
    account = svm.get_account(program)
    assert account
    if account.owner != loader.LOADER:
        return account.data
    data = svm.get_account(loader.read_program(account.data))
    assert data
    return loader.read_program_data(data.data).code


class Wallet:
    """A funded key that sends transactions straight to a chain; keys come from `seed`."""

    def __init__(self, chain: Chain, seed: int = 1) -> None:
        self.chain = chain
        self._seed = seed * 1000
        self.keys = self.new_key()
        chain.airdrop(self.key, 1000 * SOL)
        chain.advance()

    @property
    def key(self) -> Pubkey:
        """Who pays."""
        return self.keys.pubkey()

    @property
    def lamports(self) -> int:
        """What it has left."""
        account = self.chain.account(self.key)
        return account.lamports if account else 0

    def new_key(self) -> Keypair:
        """The next key of the seed."""
        self._seed += 1
        return Keypair.from_seed(self._seed.to_bytes(32, "big"))

    def sign(
        self, *instructions: Instruction, others: tuple[Keypair, ...] = ()
    ) -> VersionedTransaction:
        """A transaction on the newest blockhash."""
        blockhash = self.chain.blocks.newest.hash
        message = Message.new_with_blockhash(instructions, self.key, blockhash)
        return VersionedTransaction(message, [self.keys, *others])

    def send(self, *instructions: Instruction, others: tuple[Keypair, ...] = ()) -> Record | None:
        """Send and let a slot pass; what came of it, if it landed."""
        transaction = self.sign(*instructions, others=others)
        self.chain.submit(transaction)
        self.chain.advance()
        return self.chain.records.get(id_of(transaction))

    def do(self, *instructions: Instruction, others: tuple[Keypair, ...] = ()) -> Record:
        """Send what has to succeed."""
        record = self.send(*instructions, others=others)
        assert record
        assert record.error is None, record.logs
        return record

    def upload(self, code: bytes) -> Pubkey:
        """A new buffer that holds `code`."""
        buffer = self.new_key()
        self.do(
            *loader.create_buffer(
                payer=self.key,
                buffer=buffer.pubkey(),
                authority=self.key,
                length=len(code),
                lamports=self.chain.rent(loader.BUFFER_HEADER + len(code)),
            ),
            others=(buffer,),
        )
        largest = largest_chunk(payer=self.key, authority=self.key, buffer=buffer.pubkey())
        for chunk in plan_chunks(code, largest):
            self.chain.submit(
                self.sign(loader.write(buffer.pubkey(), self.key, chunk.offset, chunk.data))
            )
        self.chain.advance()
        return buffer.pubkey()

    def deploy(self, code: bytes, *, room: int = 0) -> Pubkey:
        """A new program that runs `code`, in the block before the newest."""
        program = self.new_key()
        self.do(
            *loader.create_program(
                payer=self.key,
                program=program.pubkey(),
                buffer=self.upload(code),
                authority=self.key,
                max_length=len(code) + room,
                lamports=self.chain.rent(loader.PROGRAM_SIZE),
            ),
            others=(program,),
        )
        return program.pubkey()

    def program_data(self, program: Pubkey) -> loader.ProgramData | None:
        """What a program runs, if it is there."""
        account = self.chain.account(loader.program_data_address(program))
        return loader.read_program_data(account.data) if account else None
