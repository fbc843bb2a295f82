"""What AWS Backup covers, by reference, pattern or tag, and where its copies go."""

from typing import Final

from plan.graph import Graph
from plan.values import leaves
from policies.nodes import Node, Subject
from policies.outcomes import (
    MISS,
    PASS,
    Fail,
    NotEvaluated,
    Outcome,
    UnknownValueError,
    met,
    some,
)
from policies.patterns import fits
from policies.regions import region_in, region_of
from policies.relations import tag, targets

PLAN: Final = "aws:backup/plan:Plan"
VAULT: Final = "aws:backup/vault:Vault"
SELECTION: Final = "aws:backup/selection:Selection"


def selected(subject: Subject, graph: Graph, arn: str, message: str) -> Outcome:
    """Pass if a selection of a backup plan covers `subject`, else fail with `message`.

    `arn` is what the ARN of each such resource looks like, for the patterns of a selection.
    """
    found = [outcome for _, outcome in selections(subject, graph, arn)]
    return some(found, lambda outcome: outcome, message)


def selections(subject: Subject, graph: Graph, arn: str) -> list[tuple[Subject, Outcome]]:
    """The selections that may cover `subject`, each with whether it does."""
    naming = graph.referrers(subject.resource, SELECTION, key="resources")
    return [
        (selection, _selects(selection, subject, graph, arn))
        for selection in [Subject(one) for one in naming] + graph.once(_open_selections)
    ]


def goes_abroad(copy: Node, plan: Subject, graph: Graph) -> Outcome:
    """Pass if a copy action of a rule of `plan` puts the backups into another region."""
    home = region_of(plan, graph)
    try:
        places = {region_in(copy.text("destinationVaultArn") or "")}
    except UnknownValueError:
        # Of the vaults that the rules name, one is where the backups start.
        places = {
            region_of(vault, graph) for vault in targets(plan.resource, graph, "rules", [VAULT])
        }
    if home is None or not places or None in places:
        return NotEvaluated(f"the region of {copy.at('destinationVaultArn')} is not known")
    return met(places - {home, ""})


def _open_selections(graph: Graph) -> list[Subject]:
    """The selections that may cover what they do not refer to, by tag or pattern."""
    return [
        Subject(one)
        for one in graph.of_type(SELECTION)
        if one.inputs.get("selectionTags")
        or graph.has_unresolved(one, "resources")
        or any(
            isinstance(item, str) and "*" in item for _, item in leaves(one.inputs.get("resources"))
        )
    ]


def _selects(selection: Subject, subject: Subject, graph: Graph, arn: str) -> Outcome:
    excluded = _names(selection, "notResources", subject, graph, arn)
    if not isinstance(excluded, Fail):
        return MISS if excluded == PASS else excluded

    def has_tag(wanted: Node) -> Outcome:
        found = tag(subject, graph, wanted.text("key") or "")
        return met(found is not None and found == wanted.text("value"))

    return some(
        [
            _names(selection, "resources", subject, graph, arn),
            some(selection.each("selectionTags"), has_tag),
        ],
        lambda outcome: outcome,
    )


def _names(selection: Subject, key: str, subject: Subject, graph: Graph, arn: str) -> Outcome:
    """Whether the list under `key` holds the ARN of `subject`, or a pattern of it."""
    referred = graph.references(selection.resource, key)
    if subject.resource in referred:
        return PASS

    def matches(item: Node) -> Outcome:
        try:
            pattern = item.as_text()
        except UnknownValueError:
            if referred:
                return MISS
            raise
        return met(fits(arn, pattern))

    return some(selection.each(key), matches)
