"""What a vault does once its members approve: instructions, as Squads keeps them.

The form is Solana's message with shorter lengths: a u8 before lists, a u16 before the data of an
instruction, and no blockhash. Source: `TransactionMessage` of Squads v4.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

_U8 = 0xFF
_U16 = 0xFFFF
_KEY = 32


class MessageError(Exception):
    """Instructions that no vault transaction can hold, or bytes that are none."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """Instructions over one list of accounts: first those that sign, writable ones before others.

    `signers`, `writable_signers` and `writable_others` count the accounts of each kind.
    """

    signers: int
    writable_signers: int
    writable_others: int
    accounts: tuple[Pubkey, ...]
    instructions: tuple["Compiled", ...]

    def metas(self) -> list[AccountMeta]:
        """The accounts as an execution passes them: only the execution's own signers sign."""
        return [
            AccountMeta(account, is_signer=False, is_writable=self.is_writable(index))
            for index, account in enumerate(self.accounts)
        ]

    def is_writable(self, index: int) -> bool:
        """Whether the account at `index` may be changed."""
        if index < self.signers:
            return index < self.writable_signers
        return index - self.signers < self.writable_others

    def unpacked(self) -> list[Instruction]:
        """The instructions, as they are executed."""
        return [
            Instruction(
                self.accounts[one.program],
                one.data,
                [
                    AccountMeta(
                        self.accounts[index],
                        is_signer=index < self.signers,
                        is_writable=self.is_writable(index),
                    )
                    for index in one.accounts
                ],
            )
            for one in self.instructions
        ]


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """An instruction whose program and accounts are places in a message's list."""

    program: int
    accounts: tuple[int, ...]
    data: bytes


def compiled(payer: Pubkey, instructions: Sequence[Instruction]) -> Message:
    """One message of `instructions`; `payer`, the vault, comes first.

    Raises:
        MessageError: they have more accounts than one byte can count.
    """
    kinds: dict[Pubkey, tuple[bool, bool]] = {payer: (True, True)}
    for instruction in instructions:
        # The program before its accounts: the order of Squads' own SDK, so that bytes compare.
        kinds.setdefault(instruction.program_id, (False, False))
        for meta in instruction.accounts:
            signs, writes = kinds.get(meta.pubkey, (False, False))
            kinds[meta.pubkey] = (signs or meta.is_signer, writes or meta.is_writable)
    if len(kinds) > _U8:
        raise MessageError(f"{len(kinds)} accounts are more than a vault transaction takes ({_U8})")
    # A stable sort: the payer stays first, and the others in the order in which they were named.
    accounts = sorted(kinds, key=lambda key: (not kinds[key][0], not kinds[key][1]))
    places = {account: place for place, account in enumerate(accounts)}
    return Message(
        signers=sum(signs for signs, _ in kinds.values()),
        writable_signers=sum(signs and writes for signs, writes in kinds.values()),
        writable_others=sum(writes and not signs for signs, writes in kinds.values()),
        accounts=tuple(accounts),
        instructions=tuple(
            Compiled(
                program=places[one.program_id],
                accounts=tuple(places[meta.pubkey] for meta in one.accounts),
                data=bytes(one.data),
            )
            for one in instructions
        ),
    )


def encode(message: Message) -> bytes:
    """The bytes that `vault_transaction_create` takes.

    Raises:
        MessageError: an instruction is longer than its length can say.
    """
    head = [message.signers, message.writable_signers, message.writable_others]
    parts = [bytes([*head, len(message.accounts)])]
    parts += [bytes(account) for account in message.accounts]
    parts.append(bytes([len(message.instructions)]))
    for one in message.instructions:
        if len(one.data) > _U16:
            raise MessageError(f"{len(one.data):,} bytes of data are more than {_U16:,}")
        parts.append(bytes([one.program, len(one.accounts), *one.accounts]))
        parts.append(struct.pack("<H", len(one.data)) + one.data)
    parts.append(b"\0")  # no address lookup tables: a deployment names few accounts
    return b"".join(parts)


def decode(data: bytes) -> Message:
    """The message that a vault transaction's account holds, from its first byte.

    There lists have a u32 before them. Raises `MessageError` for anything else.
    """
    reader = Reader(data)
    signers, writable_signers, writable_others = reader.take("<BBB")
    accounts = tuple(reader.key() for _ in range(reader.length()))
    instructions: list[Compiled] = []
    for _ in range(reader.length()):
        (program,) = reader.take("<B")
        places = tuple(reader.octets())
        instructions.append(Compiled(program=program, accounts=places, data=reader.octets()))
    if reader.length():
        raise MessageError("it loads accounts from lookup tables, which no deployment does")
    places = [one.program for one in instructions]
    places += [place for one in instructions for place in one.accounts]
    if places and max(places) >= len(accounts):
        raise MessageError("an instruction names an account that the message does not hold")
    return Message(
        signers=signers,
        writable_signers=writable_signers,
        writable_others=writable_others,
        accounts=accounts,
        instructions=tuple(instructions),
    )


class Reader:
    """Reads what borsh wrote: little-endian numbers, and lists behind a u32 of their length."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, form: str) -> tuple[int, ...]:
        """The numbers of the struct `form`."""
        return struct.unpack(form, self._next(struct.calcsize(form)))

    def key(self) -> Pubkey:
        """An address."""
        return Pubkey.from_bytes(self._next(_KEY))

    def keys(self) -> tuple[Pubkey, ...]:
        """A list of addresses."""
        return tuple(self.key() for _ in range(self.length()))

    def octets(self) -> bytes:
        """A list of bytes."""
        return self._next(self.length())

    def length(self) -> int:
        """How many items the next list has: never more than there are bytes left."""
        (length,) = self.take("<I")
        if length > len(self._data) - self._at:
            raise MessageError(f"a list of {length:,} goes beyond the account's end")
        return length

    @property
    def rest(self) -> bytes:
        """What was not read yet."""
        return self._data[self._at :]

    def _next(self, size: int) -> bytes:
        found = self._data[self._at : self._at + size]
        if len(found) < size:
            raise MessageError(f"the account ends {size - len(found)} bytes too early")
        self._at += size
        return found
