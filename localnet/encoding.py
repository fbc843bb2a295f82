"""What the chain holds, as JSON-RPC writes it."""

import base64
import json
from typing import Any

from solders.account import Account
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import InnerInstruction, TransactionMetadata
from solders.transaction_status import TransactionErrorType, TransactionStatus

from localnet.chain import Record
from localnet.errors import InvalidParamsError

Json = dict[str, Any]
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_LARGEST_BASE58 = 128
_SENTENCES = {
    "BlockhashNotFound": "Blockhash not found",
    "AlreadyProcessed": "This transaction has already been processed",
    "AccountNotFound": "Attempt to debit an account but found no record of a prior credit.",
    "InsufficientFundsForFee": "Insufficient funds for fee",
}


def base58(data: bytes) -> str:
    """`data` in base 58, the way Solana writes it."""
    number, text = int.from_bytes(data), ""
    while number:
        number, digit = divmod(number, 58)
        text = _ALPHABET[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def from_base58(text: str) -> bytes:
    """The bytes that `text` stands for; ValueError where it is not base 58."""
    number = 0
    for letter in text:
        number = number * 58 + _ALPHABET.index(letter)
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8)


def error_json(error: TransactionErrorType | None) -> Any:  # noqa: ANN401 - a word, or an object
    """What went wrong with a transaction, as every client reads it."""
    if error is None:
        return None
    return json.loads(TransactionStatus(0, None, error, error).to_json())["err"]


def error_sentence(error: TransactionErrorType) -> str:
    """The same for people, in the words of a validator where it has its own for it."""
    found = error_json(error)
    match found:
        case {"InstructionError": [index, {"Custom": code}]}:
            return f"Error processing Instruction {index}: custom program error: {code:#x}"
        case {"InstructionError": [index, what]}:
            return f"Error processing Instruction {index}: {what}"
        case str():
            return _SENTENCES.get(found, found)
        case _:
            return json.dumps(found)


def account_json(account: Account | None, encoding: str, part: Json | None = None) -> Json | None:
    """An account, or of its data the part {offset, length}; None where there is none."""
    if account is None:
        return None
    data = account.data
    size = len(data)
    if part:
        data = data[part["offset"] : part["offset"] + part["length"]]
    return {
        "lamports": account.lamports,
        "owner": str(account.owner),
        "data": _data_json(data, encoding),
        "executable": account.executable,
        "rentEpoch": 2**64 - 1,
        "space": size,
    }


def transaction_json(record: Record, encoding: str) -> Json:
    """A transaction that landed, with what came of it."""
    message = record.transaction.message
    return {
        "slot": record.block.slot,
        "blockTime": record.block.time,
        "version": "legacy" if isinstance(message, Message) else 0,
        "transaction": _encoded(record.transaction, encoding),
        "meta": _meta_json(record),
    }


def return_data_json(meta: TransactionMetadata | None) -> Json | None:
    """What a program gave back, if anything."""
    returned = meta.return_data() if meta else None
    if returned is None or not returned.data:
        return None
    data = [base64.b64encode(bytes(returned.data)).decode(), "base64"]
    return {"programId": str(returned.program_id), "data": data}


def inner_json(meta: TransactionMetadata | None) -> list[Json]:
    """The instructions that instructions called."""
    inner = meta.inner_instructions() if meta else []
    return [
        {"index": index, "instructions": [_inner(each) for each in instructions]}
        for index, instructions in enumerate(inner)
        if instructions
    ]


def _meta_json(record: Record) -> Json:
    error = error_json(record.error)
    before, after = record.balances
    return {
        "err": error,
        "status": {"Err": error} if error else {"Ok": None},
        "fee": record.fee,
        "preBalances": before,
        "postBalances": after,
        "preTokenBalances": [],
        "postTokenBalances": [],
        "innerInstructions": inner_json(record.meta),
        "logMessages": record.logs,
        "rewards": [],
        "loadedAddresses": {
            "writable": [str(key) for key in record.keys.loaded_writable],
            "readonly": [str(key) for key in record.keys.loaded_readonly],
        },
        "computeUnitsConsumed": record.meta.compute_units_consumed() if record.meta else 0,
    } | ({"returnData": data} if (data := return_data_json(record.meta)) else {})


def _encoded(transaction: VersionedTransaction, encoding: str) -> object:
    wire = bytes(transaction)
    match encoding:
        case "base64":
            return [base64.b64encode(wire).decode(), "base64"]
        case "base58":
            return [base58(wire), "base58"]
        case "json":
            return _message_json(transaction)
        case _:
            raise InvalidParamsError(
                f"transactions come as json, base64 or base58, not as {encoding}"
            )


def _message_json(transaction: VersionedTransaction) -> Json:
    message = transaction.message
    header = message.header
    said: Json = {
        "header": {
            "numRequiredSignatures": header.num_required_signatures,
            "numReadonlySignedAccounts": header.num_readonly_signed_accounts,
            "numReadonlyUnsignedAccounts": header.num_readonly_unsigned_accounts,
        },
        "accountKeys": [str(key) for key in message.account_keys],
        "recentBlockhash": str(message.recent_blockhash),
        "instructions": [
            {
                "programIdIndex": each.program_id_index,
                "accounts": list(each.accounts),
                "data": base58(each.data),
                "stackHeight": 1,
            }
            for each in message.instructions
        ],
    }
    if isinstance(message, MessageV0):
        said["addressTableLookups"] = [
            {
                "accountKey": str(each.account_key),
                "writableIndexes": list(each.writable_indexes),
                "readonlyIndexes": list(each.readonly_indexes),
            }
            for each in message.address_table_lookups
        ]
    return {"signatures": [str(each) for each in transaction.signatures], "message": said}


def _inner(inner: InnerInstruction) -> Json:
    each = inner.instruction()
    return {
        "programIdIndex": each.program_id_index,
        "accounts": list(each.accounts),
        "data": base58(each.data),
        "stackHeight": inner.stack_height(),
    }


def _data_json(data: bytes, encoding: str) -> object:
    match encoding:
        case "base58" | "binary":
            if len(data) > _LARGEST_BASE58:
                raise InvalidParamsError(
                    f"Encoded binary (base 58) data should be less than {_LARGEST_BASE58} bytes,"
                    " please use Base64 encoding."
                )
            return base58(data) if encoding == "binary" else [base58(data), "base58"]
        case "base64" | "base64+zstd" | "jsonParsed":
            # What is asked for compressed or parsed may come plain: its second item says so.
            return [base64.b64encode(data).decode(), "base64"]
        case _:
            raise InvalidParamsError(f"accounts come as base64 or base58, not as {encoding}")


def pubkey(text: object) -> Pubkey:
    """The address that `text` writes; `InvalidParamsError` where it is none."""
    try:
        return Pubkey.from_string(str(text))
    except ValueError:
        raise InvalidParamsError("Invalid param: WrongSize") from None
