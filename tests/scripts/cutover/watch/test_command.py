"""A product's own command as a source: what it prints, and what it never passes with."""

import sys
from collections.abc import Callable

import pytest

from scripts.cutover.judgement.decisions import Finding, Kind
from scripts.cutover.judgement.judge import judge
from scripts.cutover.judgement.observations import Counts, Levels
from scripts.cutover.watch.command import Command, CommandFailedError, parsed
from tests.scripts.cutover.watch.scene import START, Scene, stage


def _python(text: str, **more: object) -> Command:
    return Command(arguments=(sys.executable, "-c", text), **more)  # pyright: ignore[reportArgumentType] a test's own


def test_counts_and_levels_are_read() -> None:
    """One line an interval."""
    assert parsed(b'{"at": 60, "total": 10, "bad": 1}\n\n{"at": 120, "total": 5, "bad": 0}\n') == (
        Counts((60.0, 120.0), (10.0, 5.0), (1.0, 0.0))
    )
    assert parsed(b'{"at": 60, "value": 1.5}') == Levels((60.0,), (1.5,))
    assert parsed(b"") == Counts()


@pytest.mark.parametrize(
    "line",
    [
        b"ok",
        b"[]",
        b"{}",
        b'{"at": 60}',
        b'{"at": 60, "total": 1}',
        b'{"at": 60, "total": 1, "bad": 0, "more": 1}',
        b'{"at": "60", "value": 1}',
        b'{"at": 60, "value": true}',
        b'{"at": 60, "value": -1}',
        b'{"at": 60, "value": null}',
        b'{"at": 60, "value": 1' + b"0" * 400 + b"}",
        b"[" * 100_000,
        b'{"at": 60, "value": 1}\n{"at": 120, "total": 1, "bad": 0}',
        b"\xff",
    ],
)
def test_anything_else_is_refused(line: bytes) -> None:
    """It says nothing, rather than something else."""
    with pytest.raises(CommandFailedError):
        parsed(line)


def test_it_is_told_what_to_measure() -> None:
    """Service, side and time are in its environment; of ours it gets what it is given."""
    command = _python(
        "import json, os; "
        "assert os.environ['SLIPWAY_SERVICE'] == 'api'; "
        "assert os.environ['SLIPWAY_SIDE'] == 'new'; "
        "assert 'AWS_DEFAULT_REGION' in os.environ; "
        "assert 'PYTEST_CURRENT_TEST' not in os.environ; "
        "print(json.dumps({'at': int(os.environ['SLIPWAY_SINCE']), 'value': 1}))"
    )
    assert command.series("api", is_new=True, since=START) == Levels((START,), (1.0,))


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (lambda: _python('import sys; print(\'{"at": 1, "value": 0}\'); sys.exit(3)'), "code 3"),
        (lambda: _python("import time; time.sleep(9)", seconds=0.3), "longer than 0.3 s"),
        (lambda: Command(arguments=("/nowhere/at-all",)), "cannot be run"),
        (lambda: _python("print('x' * 5_000_000)"), "more than 4,000,000 bytes"),
    ],
)
def test_a_failure_is_missing_data(command: Callable[[], Command], why: str) -> None:
    """Whatever it printed before."""
    scene = Scene(commands={"api/errors": command()})
    scene.serve(START, START + 600)
    scene.clock.time = START + 661
    watch = scene.watch()
    decision = judge(stage(), watch.observe(stage()), scene.clock.now())
    assert decision.kind is not Kind.CONTINUE
    found = {each.finding for each in decision.reasons if each.gate.startswith("api/errors")}
    assert found == {Finding.UNKNOWN}
    assert why in watch.troubles["api/errors (new side)"]
    assert why in watch.refusals()[0]


def test_it_takes_the_place_of_what_is_measured_otherwise() -> None:
    """A side that looks well to the load balancer may still be wrong."""
    text = """
import json, os
since = int(os.environ["SLIPWAY_SINCE"]) + 900
bad = 50 if os.environ["SLIPWAY_SIDE"] == "new" else 0
for number in range(1, 40):
    print(json.dumps({"at": since + 15 * number, "total": 500, "bad": bad}))
"""
    scene = Scene(commands={"api/errors": _python(text)})
    scene.serve(START, START + 600)
    scene.clock.time = START + 601
    decision = judge(stage(), scene.watch().observe(stage()), scene.clock.now())
    assert decision.kind is Kind.ROLL_BACK
