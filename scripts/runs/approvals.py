"""Approvals of a plan: signatures in files, given before it is run."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from scripts.exits import CommandError, ExitCode
from scripts.runs.approvers import Approvers
from scripts.runs.evidence import Purpose, Signature, check_signatures


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
