"""What is wrong with a file that should hold a plan."""

from typing import Final

from pydantic import ValidationError

from plan.values import path_text

# What JSON calls the types that pydantic's errors name.
_EXPECTED: Final = {
    "model_type": "an object",
    "dict_type": "an object",
    "list_type": "an array",
    "string_type": "a string",
    "string_too_short": "a string",
    "bool_type": "a boolean",
    "int_type": "a whole number",
}


class PlanFileError(Exception):
    """A file is no plan that can be read: which file, where in it, what is expected, what next."""

    def __init__(self, name: str, problem: str, where: str = "", hint: str = "") -> None:
        self.name = name
        self.where = where
        self.problem = problem
        place = f"{name}: {where}" if where else name
        super().__init__(f"{place}: {problem}{f'; {hint}' if hint else ''}")


def shape_error(error: ValidationError, name: str, hint: str) -> PlanFileError:
    """The first thing wrong with the file; values stay out of it, as one may be a secret."""
    first, *more = error.errors(include_url=False, include_context=False)
    match first["type"]:
        case "missing":
            problem = "is missing"
        case "string_pattern_mismatch":
            problem = "is not of the form that Pulumi gives it"
        case kind if kind in _EXPECTED:
            problem = f"should be {_EXPECTED[kind]}, not {json_kind(first['input'])}"
        case _:
            problem = first["msg"].replace("Input should", "should")
    if more:
        problem += f" (and {len(more)} more)"
    return PlanFileError(name, problem, path_text(first["loc"]), hint)


def json_kind(value: object) -> str:
    """What JSON calls the kind of `value`."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string" if value else "an empty string"
        case list():
            return "an array"
        case _:
            return "an object"
