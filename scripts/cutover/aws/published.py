"""What the stack says of an environment, read where it published it."""

from typing import Final

from pydantic import ValidationError

from environments.published import Published
from scripts.exits import CommandError, ExitCode
from scripts.runs.aws import Api, AwsError

_MISSING: Final = "ParameterNotFound"


class PublishedError(CommandError):
    """An environment that says nothing of itself, or something else than is understood."""

    code = ExitCode.USAGE


def read_published(ssm: Api, environment: str) -> Published:
    """What the stack of `environment` published.

    Raises:
        PublishedError: there is no such record, or it is none of this version.
    """
    name = Published.parameter(environment)
    try:
        answer = ssm("get_parameter", on=f"parameter {name}", Name=name)
    except AwsError as error:
        if error.error != _MISSING:
            raise
        raise PublishedError(
            f"parameter {name} is not there: its stack was not applied yet, or credentials and "
            f"region are another account's. Apply {environment} first"
        ) from None
    try:
        published = Published.model_validate_json(answer["Parameter"]["Value"])
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "all of it"
        raise PublishedError(
            f"parameter {name}: {place}: {first['msg']}. It was published by another version of "
            f"slipway: apply {environment} with this one first"
        ) from None
    if published.environment != environment:
        raise PublishedError(
            f"parameter {name} is of {published.environment}: apply {environment} to mend it"
        )
    return published
