"""The files that `preview` and `check` write beside what they print."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from preview import files
from preview.reports import junit, matrix
from preview.reports import sarif as scan
from preview.reports.sarif import Places
from preview.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """Where each report goes, none where nobody asked; `docs_url` is where rules' pages lie."""

    sarif: Path | None = None
    junit: Path | None = None
    matrix: Path | None = None
    docs_url: str | None = None

    def write(
        self, verdicts: Sequence[Verdict], project: Path | None, origins: Mapping[str, Path]
    ) -> None:
        """Write each; `origins` has by title the file that a verdict comes from.

        Raises:
            OSError: one cannot be written.
        """
        if self.sarif:
            files.write(self.sarif, scan.render(verdicts, self._places(project, origins)))
        if self.junit:
            files.write(self.junit, junit.render(verdicts))
        if self.matrix:
            files.write(self.matrix, matrix.render(verdicts, self.matrix.suffix.lower()))

    def _places(self, project: Path | None, origins: Mapping[str, Path]) -> Places:
        root = _repository(project or Path.cwd())
        return Places(
            project="" if project is None else _below(project, root),
            files={title: _below(path, root) for title, path in origins.items()},
            docs=self.docs_url,
        )


def _repository(folder: Path) -> Path:
    """The root of the repository that `folder` is in, itself where it is in none."""
    found = (each for each in (folder, *folder.parents) if (each / ".git").exists())
    return next(found, folder)


def _below(path: Path, root: Path) -> str:
    """`path` relative to `root`, nothing for the root itself; in full where it is elsewhere."""
    full = path.absolute()
    if not full.is_relative_to(root):
        return full.as_posix()
    return "" if full == root else full.relative_to(root).as_posix()
