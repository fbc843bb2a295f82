"""`slipway program retire`: ways back that are kept no longer, and their lamports back."""

import json
import sys
from collections.abc import Sequence
from datetime import datetime

from scripts.exits import ExitCode
from scripts.program.commands.act import Consent, Shown, act
from scripts.program.multisig import plans
from scripts.program.multisig.commands import Vault, join
from scripts.program.multisig.squads import Permission
from scripts.program.multisig.standing import Standing, recalled, standing
from scripts.program.node import sol
from scripts.program.session import Options, Session, opened
from scripts.runs.canonical import Json
from scripts.runs.times import utc_now


def retire_command(
    options: Options, consent: Consent, vault: Vault, *, now: bool = False, as_json: bool = False
) -> int:
    """Take away the ways back that are due (all of them `now`), or print the steps.

    Where some are due and nothing is done about them the exit code is 3: a schedule hears of it.
    """
    with opened(options) as session:
        world = session.world
        squad = join(session, vault, Permission.INITIATE, Permission.EXECUTE)
        found = world.wait(standing(world, squad))
        due = _begun(session, found) or [one for one in found if now or one.until <= utc_now()]
        if not due:
            sys.stdout.write(_nothing(found, as_json=as_json))
            return ExitCode.DONE
        running = world.wait(world.on_chain()).hash
        shown = Shown(
            facts=[
                *map(_line, due),
                f"{sol(sum(one.lamports for one in due))} come back to {world.payer.pubkey()}",
            ],
            hashes={"program": running} if running else {},
        )
        plan = plans.retire(session.target, squad, due)
        code = act(session, plan, consent, shown, as_json=as_json)
        return code if consent.execute else ExitCode.PENDING


def _begun(session: Session, found: Sequence[Standing]) -> list[Standing]:
    """What an unfinished run is about, which is gone on with as it was begun."""
    there = {one.buffer: one for one in found}
    return [there.get(one.buffer, one) for one in recalled(session.unfinished(plans.RETIRE))]


def _nothing(found: Sequence[Standing], *, as_json: bool) -> str:
    if as_json:
        return json.dumps([_told(one) for one in found], indent=2) + "\n"
    return "\n".join(["Nothing is due.", *map(_line, found), ""])


def _line(one: Standing) -> str:
    version = f" (version {one.about.version})" if one.about and one.about.version else ""
    if not one.hash:
        return f"proposal {one.index}: buffer {one.buffer} is closed"
    what = "back to" if one.is_way_back else "upgrade to"
    asked = f"proposal {one.index}, {one.status.name.lower()}" if one.index else "never asked for"
    kept = f"kept until {_day(one.until)}" if one.until > utc_now() else "due"
    return (
        f"{asked}: {what} {one.hash}{version} from buffer {one.buffer}, {sol(one.lamports)}, {kept}"
    )


def _told(one: Standing) -> dict[str, Json]:
    return {
        "proposal": one.index,
        "status": one.status.name.lower(),
        "hash": one.hash,
        "is_way_back": one.is_way_back,
        "buffer": str(one.buffer),
        "lamports": one.lamports,
        "until": _day(one.until),
    }


def _day(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
