"""Journals and leases in a DynamoDB table: for a team.

The table's partition key is `journal`, its sort key `item`, both text. Items: `lease`, `head`, and
`entry#` with the sequence number in twelve digits. Every read is consistent; an entry and the head
are written in one transaction, on condition of the lease's token and of where the journal ends.
"""

from collections.abc import Iterator
from typing import Any, Final, Protocol

from scripts.runs.journal import EMPTY, Entry, Head, JournalError
from scripts.runs.lease import Lease, lost

_CONDITION: Final = "ConditionalCheckFailed"


class DynamoDbClient(Protocol):
    """The calls of boto3's DynamoDB client that a store makes."""

    @property
    def exceptions(self) -> Any:  # noqa: ANN401 - boto3 makes the classes at run time
        """The service's errors."""
        ...

    def get_item(self, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - as boto3 has it
        """Read an item."""
        ...

    def put_item(self, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401
        """Write an item."""
        ...

    def query(self, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401
        """Read a page of items."""
        ...

    def transact_write_items(self, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401
        """Write several items or none."""
        ...


class DynamoDbStore:
    """A store in the table `table`."""

    def __init__(self, client: DynamoDbClient, table: str) -> None:
        self._client: Final = client
        self._table: Final = table

    def head(self, journal: str) -> Head:
        """Where `journal` ends."""
        item = self._item(journal, "head")
        return Head(sequence=int(item["sequence"]["N"]), hash=item["hash"]["S"]) if item else EMPTY

    def entries(self, journal: str, *, newest_first: bool = False) -> Iterator[str]:
        """The texts of the journal's entries, in order, a page at a time."""
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "#journal = :journal and begins_with(#item, :entry)",
            "ExpressionAttributeNames": {"#journal": "journal", "#item": "item"},
            "ExpressionAttributeValues": {":journal": {"S": journal}, ":entry": {"S": "entry#"}},
            "ConsistentRead": True,
            "ScanIndexForward": not newest_first,
        }
        while True:
            page = self._client.query(**query)
            for item in page["Items"]:
                yield item["body"]["S"]
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def append(self, entry: Entry, *, token: int) -> None:
        """Write `entry` and the new head in one transaction, under the lease with `token`."""
        journal, first = entry.journal, entry.sequence == 1
        head: dict[str, Any] = {
            "Item": {
                **_key(journal, "head"),
                "sequence": {"N": str(entry.sequence)},
                "hash": {"S": entry.hash},
            },
            "ConditionExpression": "attribute_not_exists(#hash)" if first else "#hash = :previous",
            "ExpressionAttributeNames": {"#hash": "hash"},
        }
        if not first:
            head["ExpressionAttributeValues"] = {":previous": {"S": entry.previous}}
        under = {
            "Key": _key(journal, "lease"),
            "ConditionExpression": "#token = :token",
            "ExpressionAttributeNames": {"#token": "token"},
            "ExpressionAttributeValues": {":token": {"N": str(token)}},
        }
        written = {
            "Item": {**_key(journal, f"entry#{entry.sequence:012}"), "body": {"S": entry.text()}},
            "ConditionExpression": "attribute_not_exists(#body)",
            "ExpressionAttributeNames": {"#body": "body"},
        }
        writes = [{"ConditionCheck": under}, {"Put": written}, {"Put": head}]
        for write in writes:
            for action in write.values():
                action["TableName"] = self._table
        try:
            self._client.transact_write_items(TransactItems=writes)
        except self._client.exceptions.TransactionCanceledException as error:
            lease_failed, *others = [
                reason["Code"] == _CONDITION for reason in error.response["CancellationReasons"]
            ]
            if lease_failed:
                raise lost(journal, self.lease(journal)) from None
            if any(others):
                raise JournalError(
                    f"somebody else wrote entry {entry.sequence} of {journal} meanwhile"
                ) from None
            raise

    def lease(self, target: str) -> Lease | None:
        """The last lease on `target`, in force or not."""
        item = self._item(target, "lease")
        return Lease.model_validate_json(item["body"]["S"]) if item else None

    def replace_lease(self, old: Lease | None, new: Lease) -> bool:
        """Put `new` in the place of `old`; False, and no change, where `old` is not there."""
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(#body)"}
        if old:
            condition = {
                "ConditionExpression": "#body = :old",
                "ExpressionAttributeValues": {":old": {"S": old.model_dump_json()}},
            }
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    **_key(new.target, "lease"),
                    "token": {"N": str(new.token)},
                    "body": {"S": new.model_dump_json()},
                },
                ExpressionAttributeNames={"#body": "body"},
                **condition,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            # An answer may be lost on its way: the write is ours all the same if it is there.
            now = self.lease(new.target)
            return bool(now) and now.model_dump_json() == new.model_dump_json()
        return True

    def _item(self, journal: str, item: str) -> dict[str, Any] | None:
        read = self._client.get_item(
            TableName=self._table, Key=_key(journal, item), ConsistentRead=True
        )
        return read.get("Item")


def _key(journal: str, item: str) -> dict[str, Any]:
    return {"journal": {"S": journal}, "item": {"S": item}}
