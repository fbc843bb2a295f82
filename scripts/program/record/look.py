"""What the verify record of a program says, beside what runs."""

from dataclasses import dataclass

from scripts.program.record.otter import Params, record_address
from scripts.program.record.record import read_record
from scripts.program.state import OnChain
from scripts.program.world import World
from scripts.runs.canonical import Json


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What the program's upgrade authority wrote down, and since when what runs is there."""

    params: Params | None
    since: int

    @property
    def is_older(self) -> bool:
        """Whether it says of itself that it is of what ran before."""
        return self.params is not None and self.params.slot not in {0, self.since}

    def line(self) -> str:
        """For people."""
        if self.params is None:
            return "none"
        told = f"{self.params.git_url} at {self.params.commit}, {' '.join(self.params.args)}"
        if self.is_older:
            told += f" (of what slot {self.params.slot:,} brought; this came in {self.since:,})"
        return told

    def told(self) -> dict[str, Json] | None:
        """For programs."""
        if self.params is None:
            return None
        return {
            "repository": self.params.git_url,
            "commit": self.params.commit,
            "build_args": list(self.params.args),
            "slot": self.params.slot,
        }

    def differences(self, repository: str | None, commit: str | None) -> list[str]:
        """In what it differs from what is named; nothing where it does not."""
        wanted = {"repository": repository, "commit": commit}
        if self.params is None:
            return ["there is no verify record"] if any(wanted.values()) else []
        there = {"repository": self.params.git_url, "commit": self.params.commit}
        return [
            f"the verify record's {name} is {there[name]}, not {value}"
            for name, value in wanted.items()
            if value and value != there[name]
        ]


async def recorded(world: World, found: OnChain) -> Recorded:
    """What stands at the address that explorers look at: the upgrade authority's."""
    if found.data is None or found.data.authority is None:
        return Recorded(params=None, since=0)
    address = record_address(world.program, found.data.authority)
    return Recorded(params=await read_record(world.node, address), since=found.data.slot)
