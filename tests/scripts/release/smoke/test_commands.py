"""Tests of `slipway release smoke` as people call it."""

import json
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from scripts.cli import app
from scripts.exits import ExitCode
from scripts.runs.aws import Api, client
from scripts.runs.journal import Journal
from scripts.runs.sqlite import SqliteStore
from tests.environments.records import PROJECT, changed, content_of, write
from tests.scripts.release.smoke.product import KEY, Stand, environment_of, listening

SECRET = "slipway/integration/smoke"  # noqa: S105 - its name


class Called:
    """The command, on a project whose product listens on this machine."""

    def __init__(self, folder: Path, stand: Stand) -> None:
        self.folder, self.stand = folder, stand

    def __call__(self, *words: str) -> Result:
        """Run it against the product."""
        where = ("--address", self.stand.address, "--trust", str(self.stand.authority))
        return CliRunner().invoke(app, ["release", "smoke", "integration", *where, *words])

    @property
    def journal(self) -> Journal:
        """What it wrote down."""
        store = SqliteStore(self.folder / ".slipway" / "runs.sqlite")
        return Journal("integration/smoke", store)


@pytest.fixture
def call(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Generator[Called]:
    """A project with an environment whose secret is in Secrets Manager."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(PROJECT / "Pulumi.yaml", folder)
    monkeypatch.chdir(folder)
    with mock_aws(), listening(environment_of("integration"), folder) as stand:
        keep = Api(client("secretsmanager", region="us-east-1"))
        told = json.dumps({"key": KEY})
        arn = keep("create_secret", on=SECRET, Name=SECRET, SecretString=told)["ARN"]
        node = stand.environment.solana.rpc_urls[0].replace("127.0.0.1", "127.1")
        content = changed(content_of("integration"), "solana.rpcUrls", [node])
        write(folder, "integration", changed(content, "smoke.authentication.secret", arn))
        yield Called(folder, stand)


def test_without_execute_nothing_is_asked(call: Called) -> None:
    """What would be asked, what is left out and why, and how long it takes."""
    said = call()
    assert said.exit_code == ExitCode.DONE, said.output
    assert "critical  health api (SMOKE-01)" in said.stdout
    assert "left out  redirect from http" in said.stdout
    assert "Nothing was asked; --execute asks." in said.stdout
    assert not call.stand.product.asked
    told = json.loads(call("--json").stdout)
    assert {"name", "requirements", "critical", "asks", "seconds"} == {*told["tests"][0]}
    assert told["bound_seconds"] < 300


def test_all_that_passes_is_written_down(call: Called) -> None:
    """Exit code 0; every result stands in a journal that verifies, and no secret in it."""
    said = call("--execute", "--json")
    assert said.exit_code == ExitCode.DONE, said.output
    told = json.loads(said.stdout)
    assert told["decision"] == "continue"
    assert all(result["passed"] for result in told["results"])
    journal = call.journal
    assert journal.verify() == []
    note = next(entry for entry in journal.entries() if entry.kind == "step.note")
    assert note.data["results"] == told["results"]
    assert KEY not in repr(journal.entries()) + said.output


def test_a_critical_failure_ends_with_1(call: Called) -> None:
    """The message says what was asked, what came, what is allowed, and to roll back."""
    call.stand.product.faults.add("prover down")
    said = call("--execute")
    assert said.exit_code == ExitCode.FAILED
    assert "asked GET https://integration.example.com/prove/health" in said.output
    assert "came status 500; allowed status 200 (SMOKE-01)" in said.output
    assert "roll the release back (SMOKE-07)" in said.output


def test_lesser_failures_wait_for_a_person(call: Called) -> None:
    """Exit code 3 until somebody decides; the decision and its reason are on record."""
    call.stand.product.faults.add("no X-Frame-Options")
    said = call("--execute")
    assert said.exit_code == ExitCode.PENDING, said.output
    assert "a person decides" in said.stdout
    said = call("--execute", "--go-on-because", "the header comes with the next release")
    assert said.exit_code == ExitCode.DONE, said.output
    last = [entry for entry in call.journal.entries() if "answer" in entry.data][-1]
    assert last.data["why"] == "the header comes with the next release"


def test_results_that_change_fail(call: Called) -> None:
    """The same is asked again; a product that only works at times does not pass (SMOKE-06)."""
    said = call("--execute", "--runs", "2")
    assert said.exit_code == ExitCode.DONE, said.output
    call.stand.product.faults.add("forgets at times")
    said = call("--execute", "--runs", "2", "--json")
    assert said.exit_code == ExitCode.FAILED, said.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--address", "http://slipway.example.com"), "SMOKE-01"),
        (("--address", "slipway"), "is no address"),
        (("--address", "https://user:word@127.0.0.1"), "would be printed"),
        (("--side", "api-red"), "there are: api-blue, api-green"),
    ],
)
def test_what_cannot_be_asked_is_refused(words: tuple[str, ...], said: str) -> None:
    """Exit code 2, with what is allowed."""
    result = CliRunner().invoke(app, ["release", "smoke", "staging", *words])
    assert result.exit_code == ExitCode.USAGE
    assert said in result.output


def test_a_side_that_nothing_leads_to_is_refused() -> None:
    """Development has no rules for single sides, and the message says which key gives them."""
    result = CliRunner().invoke(app, ["release", "smoke", "development", "--side", "api-green"])
    assert result.exit_code == ExitCode.USAGE
    assert "slipway:smoke.sideHeader in Pulumi.development.yaml" in result.output


def test_a_missing_secret_is_told(call: Called) -> None:
    """The tests that need it fail, the others are made."""
    content = content_of("integration")
    node = call.stand.environment.solana.rpc_urls[0].replace("127.0.0.1", "127.1")
    write(call.folder, "integration", changed(content, "solana.rpcUrls", [node]))
    said = call("--execute", "--json")
    told = {each["name"]: each for each in json.loads(said.stdout)["results"]}
    assert told["health api"]["passed"]
    assert "GetSecretValue" in told["authentication"]["advice"]


def test_the_products_own_commands_are_run(call: Called) -> None:
    """In the project's folder, told where to ask; what fails says its last line."""
    script = call.folder / "check.py"
    script.write_text(
        "import os\nprint('at', os.environ['SLIPWAY_ADDRESS'])\n"
        "raise SystemExit('AWS_SECRET_ACCESS_KEY' in os.environ)\n"
    )
    path = call.folder / "Pulumi.integration.yaml"
    content = path.read_text()
    own = "\n    commands: {own: {command: [python3, check.py]}}\n    journeys:"
    path.write_text(content.replace("\n    journeys:", own))
    said = call("--execute", "--json")
    own_result = next(it for it in json.loads(said.stdout)["results"] if it["name"] == "own")
    assert own_result["came"] == f"exit code 0: at {call.stand.address}"
    script.write_text("raise SystemExit('no proof was made')\n")
    said = call("--execute", "--json")
    assert said.exit_code == ExitCode.FAILED
    own_result = next(it for it in json.loads(said.stdout)["results"] if it["name"] == "own")
    assert own_result["came"] == "exit code 1: no proof was made"
