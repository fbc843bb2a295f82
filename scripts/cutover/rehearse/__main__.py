"""The same without the rest of `slipway cutover`: `python -m scripts.cutover.rehearse`."""

import typer

from scripts.cutover.rehearse.cli import rehearse

typer.run(rehearse)
