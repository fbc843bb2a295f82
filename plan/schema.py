"""The shape of a plan file, version 1: what `docs/plan.md` describes and a reader checks.

`python -m plan.schema > docs/plan.schema.json` writes its JSON schema.
"""

import json
import sys
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Text = Annotated[str, Field(min_length=1)]
# A value of a property is any JSON: the reader looks no further than the paths that point into it.
Values = dict[str, Any]


class Entry(BaseModel):
    """An object of the file; keys that a later release adds are passed over."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        use_attribute_docstrings=True,  # the JSON Schema that is published has them
    )


class SourceEntry(Entry):
    """The line of the program that declares a resource."""

    file: Text
    """The file, relative to the project."""
    line: Annotated[int, Field(ge=1)]


class FigureEntry(Entry):
    """A figure of the standards that stands in an input."""

    path: Text
    """The property path of the input."""
    requirement: Text
    """The id of the requirement whose figure it is."""
    key: Text
    """The figure's key in the requirement's `values`."""


class OptionsEntry(Entry):
    """Pulumi's resource options; one that is not set is left out."""

    protect: bool = False
    ignore_changes: list[str] = []
    replace_on_changes: list[str] = []
    delete_before_replace: bool | None = None
    retain_on_delete: bool = False
    aliases: list[str] = []
    additional_secret_outputs: list[str] = []
    custom_timeouts: dict[str, str] = {}
    deleted_with: Text | None = None
    import_id: Text | None = None
    version: Text | None = None
    plugin_download_url: Text | None = None


class ResourceEntry(Entry):
    """One resource, as the engine sees it."""

    urn: Text
    type: Text
    """The type token, such as `aws:s3/bucket:Bucket`."""
    name: Text
    parent: Text | None = None
    """The URN of the parent."""
    provider: Text | None = None
    """The URN and id of the provider; null for a component."""
    inputs: Values
    """The inputs in camelCase: null where unknown, "[secret]" where secret."""
    outputs: Values | None = None
    """The outputs, written like the inputs; null where none are known."""
    options: OptionsEntry = OptionsEntry()
    dependencies: list[Text] = []
    """The URNs that the resource depends on."""
    property_dependencies: dict[str, list[Text]] = {}
    """For an input, the URNs that its value comes from."""
    secrets: list[Text] = []
    """The property paths of the inputs that are secret."""
    unknowns: list[Text] = []
    """The property paths of the inputs that are known only after an apply."""
    output_secrets: list[Text] = []
    """The same for the outputs; left out where there are none."""
    output_unknowns: list[Text] = []
    """The same for the outputs; left out where there are none."""
    figures: list[FigureEntry] = []
    """The figures of the standards that inputs are built from."""
    source: SourceEntry | None = None


class PlanEntry(Entry):
    """The resources that a program declares for one stack."""

    version: Literal[1]
    """The version of this format."""
    project: Text
    stack: Text
    complete: bool = True
    """Whether every resource of the stack is listed, so that an absence proves something."""
    warnings: list[str] = []
    """What could not be known."""
    resources: list[ResourceEntry]
    """Parents before children."""


def schema() -> str:
    """The JSON schema of a plan file (draft 2020-12), as JSON text."""
    document = PlanEntry.model_json_schema() | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Slipway plan",
    }
    return json.dumps(document, indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema())
