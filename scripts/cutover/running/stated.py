"""The plan of a rollback that each release states before it starts (ROLL-04)."""

from collections.abc import Mapping
from dataclasses import dataclass

from scripts.cutover.judgement.gates import Action
from scripts.cutover.judgement.judge import Stage
from scripts.cutover.planning.request import Cutover
from scripts.cutover.running.hooks import Hooks
from scripts.runs.canonical import Json
from scripts.runs.steps import duration


@dataclass(frozen=True, kw_only=True)
class Rollback:
    """Where a rollback goes, what becomes of the data, what starts it and who decides."""

    target: Mapping[str, str]
    """The release of each service."""
    data: tuple[str, ...]
    triggers: Mapping[str, tuple[str, ...]]
    """By what follows where one is breached: the gates, each with the figure that is its limit."""
    decides: tuple[str, ...]

    def facts(self) -> Mapping[str, Json]:
        """It, as the journal keeps it."""
        return {
            "target": dict(self.target),
            "data": list(self.data),
            "triggers": {action: list(gates) for action, gates in self.triggers.items()},
            "decides": list(self.decides),
        }


def stated(cutover: Cutover, hooks: Hooks) -> Rollback:
    """The plan of taking `cutover` back."""
    default = Stage.default.value
    asking = f"{duration(cutover.settings.ask)}; {default} where nobody answers"
    gates = [gate for step in cutover.plan.steps for gate in step.gates]
    return Rollback(
        target={name: each.old for name, each in cutover.releases.items()},
        data=tuple(hooks.database.says) or ("the database is not changed",),
        triggers={
            action.value: tuple(dict.fromkeys(gate.id for gate in gates if gate.action is action))
            for action in (Action.ROLL_BACK, Action.ASK)
        },
        decides=(
            "nobody where a gate rolls back, in an emergency (ROLL-09) or where a step fails",
            f"where a gate asks, a person whom the file of approvers names, within {asking}",
            f"at any time whoever runs slipway cutover rollback {cutover.environment} --execute",
        ),
    )
