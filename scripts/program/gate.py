"""A gate: one condition of the standards, and whether it is met."""

from dataclasses import dataclass

from scripts.runs.canonical import Json


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One condition of the standards, and whether it is met."""

    requirement: str
    name: str
    passed: bool
    found: str
    """What is so now."""
    how: str
    """What to do where it is missing."""
    on: tuple[str, ...] = ()
    """The hashes of the proofs, or of the evidence, that it was passed on."""
    skipped: str = ""
    """The sentence that lets an emergency pass it by; empty where it was not."""

    def found_out(self) -> dict[str, Json]:
        """What was found, as it is kept."""
        said = {name: value for name, value in vars(self).items() if name != "how"}
        return {**said, "on": list(self.on)}
