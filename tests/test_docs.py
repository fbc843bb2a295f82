"""What is generated in `docs/` is what the code says today; `make docs` brings it up to date."""

from pathlib import Path

from policies.pages import pages
from policies.registry import PAGES

ROOT = Path(__file__).parents[1]


def test_the_pages_of_the_rules_are_current() -> None:
    """A page a rule, none of a rule that is no more, and each as the rule is."""
    made = pages()
    there = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / PAGES).iterdir()}
    assert sorted(there) == sorted(made), "run `make docs`"
    assert [name for name in made if made[name] != there[name]] == [], "run `make docs`"
