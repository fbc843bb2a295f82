"""What only a product can do to its own program: pause it, and correct its state.

How, the product's own commands know. Each is run in the project's folder, without a shell, and
finds `SLIPWAY_ENVIRONMENT`, `SLIPWAY_CLUSTER`, `SLIPWAY_PROGRAM_ID`, `SLIPWAY_RPC_URL`, and the
files of keys in `SLIPWAY_PAYER` and `SLIPWAY_AUTHORITY`. Each may be run again: whoever resumes
cannot know how far one came. It ends with 0 where it did its work, with 3 where somebody still has
to do something (members of a multisig, say), and with any other number where it failed.
"""

from typing import Annotated

from pydantic import Field, StringConstraints

from environments.record import Record

_Word = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Command = Annotated[tuple[_Word, ...], Field(min_length=1, max_length=40)]
"""A program and its arguments; what is a file of the project is named from the project's folder."""
ProjectFile = Annotated[str, StringConstraints(pattern=r"^\w[\w.-]*(/\w[\w.-]*)*$", max_length=200)]
"""A file of the project, from its folder."""


class Pause(Record):
    """How the program is paused in an emergency, and goes on afterwards (SOL-17)."""

    activate: Command
    """Pauses it."""
    unpause: Command
    """Lets it go on."""
    status: Command
    """Prints JSON with `paused`, true or false, as the chain has it."""
    writes: Annotated[tuple[ProjectFile, ...], Field(min_length=1, max_length=50)]
    """The instructions that change state, a file each, as `--smoke` takes them: while it is paused,
    each has to be refused when it is simulated."""


class Correction(Record):
    """One correction of account state, by the program's admin functions (SOL-16)."""

    test: Command
    """Tries it where nothing is at stake, and ends with 0 where it does what it should."""
    accounts: Command
    """Prints a JSON list of the addresses that it may change."""
    apply: Command
    """Corrects the state."""
    status: Command
    """Prints JSON with `corrected`, true or false, as the chain has it."""
