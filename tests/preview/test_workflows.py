"""Workflows are read as GitHub runs them: calls stand for the jobs that they call."""

from pathlib import Path

from preview.workflows import WORKFLOWS, Job, read_jobs

CALLED = """
on:
  workflow_call:
    inputs: {where: {type: string}}
jobs:
  go:
    environment: ${{ inputs.where }}
    concurrency: {group: "go-${{ inputs.where }}", cancel-in-progress: true}
    permissions: {contents: read}
    steps:
      - run: go ${{ inputs.where }}
      - run: now and then
        if: ${{ failure() }}
  look:
    needs: go
    steps:
      - uses: some/action@1
        with: {name: kept}
"""
CALLS = """
on:
  push: {branches: [trunk]}
jobs:
  first:
    steps: [{run: one, continue-on-error: true}]
  here:
    needs: [first]
    uses: ./.github/workflows/called.yaml
    with: {where: near}
  last:
    needs: here
    if: ${{ always() }}
    steps: [{run: three}]
"""


def jobs(folder: Path) -> dict[str, Job]:
    """The jobs of the two workflows above."""
    (folder / WORKFLOWS).mkdir(parents=True)
    (folder / WORKFLOWS / "called.yaml").write_text(CALLED, encoding="utf-8")
    (folder / WORKFLOWS / "calls.yaml").write_text(CALLS, encoding="utf-8")
    return read_jobs(folder)


def test_a_call_stands_for_the_jobs_that_it_calls(tmp_path: Path) -> None:
    """They have the caller's trigger, inputs and predecessors, and come before its successors."""
    found = jobs(tmp_path)
    first, go, look, last = found.values()
    assert list(found) == [
        "calls.yaml first",
        "calls.yaml here.go",
        "calls.yaml here.look",
        "calls.yaml last",
    ]
    assert go.branches("push") == ("trunk",)
    assert (go.environment, go.group, go.cancels) == ("near", "go-near", True)
    assert go.permissions == {"contents": "read"}
    assert go.needs == {"calls.yaml first"}
    assert look.needs == {"calls.yaml first", "calls.yaml here.go"}
    assert last.needs == {*look.needs, "calls.yaml here.look"}
    assert last.condition == "${{ always() }}"
    assert first.goes_on
    assert not go.goes_on


def test_only_what_a_job_always_does_counts(tmp_path: Path) -> None:
    """A step under a condition may never run; an action counts with what it is given."""
    found = jobs(tmp_path)
    assert found["calls.yaml here.go"].commands == ("go near",)
    assert found["calls.yaml here.look"].runs("kept")


def test_a_project_without_workflows_has_no_jobs(tmp_path: Path) -> None:
    """There is nothing to read, and nothing to complain of."""
    assert read_jobs(tmp_path) == {}
