"""Services that take their work from a queue: no load balancer spreads it, instances fetch it.

An instance takes work as soon as it runs, so a side's share is its instances' share. The weight of
the new side is how many it has in percent of the old side's, which stays full and warm: at 100 both
sides are full, and the old one goes when it is retired. A rollback takes the new instances away.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from scripts.cutover.aws.fleet import Fleet, State
from scripts.cutover.aws.sides import EcsSides, NotYetError
from scripts.cutover.planning.steps import ALL


@dataclass(frozen=True, kw_only=True)
class Work:
    """Work that is shared out by who fetches it: by how many instances each side is to have."""

    fleet: Fleet
    services: tuple[str, str]

    def weights(self) -> Mapping[str, int]:
        """The share of all instances that each side is to have, in percent."""
        states = self.fleet.states(*self.services)
        both = sum(state.desired for state in states)
        return {
            service: ceil(state.desired * ALL / both) if both else 0
            for service, state in zip(self.services, states, strict=True)
        }

    def set(self, weights: Mapping[str, int]) -> None:
        """Take all instances of a side without weight away: nothing else keeps work from it."""
        for service, weight in weights.items():
            if not weight:
                self.fleet.update(service, desiredCount=0)

    def well(self, service: str, state: State) -> int:
        """Those whose container passes its own health check."""
        tasks = self.fleet.tasks(service, state)
        return sum(task.get("healthStatus") == "HEALTHY" for task in tasks)


class WorkerSides(EcsSides):
    """The sides of a service without public traffic."""

    _given: int | None = None

    def set_weight(self, weight: int) -> None:
        """See that the new side has the instances for its share, or take all of them away.

        Raises:
            NotYetError: too few of them are healthy.
        """
        if weight:
            self._carries(weight, is_new=True)
        else:
            self._carries(ALL, is_new=False)
            self.traffic.set({self.new.service: 0})
        self._given = weight

    def weight(self) -> int:
        """How many instances the new side is to have, in percent of the old side's; 100 at most.

        Instances come whole: what they carry at least is the weight that was given.
        """
        new, old = self.fleet.states(self.new.service, self.old.service)
        has = min(new.desired * ALL // max(old.desired, 1), ALL)
        return min(self._given or has, has)

    def retire(self, *, is_new: bool) -> None:
        """Take a side's instances away: the old one's once the new one carries everything.

        Raises:
            NotYetError: it does not.
        """
        new, old = self.fleet.states(self.new.service, self.old.service)
        if is_new and new.desired:
            raise NotYetError(f"{self.name}: {self.new.service} still takes work, and stays")
        if not is_new and old.desired:
            self._carries(ALL, is_new=True)
        self._take_away(is_new=is_new)
