"""What these tests have in common with those of the commands as a whole."""

from tests.scripts.cutover.test_commands import project

__all__ = ["project"]
