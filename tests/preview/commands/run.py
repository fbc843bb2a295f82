"""Running `slipway` in this process, as its users type it."""

from typer.testing import CliRunner, Result

from scripts.cli import app


def slipway(*arguments: str, stdin: str | None = None) -> Result:
    """What `slipway` with these arguments prints, and its exit code."""
    return CliRunner().invoke(app, arguments, input=stdin)
