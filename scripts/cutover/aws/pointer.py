"""The frontend: its files lie in a folder for each release, and one key says which is in use.

It moves at once, for everybody: there are no shares between 0 and 100. CloudFront has the new value
everywhere within seconds; what is read back is what its store says. Old releases keep their files,
so that nothing is retired and the way back is one write.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from environments.published import PublishedFrontend
from scripts.cutover.aws.permissions import Need, Permissions
from scripts.cutover.aws.sides import NotYetError
from scripts.cutover.planning.steps import ALL
from scripts.exits import CommandError
from scripts.runs.aws import Api, AwsError
from standards import figure

RELEASE: Final = "release"
"""The key that the CDN's function reads; the stack makes it."""
PREVIOUS: Final = "previous"
"""The key that keeps what it said before."""
_CONFLICT: Final = "ConflictException"


class PointerSides:
    """The release of the frontend that is in use, and the one that is to be."""

    def __init__(  # noqa: PLR0913 - each is a property of the frontend
        self,
        name: str,
        record: PublishedFrontend,
        release: str,
        *,
        store: Api,
        s3: Api,
        permissions: Permissions,
        before: str | None = None,
    ) -> None:
        self.name: Final = name
        self._record: Final = record
        self._release: Final = release
        self._store: Final = store
        self._s3: Final = s3
        self._permissions: Final = permissions
        self._before: Final = before
        self._on: Final = f"the release pointer of {name} ({record.release_store})"

    @property
    def releases(self) -> tuple[str, str]:
        """The release that is in use before the cutover, and the new one."""
        if self._before:
            return self._before, self._release
        keys = self._keys()
        said = keys.get(RELEASE, "")
        return (keys.get(PREVIOUS, said) if said == self._release else said), self._release

    def size(self) -> int:
        """A CDN has no instances that anybody counts: as many as the standards ask for."""
        return figure("SVC-01", "instances_min_count").count

    def scale(self, instances: int) -> None:
        """Nothing: the release has its files, or it is not healthy."""

    def healthy(self, *, is_new: bool) -> int:
        """All, where the first page of the release is in the bucket; none otherwise."""
        return self.size() if self._is_there(self.releases[is_new]) else 0

    def set_weight(self, weight: int) -> None:
        """Point to the new release, or back to the old one; what it said before is kept beside.

        Raises:
            NotYetError: that release has no files, or somebody else writes there just now.
            CommandError: a weight between the two.
        """
        if weight not in {0, ALL}:
            raise CommandError(
                f"{self.name}: all browsers get the same release; its weights are 0 and {ALL}, "
                f"not {weight}"
            )
        release = self.releases[weight == ALL]
        if not self._is_there(release):
            raise NotYetError(f"{self.name}: {release} has no files in {self._record.bucket}")
        arn = self._record.release_store
        said = self._keys().get(RELEASE)
        if said == release:
            return
        etag = self._store("describe_key_value_store", on=self._on, KvsARN=arn)["ETag"]
        puts = [{"Key": RELEASE, "Value": release}]
        puts += [{"Key": PREVIOUS, "Value": said}] if said else []
        try:
            self._store("update_keys", on=self._on, KvsARN=arn, IfMatch=etag, Puts=puts)
        except AwsError as error:
            if error.error != _CONFLICT:
                raise
            raise NotYetError(f"{self.name}: somebody else writes to {arn}") from None

    def weight(self) -> int:
        """100 where the store says the new release, and 0 where it says the old one.

        Raises:
            CommandError: it says another one: somebody else changed it.
        """
        old, new = self.releases
        said = self._keys().get(RELEASE)
        if said == new:
            return ALL
        if said == old:
            return 0
        raise CommandError(
            f"{self.name}: release {said} is in use, neither {old} nor {new}: somebody else "
            "changed it. Roll back, which sets the old one"
        )

    def retire(self, *, is_new: bool) -> None:
        """Nothing: files of a release that is not in use cost little, and a rollback needs them."""

    def is_retired(self, *, is_new: bool) -> bool:  # noqa: ARG002 - as all sides have it
        """Always: a release without traffic runs nowhere."""
        return True

    def refusals(self) -> Sequence[str]:
        """Why a cutover cannot start here, each with what to do: reads only."""
        try:
            return list(self._refusals())
        except CommandError as error:  # such as a read that is not permitted
            return [str(error)]

    def _refusals(self) -> Iterator[str]:
        old, new = self.releases
        said = self._keys().get(RELEASE)
        if said == new:
            yield f"{self.name}: release {new} is in use already: a cutover needs another one"
        elif said != old:
            yield f"{self.name}: release {said} is in use, and {old} was planned for: plan it again"
        for release in dict.fromkeys((old, new)):
            if not self._is_there(release):
                yield (
                    f"{self.name}: release {release} has no {_page(release)} in "
                    f"{self._record.bucket}: upload it first, a rollback needs the old one, too"
                )
        yield from self._permissions.denied(self.name, self.needs())

    def needs(self) -> Iterator[Need]:
        """What it is read and changed with."""
        for call in ("DescribeKeyValueStore", "ListKeys", "UpdateKeys"):
            yield Need(f"cloudfront-keyvaluestore:{call}", self._record.release_store)
        yield Need("s3:ListBucket", f"arn:{self._partition}:s3:::{self._record.bucket}")

    @property
    def _partition(self) -> str:
        return self._record.release_store.split(":")[1]

    def _keys(self) -> dict[str, str]:
        pages = self._store("list_keys", on=self._on, KvsARN=self._record.release_store)
        return {item["Key"]: item["Value"] for item in pages.get("Items", [])}

    def _is_there(self, release: str) -> bool:
        """Listed, not read: whoever releases need not be able to decrypt the files."""
        page = _page(release)
        found = self._s3(
            "list_objects_v2",
            on=f"bucket {self._record.bucket}",
            Bucket=self._record.bucket,
            Prefix=page,
            MaxKeys=1,
        )
        return any(each["Key"] == page for each in found.get("Contents", []))


def _page(release: str) -> str:
    return f"releases/{release}/index.html"
