"""What can be wrong with the new release of a rehearsal."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    """A fault of a release."""

    NONE = "none"
    ERRORS = "errors"
    """A share of its requests fails."""
    LATENCY = "latency"
    """A share of its requests takes half a second longer."""
    CRASH = "crash"
    """A share of its instances, at least one, ends."""
    HANG = "hang"
    """A share of its instances, at least one, answers nothing any more, though it listens."""


SLOWER_SECONDS: Final = 0.5
"""What latency adds."""


@dataclass(frozen=True, kw_only=True)
class Faulty:
    """A fault, when it begins and how far it goes."""

    fault: Fault = Fault.NONE
    at: int = 0
    """From which percentage of traffic on."""
    share: float = 0.1
    """Of the requests or of the instances, by the kind of fault."""

    def __str__(self) -> str:
        what = {
            Fault.NONE: "nothing is wrong with the new release",
            Fault.ERRORS: f"{self.share:.1%} of the new release's requests fail",
            Fault.LATENCY: f"{self.share:.1%} of the new release's requests take "
            f"{SLOWER_SECONDS * 1000:.0f} ms longer",
            Fault.CRASH: f"{self.share:.0%} of the new instances crash, at least one",
            Fault.HANG: f"{self.share:.0%} of the new instances hang, at least one",
        }
        return what[self.fault]
