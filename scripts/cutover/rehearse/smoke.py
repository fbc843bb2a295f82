"""The smoke tests of a rehearsal: each instance by itself before users come, and what users get."""

import http.client
import time
from collections.abc import Iterator, Sequence
from typing import Final

from scripts.cutover.judgement.decisions import Decision
from scripts.cutover.rehearse.runtime import NEW, OLD
from scripts.cutover.rehearse.wire import LOOPBACK
from scripts.cutover.rehearse.world import Provider
from scripts.cutover.running.hooks import Moment, Smoke
from scripts.release.smoke.results import Result, judged

_SECONDS: Final = 2.0
_OK: Final = 200
_TESTS: Final = (("health", "/health", "SMOKE-01"), ("critical path", "/orders", "SMOKE-03"))
"""What is asked, and the sentence that wants it."""


def loopback_smoke(provider: Provider) -> Smoke:
    """The tests, of the instances and the address that `provider` tells."""

    def test(moment: Moment, services: Sequence[str]) -> Decision:
        del services  # there is one
        side = OLD if moment is Moment.TAKEN_BACK else NEW
        where = {
            f"{side} instance at {port}": port for port in provider.ask("ports", side=side)["ports"]
        }
        if moment is not Moment.NEW_SIDE:
            where["what users get"] = provider.ask("public")["port"]
        return judged(list(_results(where)), is_live=moment is not Moment.NEW_SIDE)

    return test


def _results(where: dict[str, int]) -> Iterator[Result]:
    for name, port in where.items():
        for what, path, cited in _TESTS:
            yield _result(f"{what}, {name}", path, port, cited)


def _result(name: str, path: str, port: int, cited: str) -> Result:
    began = time.perf_counter()
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
        came, is_passed = f"status {status}", status == _OK
    except (OSError, http.client.HTTPException) as error:
        came, is_passed = f"no answer: {error}", False
    finally:
        connection.close()
    return Result(
        name=name,
        requirements=(cited,),
        critical=True,
        passed=is_passed,
        seconds=time.perf_counter() - began,
        asked=f"GET {path}",
        came=came,
        allowed=f"status {_OK}",
        advice="Look at the fault that was asked for.",
    )
