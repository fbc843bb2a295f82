"""The rule of a load balancer that spreads the requests of a service over its sides."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scripts.exits import CommandError
from scripts.runs.aws import Api, AwsError


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A listener rule that forwards to weighted target groups."""

    elbv2: Api
    arn: str
    service: str

    def weights(self) -> Mapping[str, int]:
        """The weight of each target group, by its ARN, as the load balancer says it."""
        return _weights(self._forward(self._actions()))

    def set(self, weights: Mapping[str, int]) -> None:
        """Give the target groups those weights; everything else in the rule stays as it is."""
        actions = self._actions()
        forward = self._forward(actions)
        missing = {*weights} - {*_weights(forward)}
        if missing:
            raise CommandError(
                f"{self}: target group {min(missing)} is not attached: apply the environment first"
            )
        groups = [
            {**group, "Weight": weights.get(group["TargetGroupArn"], 0)}
            for group in forward["ForwardConfig"]["TargetGroups"]
        ]
        changed = [
            {"ForwardConfig": {**forward["ForwardConfig"], "TargetGroups": groups}}
            | {name: forward[name] for name in ("Type", "Order") if name in forward}
            if action is forward
            else _kept(action)
            for action in actions
        ]
        self.elbv2("modify_rule", on=str(self), RuleArn=self.arn, Actions=changed)

    def __str__(self) -> str:
        return f"the listener rule of {self.service} ({self.arn})"

    def _actions(self) -> list[Mapping[str, Any]]:
        try:
            rules = self.elbv2("describe_rules", on=str(self), RuleArns=[self.arn])["Rules"]
        except AwsError as error:
            if error.error != "RuleNotFound":
                raise
            raise CommandError(f"{self} is not there: apply the environment first") from None
        if not rules:
            raise CommandError(f"{self} is not there: apply the environment first")
        return rules[0]["Actions"]

    def _forward(self, actions: list[Mapping[str, Any]]) -> Mapping[str, Any]:
        for action in actions:
            if action["Type"] == "forward" and action.get("ForwardConfig", {}).get("TargetGroups"):
                return action
        raise CommandError(
            f"{self} forwards to no weighted target groups: apply the environment first"
        )


def _weights(forward: Mapping[str, Any]) -> dict[str, int]:
    return {
        group["TargetGroupArn"]: group.get("Weight", 1)
        for group in forward["ForwardConfig"]["TargetGroups"]
    }


def _kept(action: Mapping[str, Any]) -> Mapping[str, Any]:
    """`action` as it is: a secret of a sign-in is never told, and stays when that is asked for."""
    if action["Type"] != "authenticate-oidc":
        return action
    config = {**action["AuthenticateOidcConfig"], "UseExistingClientSecret": True}
    return {**action, "AuthenticateOidcConfig": config}
