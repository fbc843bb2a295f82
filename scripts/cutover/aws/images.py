"""Images by digest, and the revision of a task definition that runs one."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from scripts.exits import CommandError, ExitCode
from scripts.runs.aws import Api

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_ECR: Final = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/"
    r"(?P<repository>[a-z0-9._/-]+)(:[\w.-]+)?@(?P<digest>sha256:[0-9a-f]{64})"
)


class ReleaseError(CommandError):
    """A release that cannot be moved to."""

    code = ExitCode.USAGE


class Pulled(NamedTuple):
    """Where an image lies in ECR."""

    account: str
    repository: str
    digest: str


def pulled(image: str) -> Pulled | None:
    """Where `image` lies in ECR, if it is named by its digest there."""
    found = _ECR.fullmatch(image)
    return Pulled(found["account"], found["repository"], found["digest"]) if found else None


def release_of(image: str) -> str:
    """The digest in `image`, which is one alone or behind a repository.

    Raises:
        ReleaseError: it is named otherwise, such as by a tag.
    """
    digest = image.rpartition("@")[2]
    if not _DIGEST.fullmatch(digest):
        raise ReleaseError(
            f"{image} is no image by digest: write sha256: and its 64 digits, alone or behind its "
            "repository and @; a tag can be moved (ART-02)"
        )
    return digest


@dataclass(frozen=True)
class Definitions:
    """The task definitions of one service, of which one container is the service itself."""

    ecs: Api
    container: str

    def image(self, definition: Mapping[str, Any]) -> str:
        """The image that `definition` runs."""
        return str(self._own(definition)["image"])

    def has_health_check(self, revision: str) -> bool:
        """Whether the container of `revision` asks itself whether it is well."""
        return bool(self._own(self.read(revision)).get("healthCheck"))

    def read(self, revision: str) -> Mapping[str, Any]:
        """The task definition `revision`, by ARN; its tags are beside it."""
        answer = self.ecs(
            "describe_task_definition",
            on=f"task definition {revision}",
            taskDefinition=revision,
            include=["TAGS"],
        )
        return {**answer["taskDefinition"], "tags": answer.get("tags", [])}

    def with_release(self, family: str, release: str) -> str:
        """The ARN of a revision of `family` that runs `release`, registered where there is none.

        It is the newest revision with another image: what the stack declared since the last
        release reaches the service with this one. The same call again finds what it registered.
        """
        newest = self.read(family)
        own = self._own(newest)
        if own["image"].rpartition("@")[2] == release:
            return str(newest["taskDefinitionArn"])
        repository = re.sub(r"(:[\w.-]+)?(@.*)?$", "", own["image"])
        changed = [
            {**each, "image": f"{repository}@{release}"} if each is own else each
            for each in newest["containerDefinitions"]
        ]
        taken = {
            name: value
            for name, value in newest.items()
            if name in self.ecs.arguments("register_task_definition") and value not in ([], None)
        }
        tags = [tag for tag in newest["tags"] if not tag["key"].startswith("aws:")]
        answer = self.ecs(
            "register_task_definition",
            on=f"task definition {family}",
            **{**taken, "containerDefinitions": changed, "tags": tags}
            if tags
            else {**taken, "containerDefinitions": changed},
        )
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def differences(self, before: str, family: str) -> Sequence[str]:
        """The settings in which the newest revision of `family` differs from `before`.

        By name alone, as a plan may show them; the image is none of them.
        """
        old, new = self.read(before), self.read(family)
        names = {
            name
            for name in self.ecs.arguments("register_task_definition")
            if name not in {"containerDefinitions", "tags"} and old.get(name) != new.get(name)
        }
        mine, its = self._own(old), self._own(new)
        names |= {
            f"{self.container}: {name}"
            for name in {*mine, *its} - {"image", "environment", "secrets"}
            if mine.get(name) != its.get(name)
        }
        for kind in ("environment", "secrets"):
            one, other = _by_name(mine, kind), _by_name(its, kind)
            names |= {
                f"{self.container}: {kind} {name}"
                for name in {*one, *other}
                if one.get(name) != other.get(name)
            }
        return sorted(names)

    def _own(self, definition: Mapping[str, Any]) -> Mapping[str, Any]:
        containers = definition["containerDefinitions"]
        for container in containers:
            if container["name"] == self.container:
                return container
        there = ", ".join(each["name"] for each in containers)
        raise ReleaseError(
            f"task definition {definition['taskDefinitionArn']} has no container "
            f"{self.container}, which the stack calls as its service; there are: {there}"
        )


def _by_name(container: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {each["name"]: each for each in container.get(kind, [])}
