"""What the pages of `docs/` serve: such a sentence asks for a text, and its proof reads it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from preview.proofs import Proof, serving
from preview.trace import Means, Serving
from standards import Tier

Pages = Mapping[str, str]
"""The texts of a project's pages by their paths below its folder."""

_RUNBOOKS: Final = "docs/runbooks/"
_LIVE: Final = (Tier.STAGING, Tier.PRODUCTION)


def serving_pages(folder: Path) -> list[Serving]:
    """What the pages of the project in `folder` serve."""
    pages = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted((folder / "docs").glob("**/*.md"))
    }
    return serving(PROOFS, pages, Means.DOCUMENT)


PROOFS: Final[tuple[Proof[Pages], ...]] = ()
