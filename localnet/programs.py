"""Programs that cannot be called, which LiteSVM would run all the same."""

from collections.abc import Callable

from solders.account import Account
from solders.pubkey import Pubkey
from solders.transaction_status import InstructionErrorFieldless, TransactionErrorInstructionError

LOADER = Pubkey.from_string("BPFLoaderUpgradeab1e11111111111111111111111")
_PROGRAM, _PROGRAM_DATA = 2, 3


def uncallable(
    programs: list[Pubkey], slot: int, account: Callable[[Pubkey], Account | None]
) -> TransactionErrorInstructionError | None:
    """The error of the first of `programs`, called one after the other, that cannot run in `slot`.

    A program deployed or upgraded in a slot runs from the next slot on; a closed one, never.
    """
    for index, program in enumerate(programs):
        found = account(program)
        if found is None or found.owner != LOADER or _tag(found) != _PROGRAM:
            continue
        data = account(Pubkey.from_bytes(found.data[4:36]))
        if data is None or _tag(data) != _PROGRAM_DATA or _slot(data) >= slot:
            return TransactionErrorInstructionError(
                index, InstructionErrorFieldless.UnsupportedProgramId
            )
    return None


def _tag(account: Account) -> int:
    return int.from_bytes(account.data[:4], "little")


def _slot(account: Account) -> int:
    return int.from_bytes(account.data[4:12], "little")
