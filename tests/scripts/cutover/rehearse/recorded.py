"""Record a rehearsal into docs/rehearsal.md, its screen and its last words.

Run as `python -m tests.scripts.cutover.rehearse.recorded`; it takes a minute.
"""

import asyncio
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console

from preview.files import write
from scripts.cutover.rehearse.command import ended
from scripts.cutover.rehearse.faults import Fault, Faulty
from scripts.cutover.rehearse.options import Options
from scripts.cutover.rehearse.rehearsal import Rehearsal, Seen
from scripts.cutover.rehearse.view import screen

PAGE: Final = Path("docs/rehearsal.md")
WIDTH: Final = 100
HEIGHT: Final = 40
_RECORDED: Final = re.compile(r"(?<=<!-- recorded -->\n).*?(?=<!-- end -->)", re.DOTALL)


def main() -> None:
    """Rehearse a release that fails from half of the traffic on, and write it down."""
    folder = Path("out/rehearsal/recorded")
    shutil.rmtree(folder, ignore_errors=True)
    frames: list[str] = []

    def show(seen: Seen) -> None:
        if seen.metrics.weight:
            frames[:1] = [drawn(seen)]  # the last one in which users are on the new side
        elif frames:
            frames[1:] = [drawn(seen)]

    options = Options(folder=folder, faulty=Faulty(fault=Fault.ERRORS, at=50))
    said = asyncio.run(Rehearsal(options, show).run())
    shown = [
        f"Recorded on {datetime.now(UTC):%Y-%m-%d}, while the release failed:\n",
        *("```", frames[0], "```\n"),
        "And at its end:\n",
        *("```", frames[1], ended(said).rstrip(), "```\n"),
    ]
    page = PAGE.read_text(encoding="utf-8")
    write(PAGE, _RECORDED.sub(lambda _: "\n".join(shown), page))


def drawn(seen: Seen) -> str:
    """`seen` as a terminal shows it, without colours."""
    console = Console(width=WIDTH, height=HEIGHT, color_system=None)
    with console.capture() as captured:
        console.print(screen(seen, WIDTH, HEIGHT))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


if __name__ == "__main__":
    main()
