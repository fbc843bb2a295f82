"""`slipway cutover …` against an account: from the command line down to the calls of AWS."""

import json
import shutil
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs] - it has none
    ReadTimeoutError,
)
from typer.testing import CliRunner, Result

from environments import Environment
from environments.published import Published
from scripts.cli import app
from scripts.cutover import session
from scripts.cutover.aws import world as on_aws
from scripts.cutover.commands import measuring
from scripts.cutover.judgement.gates import Baseline, Watched
from scripts.cutover.running.hooks import Database
from scripts.cutover.watch import connecting
from scripts.exits import ExitCode
from scripts.runs.aws import client
from tests.conftest import PROJECT
from tests.scripts.cutover.aws.account import NEW, OLD, Account, apis
from tests.scripts.cutover.aws.cutovers import RATE, Seen
from tests.scripts.cutover.aws.faults import Faults
from tests.scripts.cutover.worlds import GUARD, plain

IMAGE = f"api=registry.example.com/api@{NEW}"
BLUE, GREEN = "production-api-blue", "production-api-green"


@dataclass(frozen=True, kw_only=True)
class _Measured:
    """What CloudWatch and Prometheus would have said of a day."""

    watched: Watched
    requests_per_second: float = RATE
    transactions_per_second: float = RATE


@dataclass(frozen=True, kw_only=True)
class Operator:
    """Somebody with the project's folder and the account's credentials."""

    account: Account
    seen: Seen
    faults: Faults

    def run(self, *words: str) -> Result:
        """What `slipway cutover …` does."""
        return CliRunner().invoke(app, ["cutover", *words], env={"SLIPWAY_OPERATOR": "Ana"})


@pytest.fixture
def operator(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Operator]:
    """All that they have is real but for what moto has not: metrics, and time that passes fast."""
    _write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SLIPWAY_RUNS_TABLE", raising=False)
    record = account.published.model_copy(update={"environment": "staging"})
    region = yaml.safe_load((tmp_path / "Pulumi.staging.yaml").read_text(encoding="utf-8"))[
        "config"
    ]["slipway:aws"]["region"]
    client("ssm", region=region).put_parameter(
        Name=Published.parameter("staging"),
        Value=record.model_dump_json(by_alias=True, exclude_none=True),
        Type="String",
    )
    seen = Seen(account)

    @contextmanager
    def opened(
        environment: Environment,
        published: Published,
        releases: Mapping[str, tuple[str | None, str]],
        baselines: Mapping[str, Baseline],
    ) -> Generator[on_aws.AwsWorld]:
        with on_aws.opened(environment, published, releases, baselines) as world:
            yield replace(world, clock=account)

    def measured(_e: object, _p: object, names: Sequence[str]) -> Mapping[str, _Measured]:
        return {name: _Measured(watched=plain(name)) for name in names}

    made_up: list[tuple[object, str, object]] = [
        (on_aws, "watched", seen),
        (session, "records_of", {"api": {"requests": 7}}),
        (session, "smoke_of", None),
        (session, "unchanged_of", Database()),
        (measuring, "alarms_of", frozenset({GUARD})),
        (on_aws.Apis, "of", apis()),  # on which IAM's simulation works, that moto has not
    ]
    for module, name, said in made_up:
        monkeypatch.setattr(module, name, partial(_saying, said))
    monkeypatch.setattr(session, "open_world", opened)
    monkeypatch.setattr(session, "measured_of", measured)
    with Faults(random=account.random).at_work() as faults:
        yield Operator(account=account, seen=seen, faults=faults)


def _saying(what: object, *_: object, **__: object) -> object:
    return what


def _write_project(folder: Path) -> None:
    shutil.copy(PROJECT / "Pulumi.yaml", folder)
    content = yaml.safe_load((PROJECT / "Pulumi.staging.yaml").read_text(encoding="utf-8"))
    content["config"]["slipway:cutover"]["weights"] = [10, 50, 100]
    (folder / "Pulumi.staging.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def test_the_steps_are_printed_and_nothing_is_changed(operator: Operator) -> None:
    """Which release runs is read from the account."""
    said = operator.run("run", "staging", "--image", IMAGE)
    assert said.exit_code == ExitCode.DONE, said.output
    assert f"api: {OLD} -> {NEW}" in said.stdout
    assert operator.account.weights("api") == {BLUE: 100, GREEN: 0}
    assert not operator.account.tasks[GREEN]


def test_a_release_is_moved_and_the_old_side_goes_last(operator: Operator) -> None:
    """By the commands alone; the same release once more is refused."""
    said = operator.run("run", "staging", "--image", IMAGE, "--execute")
    assert said.exit_code == ExitCode.DONE, said.output
    account = operator.account
    assert account.weights("api") == {BLUE: 0, GREEN: 100}
    assert not account.tasks[BLUE]
    status = json.loads(operator.run("status", "staging", "--json").stdout)
    assert (status["state"], status["weights"]) == ("done", {"api": 100})
    again = operator.run("run", "staging", "--image", IMAGE)
    assert again.exit_code == ExitCode.USAGE
    assert "already: there is nothing to move" in again.stderr


def test_a_bad_release_is_taken_back(operator: Operator) -> None:
    """Exit code 1, the old side has everything, and the new one is gone."""
    operator.seen.errors = 0.3
    said = operator.run("run", "staging", "--image", IMAGE, "--execute")
    assert said.exit_code == ExitCode.FAILED, said.output
    assert "rolled back, verified" in said.stderr
    assert operator.account.weights("api") == {BLUE: 100, GREEN: 0}
    assert not operator.account.tasks[GREEN]


def _without_answer(**_: object) -> None:
    raise ReadTimeoutError(endpoint_url="https://aws")


def _cut_off(*names: str, **settings: Any) -> Any:  # noqa: ANN401 - boto3's own
    """A client that gets no answer."""
    made = client(*names, **settings)
    made.meta.events.register_first("before-call.*.*", _without_answer)
    return made


@pytest.mark.parametrize(
    ("verb", "changes"), [("rollback", 1), ("abort", 1), ("resume", 2)], ids=str
)
def test_a_way_back_needs_nothing_but_what_it_moves(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, verb: str, changes: int
) -> None:
    """Neither Parameter Store nor metrics: what was published is in the journal."""
    operator.seen.errors = 0.3
    seen = list[str]()

    def changed(what: str) -> None:
        seen.append(what)
        if what == "ModifyRule" and seen.count(what) == changes:
            raise KeyboardInterrupt

    operator.faults.changed = changed
    stopped = operator.run("run", "staging", "--image", IMAGE, "--execute")
    assert stopped.exit_code == ExitCode.INTERRUPTED, stopped.output
    operator.faults.changed = lambda _: None
    monkeypatch.setattr(session, "client", _cut_off)
    monkeypatch.setattr(connecting, "client", _cut_off)
    monkeypatch.setattr(on_aws, "watched", connecting.watched)
    said = operator.run(verb, "staging", "--execute")
    assert "rolled back, verified" in said.stderr, said.output
    assert operator.account.weights("api") == {BLUE: 100, GREEN: 0}
    assert not operator.account.tasks[GREEN]
    started = operator.run("run", "staging", "--image", IMAGE)
    assert "ssm:GetParameter on parameter /slipway/staging/published: no" in started.stderr
