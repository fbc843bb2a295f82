"""What the pages of `docs/` serve: such a sentence asks for a text, and its proof reads it."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from preview.proofs import Proof, serving
from preview.trace import Means, Serving
from standards import Tier

Pages = Mapping[str, str]
"""The texts of a project's pages by their paths below its folder."""

_HEADING: Final = re.compile(r"^## (?:\d+\. )?(.+)$", re.MULTILINE)
_LEAST: Final = 120
"""How many characters a section has at least that says what to do."""


def serving_pages(folder: Path) -> list[Serving]:
    """What the pages of the project in `folder` serve."""
    pages = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted((folder / "docs").glob("**/*.md"))
    }
    return serving(PROOFS, pages, Means.DOCUMENT)


def _leads_through(path: str, *headings: str) -> Callable[[Pages], Iterator[str]]:
    """That the page at `path` says something under each of `headings`, in this order."""

    def missing(pages: Pages) -> Iterator[str]:
        there = _sections(pages.get(path, ""))
        told = [heading for heading, text in there.items() if len(text) >= _LEAST]
        for heading in headings:
            if heading not in told:
                yield f"{path} says nothing under {heading!r}"
        if [heading for heading in told if heading in headings] != list(headings):
            yield f"{path} has another order than {', '.join(headings)}"

    return missing


def _sections(text: str) -> dict[str, str]:
    """What stands under each heading of the second level, without the number before it."""
    parts = _HEADING.split(text)[1:]
    return {heading: body.strip() for heading, body in zip(parts[::2], parts[1::2], strict=True)}


_API_KEYS: Final = "docs/runbooks/api-keys.md"
_PERFORMANCE: Final = "docs/runbooks/performance.md"

PROOFS: Final[tuple[Proof[Pages], ...]] = (
    Proof(
        requirement="INC-08",
        name=_PERFORMANCE,
        environments=(Tier.PRODUCTION,),
        missing=_leads_through(
            _PERFORMANCE,
            "Find the bottleneck",
            "Scale the component",
            "Optimise hot paths",
            "Adjust rate limits",
            "Watch recovery",
        ),
    ),
    Proof(
        requirement="KEY-06",
        name=_API_KEYS,
        environments=(Tier.PRODUCTION,),
        missing=_leads_through(_API_KEYS, "Issuing", "Rotating", "Revoking", "Reviewing"),
    ),
)
