"""A job serves a sentence only while all that the sentence asks is found in the workflows."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from preview.commands.trace import trace_project
from preview.pipeline import PROOFS, Pipeline, read_pipeline
from preview.proofs import Proof
from preview.trace import Means
from preview.workflows import WORKFLOWS
from standards import requirement
from tests.conftest import PROJECT

PIPELINE = read_pipeline(PROJECT)
CITED = re.compile(r"\b[A-Z]{2,5}-\d\d\b")

each_proof = pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.requirement)


def copy(folder: Path) -> Path:
    """The files of this project that a pipeline is read from, in `folder`."""
    shutil.copytree(PROJECT / WORKFLOWS, folder / WORKFLOWS)
    for file in PROJECT.glob("Pulumi*.yaml"):
        shutil.copy(file, folder)
    return folder


@each_proof
def test_what_is_claimed_of_the_workflows_holds(proof: Proof[Pipeline]) -> None:
    """Every sentence that the workflows cite is served by them, in tiers that it names."""
    assert list(proof.missing(PIPELINE)) == []
    assert set(proof.environments) <= set(requirement(proof.requirement).environments)


@each_proof
def test_taking_the_job_away_takes_the_service_away(proof: Proof[Pipeline]) -> None:
    """No job, no service; nor where it does nothing, or passes whatever happens."""
    job = PIPELINE.jobs[proof.name]
    without = {name: each for name, each in PIPELINE.jobs.items() if name != proof.name}
    idle = {**PIPELINE.jobs, proof.name: replace(job, commands=())}
    careless = {**PIPELINE.jobs, proof.name: replace(job, goes_on=True)}
    for jobs in (without, idle, careless):
        assert list(proof.missing(replace(PIPELINE, jobs=jobs)))


def test_no_sentence_is_only_cited() -> None:
    """Each id in a workflow has a proof that looks at a job of it, and the other way round."""
    called = {"apply.yaml", "smoke.yaml"}
    for path in sorted((PROJECT / WORKFLOWS).iterdir()):
        cited = set(CITED.findall(path.read_text(encoding="utf-8"))) - {"UTF-08"}
        proven = {proof.requirement for proof in PROOFS if proof.name.startswith(path.name)}
        if path.name in called:
            assert cited <= {proof.requirement for proof in PROOFS if "." in proof.name[12:]}
        else:
            assert cited <= {proof.requirement for proof in PROOFS}, path.name
            parts = {
                proof.requirement
                for proof in PROOFS
                if proof.name.endswith((".apply", ".verify", ".tests"))
            }
            assert proven - parts <= cited, path.name
    texts = " ".join(path.read_text("utf-8") for path in (PROJECT / WORKFLOWS).iterdir())
    assert {proof.requirement for proof in PROOFS} == set(CITED.findall(texts))


@pytest.mark.parametrize(
    ("identifier", "file", "before", "after"),
    [
        ("ENV-01", "deploy.yaml", "needs: integration", "needs: scan"),
        ("ENV-04", "deploy.yaml", "branches: [develop]", "branches: [develop, main]"),
        ("ENV-04", "production.yaml", "  push:\n", "  workflow_dispatch:\n  push:\n"),
        ("ENV-05", "apply.yaml", "environment: ${{ inputs.environment }}", "environment: ci"),
        ("IAC-03", "deploy.yaml", "tools.ci.reviewed", "tools.ci.review"),
        ("IAC-03", "tests.yaml", "  pull_request:\n", "  pull_request:\n    paths: [docs]\n"),
        ("IAC-04", "deploy.yaml", "make policies", "make docs"),
        ("IAC-04", "apply.yaml", "cancel-in-progress: false", "cancel-in-progress: true"),
        ("IAC-05", "drift.yaml", "{ environment: staging, branch: develop }", "{}"),
        ("IAC-05", "drift.yaml", "${{ failure() }}", "${{ success() }}"),
        ("PIPE-02", "apply.yaml", "tools.ci.verify", "tools.ci.target"),
        ("PIPE-04", "deploy.yaml", "needs: build", "needs: []"),
        ("PIPE-07", "production.yaml", "tools.ci.promoted", "tools.ci.target"),
        ("PIPE-08", "production.yaml", "approved: true", "approved: false"),
        (
            "PIPE-09",
            "apply.yaml",
            "    needs: apply\n",
            "    needs: apply\n    if: ${{ always() }}\n",
        ),
        ("PIPE-09", "production.yaml", "needs: production\n", "needs: plan\n"),
        ("POST-04", "watch.yaml", "{ environment: production, branch: main }", "{}"),
        ("POST-04", "watch.yaml", "  schedule:\n", "  push:\n"),
        ("POST-04", "watch.yaml", "slipway cutover watch", "slipway cutover status"),
        ("SMOKE-11", "smoke.yaml", "slipway release smoke", "slipway release --help"),
        ("SMOKE-11", "deploy.yaml", "needs: staging\n", "needs: integration\n"),
        (
            "SEC-01",
            "deploy.yaml",
            "run: make audit",
            "run: make audit\n        if: ${{ failure() }}",
        ),
    ],
)
def test_a_change_of_a_workflow_is_found(
    identifier: str, file: str, before: str, after: str, tmp_path: Path
) -> None:
    """What takes a sentence's service away, in an order, a branch or a command, shows."""
    folder = copy(tmp_path)
    path = folder / WORKFLOWS / file
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")
    changed = read_pipeline(folder)
    found = [proof for proof in PROOFS if proof.requirement == identifier]
    assert found
    assert all(list(proof.missing(changed)) for proof in found)


def test_the_trace_counts_a_proven_job_and_no_other(tmp_path: Path) -> None:
    """The trace of the project names the job; that of one without workflows does not."""
    asked = [requirement("PIPE-07")]
    folder = copy(tmp_path)
    (folder / "__main__.py").touch()
    (served,) = trace_project(asked, folder)
    assert [(one.by, one.name) for one in served.served_by] == [
        (Means.WORKFLOW, "production.yaml gate")
    ]
    shutil.rmtree(folder / WORKFLOWS)
    (unserved,) = trace_project(asked, folder)
    assert unserved.served_by == ()
