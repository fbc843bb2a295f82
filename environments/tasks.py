"""What runs once, inside the private network: migrations, checks of data, the review of keys."""

from typing import Annotated

from pydantic import Field

from environments.record import ImageByDigest, Record


class Tasks(Record):
    """The one-off tasks of an environment; its stack declares them, scripts start them."""

    image: ImageByDigest
    """One image for all of them: its entry point is told the task's name, and `migrate` what to do
    besides."""
    cpu: Annotated[int, Field(ge=256)] = 512
    memory: Annotated[int, Field(ge=512)] = 1024
