"""A program of our own: an ELF file that only says its number, so that an upgrade can be seen."""

import random
import struct

_HEADER, _SEGMENT, _SECTION = 64, 56, 64
_NAMES = b"\0.text\0.shstrtab\0"
_LOAD, _PROGBITS, _STRTAB = 1, 1, 3
_READ_EXECUTE, _ALLOC_EXECUTE = 5, 6
_SHARED_OBJECT, _BPF = 3, 247


def program(number: int, size: int = 0) -> bytes:
    """A program that succeeds with number 0, and fails with `number` as its own error else.

    Behind it lie bytes that nothing reads, drawn from `number`, until it has `size` in all.
    """
    # mov64 r0, number; exit
    text = struct.pack("<BBhi", 0xB7, 0, 0, number) + struct.pack("<BBhi", 0x95, 0, 0, 0)
    start = _HEADER + _SEGMENT
    names = start + len(text)
    sections = -(-(names + len(_NAMES)) // 8) * 8
    header = b"\x7fELF" + bytes([2, 1, 1, 0]) + bytes(8)
    header += struct.pack(
        "<HHIQQQIHHHHHH",
        *(_SHARED_OBJECT, _BPF, 1, start, _HEADER, sections, 0),
        *(_HEADER, _SEGMENT, 1, _SECTION, 3, 2),
    )
    segment = struct.pack(
        "<IIQQQQQQ", _LOAD, _READ_EXECUTE, start, start, start, len(text), len(text), 8
    )
    body = (text + _NAMES).ljust(sections - start, b"\0")
    table = [
        bytes(_SECTION),
        _section(1, _PROGBITS, _ALLOC_EXECUTE, start, len(text), address=start),
        _section(7, _STRTAB, 0, names, len(_NAMES)),
    ]
    file = header + segment + body + b"".join(table)
    draw = random.Random(number)  # noqa: S311 - for repetition, not for secrecy
    return file + draw.randbytes(max(0, size - len(file)))


def _section(  # noqa: PLR0913 - each is a field of the table
    name: int, kind: int, flags: int, offset: int, size: int, *, address: int = 0
) -> bytes:
    return struct.pack("<IIQQQQIIQQ", name, kind, flags, address, offset, size, 0, 0, 8, 0)
