"""Options that commands of several kinds have; what only one has stands beside it."""

from pathlib import Path
from typing import Annotated, Final

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Operator = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        envvar="SLIPWAY_OPERATOR",
        help="Who runs it, as in the file of approvers; the login name unless given.",
    ),
]
Execute = Annotated[bool, typer.Option("--execute", help="Do it instead of showing it.")]
Approvers = Annotated[
    Path, typer.Option(metavar="FILE", dir_okay=False, help="Whose approvals count.")
]
APPROVERS: Final = Path("approvers.yaml")
