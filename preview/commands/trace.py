"""`slipway trace`: what serves each requirement of the standards, and what has nothing yet."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from environments import Environment, Foundation, foundations, load_foundation, names
from policies.configuration import settings_by_rule
from policies.judgement import Judgement, judge
from policies.registry import rules
from preview.documents import serving_pages
from preview.environment import evaluate_environment, read_environment
from preview.pipeline import serving_jobs
from preview.project import find_project
from preview.reports import trace as reports
from preview.trace import Serving, Traced, trace
from standards import Requirement, Tier, UnknownRequirementError, requirement, requirements


def trace_command(
    asked: Sequence[str],
    *,
    as_json: bool = False,
    as_markdown: bool = False,
    acting: Iterable[Serving] = (),
) -> int:
    """Print what serves the requirements `asked` (ids or themes, none: all); the exit code.

    `acting` is what the commands that act serve, which only their own room knows.
    """
    chosen = choose(asked)
    traced = trace_project(chosen, find_project(Path.cwd()), acting)
    if as_json:
        text = reports.json_text(traced)
    elif as_markdown:
        text = reports.markdown(traced)
    else:
        # A sentence is worth its lines where it is asked for by its id; a theme is a list.
        text = reports.terminal(traced, detailed=bool(asked) and all("-" in one for one in asked))
    sys.stdout.write(text)
    return 0


def choose(asked: Sequence[str]) -> list[Requirement]:
    """The requirements with the ids, or of the themes, `asked`; all of them where none is.

    Raises:
        UnknownRequirementError: neither an id nor a theme; the message names the closest.
    """
    known = requirements()
    if not asked:
        return list(known.values())
    chosen: dict[str, Requirement] = {}
    for name in asked:
        theme = [each for each in known.values() if each.theme == name.upper()]
        if not theme and "-" not in name:
            themes = ", ".join(dict.fromkeys(each.theme for each in known.values()))
            raise UnknownRequirementError(f"no requirement or theme {name!r}; themes: {themes}")
        for each in theme or [requirement(name.upper())]:
            chosen[each.id] = each
    return list(chosen.values())


def trace_project(
    chosen: Sequence[Requirement], folder: Path, acting: Iterable[Serving] = ()
) -> list[Traced]:
    """What serves the requirements `chosen` in the project in `folder`, by its commands too."""
    pack = rules().values()

    def judged(stack: Environment | Foundation) -> Judgement:
        plan = evaluate_environment(stack, folder)
        return judge(plan, pack, settings_by_rule(pack, stack.tier))

    judgements: dict[Tier, list[Judgement]] = {}
    traced: dict[str, Tier] = {}
    for name in names(folder):
        environment = read_environment(name, folder)
        if environment.tier not in judgements:
            judgements[environment.tier] = [judged(environment)]
            traced[name] = environment.tier
    for name in foundations(folder):
        foundation = load_foundation(name, folder)
        carried = [traced[one.name] for one in foundation.environments if one.name in traced]
        if carried:
            judgement = judged(foundation)
            for tier in carried:
                judgements[tier].append(judgement)
    others = [*serving_jobs(folder), *serving_pages(folder), *acting]
    return trace(chosen, pack, judgements, others)
