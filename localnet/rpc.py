"""The methods of the JSON-RPC endpoint, each as its reference describes it."""

import base64
import binascii
from collections.abc import Callable
from typing import Any, Final, cast

from solders.message import MessageV1, from_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from solders.transaction_status import TransactionErrorFieldless

from localnet.chain import LAGS, Chain, Record, Simulation
from localnet.clock import HASH_AGE, SLOTS_PER_EPOCH, Block
from localnet.encoding import (
    Json,
    account_json,
    error_json,
    error_sentence,
    from_base58,
    inner_json,
    pubkey,
    return_data_json,
    transaction_json,
)
from localnet.errors import (
    BehindError,
    InvalidParamsError,
    MethodNotFoundError,
    PreflightError,
    RpcError,
    SignatureError,
    TooEarlyError,
)
from localnet.transactions import LARGEST_TRANSACTION, asks, fee_of

Params = list[Any]
_CORE = "3.1.10"
_FEATURE_SET = 0
_MOST_ACCOUNTS = 100
_MOST_STATUSES = 256
_MOST_SIGNATURES = 1000
_LARGEST_TEXT = {"base58": 1683, "base64": 1644}
_POLLS = frozenset(
    {
        "getSlot",
        "getBlockHeight",
        "getEpochInfo",
        "getLatestBlockhash",
        "getSignatureStatuses",
        "isBlockhashValid",
        "getTransaction",
    }
)


class Rpc:
    """A node: it answers for the chain, and from further back where a fault wants it behind.

    With `simulated` time a slot passes before each question that a waiting client asks (for a
    slot, a height, a blockhash or a status), so that nobody waits for a clock.
    """

    def __init__(self, chain: Chain, *, simulated: bool = False) -> None:
        self.chain = chain
        self._simulated = simulated
        self._behind = 0

    def call(self, method: str, params: Params) -> Any:  # noqa: ANN401 - any JSON
        """The result of a method; `RpcError` where there is none."""
        answer = _METHODS.get(method)
        if answer is None:
            raise MethodNotFoundError("Method not found")
        if self._simulated and method in _POLLS:
            self.chain.advance()
        faults, dice = self.chain.faults, self.chain.dice
        lags = dice.happens("behind", faults.behind, method.encode(), method)
        self._behind = faults.behind_slots if lags else 0
        try:
            return answer(self, params)
        except (RpcError, KeyboardInterrupt, SystemExit):
            raise
        except (IndexError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidParamsError(f"Invalid params: {type(error).__name__}: {error}") from error
        except BaseException as error:
            # Solders' Rust panics with an exception that is no Exception, on what it cannot read.
            if type(error).__name__ != "PanicException":
                raise
            raise InvalidParamsError(f"Invalid params: {error}") from error

    # What a node says of itself.

    def get_health(self, _params: Params) -> str:
        """Ok, or how far behind."""
        if self._behind:
            raise BehindError(
                f"Node is behind by {self._behind} slots", {"numSlotsBehind": self._behind}
            )
        return "ok"

    def get_version(self, _params: Params) -> Json:
        """Which validator this chain takes after."""
        return {"solana-core": _CORE, "feature-set": _FEATURE_SET}

    def get_genesis_hash(self, _params: Params) -> str:
        """Which cluster this is."""
        return str(self.chain.genesis)

    # Time.

    def get_slot(self, params: Params) -> int:
        """The newest slot."""
        return self._at(_config(params, 0)).slot

    def get_block_height(self, params: Params) -> int:
        """How many blocks there are: abandoned slots do not count."""
        return self._at(_config(params, 0)).height

    def get_epoch_info(self, params: Params) -> Json:
        """Where in its epoch the chain is."""
        at = self._at(_config(params, 0))
        epoch, index = divmod(at.slot, SLOTS_PER_EPOCH)
        return {
            "absoluteSlot": at.slot,
            "blockHeight": at.height,
            "epoch": epoch,
            "slotIndex": index,
            "slotsInEpoch": SLOTS_PER_EPOCH,
            "transactionCount": len(self.chain.records),
        }

    def get_latest_blockhash(self, params: Params) -> Json:
        """The newest blockhash, and the height up to which it is good."""
        at = self._at(_config(params, 0))
        return _value(at, {"blockhash": str(at.hash), "lastValidBlockHeight": at.height + HASH_AGE})

    def is_blockhash_valid(self, params: Params) -> Json:
        """Whether a transaction may still stand on a blockhash."""
        at = self._at(_config(params, 1))
        known = next((one for one in self.chain.blocks.recent() if str(one.hash) == params[0]), at)
        good = str(known.hash) == params[0] and self.chain.blocks.is_good(known.hash, at)
        return _value(at, good)

    # Accounts.

    def get_balance(self, params: Params) -> Json:
        """An account's lamports."""
        at = self._at(_config(params, 1))
        account = self.chain.account(pubkey(params[0]), at)
        return _value(at, account.lamports if account else 0)

    def get_account_info(self, params: Params) -> Json:
        """One account, or null."""
        config = _config(params, 1)
        at = self._at(config)
        return _value(at, self._account(pubkey(params[0]), config, at))

    def get_multiple_accounts(self, params: Params) -> Json:
        """Several accounts, null for each that is not there."""
        config = _config(params, 1)
        at = self._at(config)
        if len(params[0]) > _MOST_ACCOUNTS:
            raise InvalidParamsError(f"Too many inputs provided; max {_MOST_ACCOUNTS}")
        return _value(at, [self._account(pubkey(key), config, at) for key in params[0]])

    def get_program_accounts(self, params: Params) -> Any:  # noqa: ANN401 - a list, or one in a context
        """The accounts that a program owns and every filter lets through."""
        config = _config(params, 1)
        at = self._at(config)
        accounts = self.chain.program_accounts(pubkey(params[0]), at)
        encoding, part = config.get("encoding", "binary"), config.get("dataSlice")
        passes = [_filter(each) for each in cast("list[Json]", config.get("filters") or [])]
        found = [
            {"pubkey": str(key), "account": account_json(account, encoding, part)}
            for key, account in accounts.items()
            if all(let(account.data) for let in passes)
        ]
        return _value(at, found) if config.get("withContext") else found

    def get_rent(self, params: Params) -> int:
        """The lamports that keep an account of a length."""
        if not 0 <= params[0] < 2**32:
            raise InvalidParamsError("Invalid params: the length is out of range")
        return self.chain.rent(params[0])

    # Transactions.

    def request_airdrop(self, params: Params) -> str:
        """Lamports from the faucet."""
        return str(self.chain.airdrop(pubkey(params[0]), params[1]))

    def get_fee(self, params: Params) -> Json:
        """What a message costs, null if its blockhash is not good."""
        at = self._at(_config(params, 1))
        message = from_bytes_versioned(_decoded(params[0]))
        good = self.chain.blocks.is_good(message.recent_blockhash, at)
        return _value(at, fee_of(message) if good else None)

    def get_prices(self, params: Params) -> list[Json]:
        """What transactions paid at least for a compute unit, in each of the latest blocks."""
        keys = {pubkey(key) for key in cast("list[object]", params[0] if params else [])}
        samples: list[Json] = []
        for block in self.chain.blocks.recent():
            paid = [price for price, written in block.prices if not keys or keys & written]
            samples.append({"slot": block.slot, "prioritizationFee": min(paid, default=0)})
        return samples

    def send_transaction(self, params: Params) -> str:
        """Take a transaction, if it would succeed (or unasked, with skipPreflight)."""
        config = _config(params, 1)
        transaction = _transaction(params[0], config.get("encoding", "base58"))
        faults, dice = self.chain.faults, self.chain.dice
        self._verify(transaction)
        asked, name = asks(transaction.message), str(transaction.signatures[0])
        gone = dice.happens("gone", faults.gone, asked, name)
        if config.get("skipPreflight"):
            return str(transaction.signatures[0] if gone else self.chain.submit(transaction))
        at = self._at(config | {"commitment": config.get("preflightCommitment", "finalized")})
        if gone or not self.chain.is_good(transaction, at):
            simulation = Simulation(
                error=TransactionErrorFieldless.BlockhashNotFound, meta=None, logs=[], accounts={}
            )
        else:
            simulation = self.chain.simulate(transaction, at=at)
        if simulation.error is not None:
            raise PreflightError(
                f"Transaction simulation failed: {error_sentence(simulation.error)}",
                _simulation_json(simulation),
            )
        return str(self.chain.submit(transaction))

    def simulate_transaction(self, params: Params) -> Json:
        """What would come of a transaction."""
        config = _config(params, 1)
        transaction = _transaction(params[0], config.get("encoding", "base58"))
        at, replaced = self._at(config), None
        if config.get("replaceRecentBlockhash"):
            if config.get("sigVerify"):
                raise InvalidParamsError("sigVerify may not be used with replaceRecentBlockhash")
            replaced = {
                "blockhash": str(at.hash),
                "lastValidBlockHeight": at.height + HASH_AGE,
            }
        elif not self.chain.is_good(transaction, at):
            simulation = Simulation(
                error=TransactionErrorFieldless.BlockhashNotFound, meta=None, logs=[], accounts={}
            )
            return _value(at, _simulation_json(simulation))
        if config.get("sigVerify"):
            self._verify(transaction)
        simulation = self.chain.simulate(transaction, verify=bool(config.get("sigVerify")), at=at)
        said = _simulation_json(simulation)
        if wanted := config.get("accounts"):
            encoding = wanted.get("encoding", "base64")
            keys = [pubkey(key) for key in wanted["addresses"]]
            said["accounts"] = [
                account_json(simulation.accounts.get(key) or self.chain.account(key), encoding)
                for key in keys
            ]
        return _value(at, said if replaced is None else said | {"replacementBlockhash": replaced})

    def get_signature_statuses(self, params: Params) -> Json:
        """How far each transaction has come; null for one that has not landed."""
        if len(params[0]) > _MOST_STATUSES:
            raise InvalidParamsError(f"Too many inputs provided; max {_MOST_STATUSES}")
        at = self._at({"commitment": "processed"})
        everything = _config(params, 1).get("searchTransactionHistory", False)
        oldest = self.chain.blocks.recent()[0].slot
        statuses: list[Json | None] = []
        for text in params[0]:
            record = self._record(text, at)
            fresh = record and (everything or record.block.slot >= oldest)
            statuses.append(self._status(record) if record and fresh else None)
        return _value(at, statuses)

    def get_transaction(self, params: Params) -> Json | None:
        """A transaction that landed, with what came of it."""
        config = _config(params, 1)
        record = self._record(params[0], self._at(config))
        if record is None:
            return None
        said = transaction_json(record, config.get("encoding", "json"))
        if said["version"] == 0 and config.get("maxSupportedTransactionVersion") is None:
            raise InvalidParamsError(
                "Transaction version (0) is not supported by the requesting client. Please try the"
                " request again with the following configuration parameter:"
                ' "maxSupportedTransactionVersion": 0'
            )
        return said

    def get_signatures_for_address(self, params: Params) -> list[Json]:
        """The transactions that name an account, newest first."""
        config = _config(params, 1)
        at, key = self._at(config), pubkey(params[0])
        limit = config.get("limit") or _MOST_SIGNATURES
        if not 1 <= limit <= _MOST_SIGNATURES:
            raise InvalidParamsError(f"Invalid limit; max {_MOST_SIGNATURES}")
        started = config.get("before") is None
        found: list[Json] = []
        for signature, record in reversed(self.chain.records.items()):
            text = str(signature)
            if text == config.get("until") or len(found) == limit:
                break
            if started and record.block.slot <= at.slot and key in record.keys.all:
                found.append(
                    {
                        "signature": text,
                        "slot": record.block.slot,
                        "err": error_json(record.error),
                        "memo": None,
                        "blockTime": record.block.time,
                        "confirmationStatus": self._commitment(record),
                    }
                )
            started = started or text == config.get("before")
        return found

    # What several of them need.

    def _at(self, config: Json) -> Block:
        """The block that answers a request, by its commitment."""
        commitment = config.get("commitment") or "finalized"
        if commitment not in LAGS:
            raise InvalidParamsError(
                f"Invalid params: unknown commitment {commitment!r}, expected one of"
                f" {', '.join(LAGS)}"
            )
        at = self.chain.block_at(commitment, self._behind)
        if (config.get("minContextSlot") or 0) > at.slot:
            raise TooEarlyError(
                "Minimum context slot has not been reached", {"contextSlot": at.slot}
            )
        return at

    def _account(self, key: Pubkey, config: Json, at: Block) -> Json | None:
        account = self.chain.account(key, at)
        return account_json(account, config.get("encoding", "binary"), config.get("dataSlice"))

    def _record(self, text: str, at: Block) -> Record | None:
        try:
            record = self.chain.records.get(Signature.from_string(text))
        except ValueError:
            raise InvalidParamsError("Invalid param: Invalid") from None
        return record if record and record.block.slot <= at.slot else None

    def _commitment(self, record: Record) -> str:
        return max(
            (name for name in LAGS if record.block.slot <= self.chain.block_at(name).slot),
            key=lambda name: LAGS[name],
        )

    def _status(self, record: Record) -> Json:
        commitment, error = self._commitment(record), error_json(record.error)
        depth = self.chain.blocks.newest.height - record.block.height
        return {
            "slot": record.block.slot,
            "confirmations": None if commitment == "finalized" else depth,
            "err": error,
            "status": {"Err": error} if error else {"Ok": None},
            "confirmationStatus": commitment,
        }

    @staticmethod
    def _verify(transaction: VersionedTransaction) -> None:
        if not all(transaction.verify_with_results()):
            raise SignatureError("Transaction signature verification failure")


_METHODS: Final[dict[str, Callable[[Rpc, Params], Any]]] = {
    "getHealth": Rpc.get_health,
    "getVersion": Rpc.get_version,
    "getGenesisHash": Rpc.get_genesis_hash,
    "getSlot": Rpc.get_slot,
    "getBlockHeight": Rpc.get_block_height,
    "getEpochInfo": Rpc.get_epoch_info,
    "getLatestBlockhash": Rpc.get_latest_blockhash,
    "isBlockhashValid": Rpc.is_blockhash_valid,
    "getBalance": Rpc.get_balance,
    "getAccountInfo": Rpc.get_account_info,
    "getMultipleAccounts": Rpc.get_multiple_accounts,
    "getProgramAccounts": Rpc.get_program_accounts,
    "getMinimumBalanceForRentExemption": Rpc.get_rent,
    "requestAirdrop": Rpc.request_airdrop,
    "getFeeForMessage": Rpc.get_fee,
    "getRecentPrioritizationFees": Rpc.get_prices,
    "sendTransaction": Rpc.send_transaction,
    "simulateTransaction": Rpc.simulate_transaction,
    "getSignatureStatuses": Rpc.get_signature_statuses,
    "getTransaction": Rpc.get_transaction,
    "getSignaturesForAddress": Rpc.get_signatures_for_address,
}
METHODS: Final = tuple(_METHODS)


def _config(params: Params, place: int) -> Json:
    """The configuration at that place of the parameters; empty where there is none."""
    config = params[place] if len(params) > place else None
    if config is not None and not isinstance(config, dict):
        raise InvalidParamsError(f"Invalid params: item {place} is not a configuration object")
    return cast("Json", config or {})


def _value(at: Block, value: object) -> Json:
    return {"context": {"slot": at.slot, "apiVersion": _CORE}, "value": value}


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise InvalidParamsError(f"invalid base64 encoding: {error}") from None


def _transaction(text: str, encoding: str) -> VersionedTransaction:
    if encoding not in _LARGEST_TEXT:
        raise InvalidParamsError(
            f"unsupported encoding: {encoding}. Supported encodings: base58, base64"
        )
    kind = "solana_transaction::versioned::VersionedTransaction"
    if len(text) > _LARGEST_TEXT[encoding]:
        raise InvalidParamsError(
            f"{encoding} encoded {kind} too large: {len(text)} bytes"
            f" (max: encoded/raw {_LARGEST_TEXT[encoding]}/{LARGEST_TRANSACTION})"
        )
    wire = _decoded(text) if encoding == "base64" else from_base58(text)
    if len(wire) > LARGEST_TRANSACTION:
        raise InvalidParamsError(
            f"decoded {kind} too large: {len(wire)} bytes (max: {LARGEST_TRANSACTION} bytes)"
        )
    try:
        transaction = VersionedTransaction.from_bytes(wire)
        transaction.sanitize()
    except ValueError as error:
        raise InvalidParamsError(f"failed to deserialize {kind}: {error}") from None
    if isinstance(transaction.message, MessageV1):
        raise InvalidParamsError("transactions of version 1 are not taken, only legacy ones and 0")
    return transaction


def _simulation_json(simulation: Simulation) -> Json:
    meta = simulation.meta
    return {
        "err": error_json(simulation.error),
        "logs": simulation.logs,
        "accounts": None,
        "unitsConsumed": meta.compute_units_consumed() if meta else 0,
        "returnData": return_data_json(meta),
        "innerInstructions": inner_json(meta) or None,
        "replacementBlockhash": None,
    }


def _filter(asked: Json) -> Callable[[bytes], bool]:
    """What lets an account's data through."""
    match asked:
        case {"dataSize": int(size)}:
            return lambda data: len(data) == size
        case {"memcmp": {"offset": int(offset), "bytes": str(text), **rest}}:
            raw = rest.get("encoding", "base58")
            wanted = _decoded(text) if raw == "base64" else from_base58(text)
            return lambda data: data[offset : offset + len(wanted)] == wanted
        case _:
            raise InvalidParamsError("Invalid params: a filter is dataSize or memcmp")
