"""The JSON schema of a rule's settings."""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from policies.configuration import names_of
from policies.settings import Settings
from standards.figures import Ratio, Whole


def schema_of(settings: type[Settings]) -> dict[str, dict[str, Any]]:
    """The JSON schema of each setting that a configuration may give."""
    schema = settings.model_json_schema(schema_generator=_Schema)
    return {name: schema["properties"][name] for name in names_of(settings)}


class _Schema(GenerateJsonSchema):
    """The JSON schema of settings whose default is a standard's figure, of a class of its own."""

    def encode_default(self, dft: Any) -> Any:  # noqa: ANN401 - as pydantic declares it
        match dft:
            case Whole():
                return int(dft)
            case Ratio():
                return float(dft)
            case _:
                return super().encode_default(dft)
