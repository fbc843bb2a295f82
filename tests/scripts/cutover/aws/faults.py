"""What AWS does to calls: it throttles, answers late or not at all, and shows what was before."""

# ruff: noqa: S311 what is drawn here hides nothing

import json
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs] - it has none
    ReadTimeoutError,
)

from tests.scripts.cutover.aws.account import clients
from tests.stacks.foundation.permissions import Request, decision


class KilledError(BaseException):
    """The process ends here, as by kill -9."""


@dataclass
class Refusal:
    """The status of an answer that comes from no server."""

    status_code: int = 400
    headers: dict[str, str] = field(default_factory=dict[str, str])


def refusal(code: str, message: str = "made up") -> tuple[Refusal, dict[str, Any]]:
    """The answer with which AWS refuses a call."""
    return Refusal(), {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": 400, "HTTPHeaders": {}},
    }


EVERYTHING: Final = json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


def _simulated(policies: Sequence[str], asked: dict[str, str]) -> tuple[Refusal, dict[str, Any]]:
    """What IAM decides: every one of `policies` has to allow it, and none may deny."""
    actions = [value for key, value in asked.items() if key.startswith("ActionNames.member")]
    keys = {
        value: asked[key.replace("ContextKeyName", "ContextKeyValues.member.1")]
        for key, value in asked.items()
        if key.endswith(".ContextKeyName")
    }
    resource = asked["ResourceArns.member.1"]
    results: list[dict[str, Any]] = []
    for action in actions:
        said = {
            decision(policy, Request(action=action, resource=resource, context=keys))
            for policy in policies
        }
        decided = (
            "explicitDeny" if "Deny" in said else "implicitDeny" if None in said else "allowed"
        )
        results.append(
            {"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": decided}
        )
    return Refusal(200), {
        "EvaluationResults": results,
        "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {}},
    }


@dataclass
class Faults:
    """Chances of each fault; what a call does is known to `changed` before its answer is lost."""

    random: Random = field(default_factory=lambda: Random(0))
    throttled: float = 0.0
    lost: float = 0.0
    """A call that gets no answer and does nothing."""
    late: float = 0.0
    """A call that does what it does, and gets no answer."""
    stale: float = 0.0
    """A read that shows what the one before it showed."""
    refused: dict[str, str] = field(default_factory=dict[str, str])
    """The error with which each call to these operations ends."""
    changed: Callable[[str], None] = lambda _: None
    """Is told of each call that changed something, by its operation."""
    kills: Sequence[int] = ()
    """The calls at which the process is killed, by their number; every other one has happened."""
    policies: Sequence[str] = (EVERYTHING,)
    """What the policy of whoever calls allows, and its boundary: IAM's simulation reads them."""
    calls: list[str] = field(default_factory=list[str])
    """The calls that were made, by what policies call them."""
    _before: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    @contextmanager
    def at_work(self) -> Generator["Faults"]:
        """Let them happen."""
        for client in clients().values():
            client.meta.events.register("before-call.*.*", self._call)
            client.meta.events.register("after-call.*.*", self._answer)
        try:
            yield self
        finally:
            for client in clients().values():
                client.meta.events.unregister("before-call.*.*", self._call)
                client.meta.events.unregister("after-call.*.*", self._answer)

    def _happens(self, chance: float) -> bool:
        return chance > 0 and self.random.random() < chance

    def _call(
        self,
        model: Any,  # noqa: ANN401 - botocore's
        params: dict[str, Any],
        context: dict[str, Any],
        **_: object,
    ) -> tuple[Refusal, dict[str, Any]] | None:
        name = model.name
        self.calls.append(f"{model.service_model.signing_name}:{name}")
        if len(self.calls) in self.kills:
            if self.kills.index(len(self.calls)) % 2:
                context["is_killed"] = True
            else:
                raise KilledError
        context["asked"] = f"{name} {params['body']!r}"
        if name in self.refused:
            return refusal(self.refused[name])
        if name == "SimulatePrincipalPolicy":  # which moto does not have
            return _simulated(self.policies, params["body"])
        if self._happens(self.throttled):
            return refusal("Throttling")
        if self._happens(self.lost):
            raise ReadTimeoutError(endpoint_url="https://aws")
        return None

    def _answer(
        self,
        model: Any,  # noqa: ANN401 - botocore's
        parsed: dict[str, Any],
        context: dict[str, Any],
        **_: object,
    ) -> None:
        if "Error" in parsed:
            return
        if not model.name.startswith(("Describe", "List", "Get", "Simulate")):
            self.changed(model.name)
            if "is_killed" in context:
                raise KilledError
            if self._happens(self.late):
                raise ReadTimeoutError(endpoint_url="https://aws")
            return
        asked, now = context["asked"], deepcopy(parsed)
        if asked in self._before and self._happens(self.stale):
            before = deepcopy(self._before[asked])
            parsed.clear()
            parsed.update(before)
        self._before[asked] = now
