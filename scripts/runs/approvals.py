"""Approvals of a plan: signatures in files, given before it is run."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from scripts.exits import CommandError, ExitCode
from scripts.runs.approvers import SIGN_OFFS, Approvers, Role
from scripts.runs.evidence import Purpose, Signature, check_signatures
from standards import figure


class ApprovalError(CommandError):
    """A file that holds no approval."""

    code = ExitCode.USAGE


def read_signatures(paths: Iterable[Path]) -> list[Signature]:
    """The signatures in the files, as `slipway evidence approve` wrote them."""
    found: list[Signature] = []
    for path in paths:
        try:
            found.append(Signature.model_validate(cast("object", json.loads(path.read_bytes()))))
        except OSError as error:
            raise ApprovalError(f"{path}: {error.strerror}") from None
        except ValidationError as error:
            raise ApprovalError(f"{path} holds no approval: {error.errors()[0]['msg']}") from None
        except ValueError:
            raise ApprovalError(f"{path} holds no approval: it is no JSON") from None
    return found


def valid_approvals(
    plan: str,
    signatures: Sequence[Signature],
    approvers: Approvers,
    operator: str,
    *,
    at: datetime,
) -> tuple[list[Signature], list[str]]:
    """One good approval of `plan` for each person other than `operator`, and what is wrong."""
    good, problems = check_signatures(Purpose.APPROVAL, plan, signatures, approvers, at)
    people = {one.by: one for one in good if one.by != operator}
    return list(people.values()), problems


def sign_offs(signatures: Iterable[Signature]) -> dict[Role, str]:
    """Who signed off in which role of GATE-05, each person in one."""
    people: dict[Role, str] = {}
    for one in signatures:
        if one.role in SIGN_OFFS and one.by not in people.values():
            people.setdefault(one.role, one.by)
    return people


def sign_offs_missing(valid: Iterable[Signature], subject: str, operator: str) -> list[str]:
    """What `valid` lacks of the sign-offs of `subject` (GATE-05), and how one is given."""
    people = sign_offs(valid)
    needed = figure("GATE-05", "sign_offs_count").count
    if len(people) >= needed:
        return []
    lacking = ", ".join(role.value for role in Role if role in SIGN_OFFS - people.keys())
    said = (
        f"{len(people)} of {needed} sign-offs (GATE-05): missing from {lacking}; each from another"
        f" person, none from {operator}. To give one: slipway evidence approve {subject} --by NAME"
        " --role ROLE --key FILE"
    )
    return [said]


def unreleased(  # noqa: PLR0913 - each is a part of what releases it
    plan: str,
    signatures: Sequence[Signature],
    approvers: Approvers | None,
    operator: str,
    *,
    at: datetime,
    typed: bool,
) -> list[str]:
    """Why nobody on call has released `plan` as an emergency (PIPE-11); empty where one has.

    One approval of somebody else on call does, and so does the operator's own word, `typed` on a
    terminal, where the operator is on call.
    """
    if approvers is None:
        return ["there is no file of approvers, so nobody is on call: --approvers FILE (PIPE-11)"]
    good, problems = check_signatures(Purpose.APPROVAL, plan, signatures, approvers, at)
    if any(one.role is Role.ON_CALL and one.by != operator for one in good):
        return []
    if typed and approvers.may(operator, Role.ON_CALL, at):
        return []
    itself = "" if typed else ", or type the name on a terminal as an operator who is on call"
    said = (
        f"an emergency is released by somebody on call other than {operator} (PIPE-11): slipway"
        f" evidence approve {plan} --by NAME --role {Role.ON_CALL} --key FILE; name the file with"
        f" --approval{itself}"
    )
    return [said, *problems]
