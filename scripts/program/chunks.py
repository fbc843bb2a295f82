"""How a program is cut into writes: as large as a transaction takes, and as few as possible."""

from collections.abc import Sequence
from dataclasses import dataclass

from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import Message
from solders.pubkey import Pubkey

from scripts.exits import CommandError
from scripts.program.loader import write

LARGEST_TRANSACTION = 1232
_SIGNATURE = 64


class NoRoomError(CommandError):
    """A transaction that is full before it writes a byte."""


@dataclass(frozen=True, order=True)
class Chunk:
    """Bytes of a program, and where they begin."""

    offset: int
    data: bytes


def transaction_size(message: Message) -> int:
    """How many bytes a transaction of `message` has on the wire, with all signatures."""
    # Their count takes one byte: 128 signatures would not fit.
    return 1 + _SIGNATURE * message.header.num_required_signatures + len(bytes(message))


def largest_chunk(
    *, payer: Pubkey, authority: Pubkey, buffer: Pubkey, fees: Sequence[Instruction] = ()
) -> int:
    """How many bytes one transaction can write, next to `fees` (compute price and limit)."""

    def size(length: int) -> int:
        instructions = [*fees, write(buffer, authority, 0, bytes(length))]
        return transaction_size(Message.new_with_blockhash(instructions, payer, Hash.default()))

    room = LARGEST_TRANSACTION - size(0)
    # The length takes more bytes itself when it is larger, so what is left is measured.
    while room > 0 and size(room) > LARGEST_TRANSACTION:
        room -= 1
    if room <= 0:
        raise NoRoomError("the instructions beside the write fill the transaction")
    return room


def plan_chunks(program: bytes, largest: int, present: bytes = b"") -> list[Chunk]:
    """The fewest writes, of at most `largest` bytes each, that make a buffer hold `program`.

    `present` is what the buffer holds so far, zeros behind its end: a new buffer is all zeros, so
    what is zero in the program costs nothing. Each write begins at the first byte that is
    missing and reaches as far as it can, which no other plan betters.
    """
    if largest < 1:
        raise NoRoomError(f"a write of at most {largest} bytes writes nothing")
    held = present[: len(program)].ljust(len(program), b"\0")
    chunks: list[Chunk] = []
    start = _first_difference(program, held, 0)
    while start < len(program):
        data = program[start : start + largest]
        kept = held[start : start + largest]
        last = next(at for at in range(len(data), 0, -1) if data[at - 1] != kept[at - 1])
        chunks.append(Chunk(start, data[:last]))
        start = _first_difference(program, held, start + largest)
    return chunks


def _first_difference(program: bytes, held: bytes, start: int) -> int:
    """The first place from `start` on where the two differ; their length where none does."""
    step = 4096
    for begin in range(start, len(program), step):
        left, right = program[begin : begin + step], held[begin : begin + step]
        if left != right:
            return next(begin + at for at in range(len(left)) if left[at] != right[at])
    return len(program)
