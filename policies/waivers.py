"""Waivers: who may leave which finding as it is, why, and until when."""

from datetime import date

from pydantic import BaseModel, ConfigDict


class Waiver(BaseModel):
    """One reviewed exception: a rule, an exact resource, a reason, two people and a last day."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str
    resource: str
    reason: str
    owner: str
    approver: str
    expires: date
