"""Tests of the methods themselves: what they answer, and what they refuse."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.account import Account
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey
from solders.rpc.errors import (
    NodeUnhealthyMessage,
    SendTransactionPreflightFailureMessage,
)
from solders.rpc.responses import GetHealthResp, SendTransactionResp
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from localnet.chain import Chain
from localnet.encoding import base58, from_base58
from localnet.errors import (
    BehindError,
    InvalidParamsError,
    MethodNotFoundError,
    PreflightError,
    RpcError,
    SignatureError,
    TooEarlyError,
)
from localnet.faults import Faults
from localnet.rpc import METHODS, Rpc
from tests.localnet.programs import MEMO, SOL, Wallet

_PROCESSED = {"commitment": "processed"}
_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["commitment", "encoding", "filters", "memcmp", "limit", "dataSlice", "accounts"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


def _wire(transaction: VersionedTransaction) -> str:
    return base64.b64encode(bytes(transaction)).decode()


def _pay(wallet: Wallet) -> Instruction:
    return transfer(TransferParams(from_pubkey=wallet.key, to_pubkey=MEMO, lamports=SOL))


@given(method=st.sampled_from(METHODS), params=st.lists(_JSON, max_size=3))
def test_nothing_that_is_sent_breaks_it(method: str, params: list[Any]) -> None:
    """Nonsense is answered with an error, or with a result that JSON can write."""
    rpc = Rpc(_CHAIN)
    try:
        rpc.call(method, params)
    except RpcError as error:
        assert error.as_json()["code"] < 0  # noqa: PT017 - either way is right


_CHAIN = Chain()


def test_an_unknown_method_is_refused() -> None:
    """By its own code."""
    with pytest.raises(MethodNotFoundError):
        Rpc(Chain()).call("getMoney", [])


@pytest.mark.parametrize(
    ("method", "params", "said"),
    [
        ("getAccountInfo", ["short"], "WrongSize"),
        ("getAccountInfo", [], "Invalid params"),
        ("getAccountInfo", [str(MEMO), {"encoding": "hex"}], "not as hex"),
        ("getAccountInfo", [str(MEMO), {"encoding": "base58"}], "use Base64"),
        ("getSlot", [{"commitment": "max"}], "processed, confirmed, finalized"),
        ("getSlot", ["finalized"], "not a configuration"),
        ("getProgramAccounts", [str(MEMO), {"filters": [{"size": 3}]}], "dataSize or memcmp"),
        ("getMultipleAccounts", [[str(MEMO)] * 101], "max 100"),
        ("getSignatureStatuses", [["1" * 64] * 257], "max 256"),
        ("getSignatureStatuses", [["nonsense"]], "Invalid"),
        ("getTransaction", ["nonsense"], "Invalid"),
        ("getSignaturesForAddress", [str(MEMO), {"limit": 1001}], "max 1000"),
        ("getMinimumBalanceForRentExemption", [-1], "out of range"),
        ("sendTransaction", ["AA==", {"encoding": "base64"}], "failed to deserialize"),
        ("sendTransaction", ["!", {"encoding": "base64"}], "invalid base64"),
        ("sendTransaction", ["AA==", {"encoding": "hex"}], "base58, base64"),
    ],
)
def test_wrong_parameters_are_refused(method: str, params: list[Any], said: str) -> None:
    """Saying which."""
    with pytest.raises(InvalidParamsError, match=said):
        Rpc(Chain()).call(method, params)


def test_a_transaction_has_at_most_1232_bytes() -> None:
    """One byte more is refused before anything is looked at."""
    wallet = Wallet(Chain())
    rpc = Rpc(wallet.chain)

    def send(length: int) -> int:
        transaction = wallet.sign(Instruction(MEMO, b"a" * length, []))
        rpc.call("sendTransaction", [_wire(transaction), {"encoding": "base64"} | unasked])
        return len(bytes(transaction))

    unasked = {"skipPreflight": True}
    largest = 1232 - send(500) + 500
    assert send(largest) == 1232
    with pytest.raises(InvalidParamsError, match=r"too large: 1233 bytes \(max: 1232 bytes\)"):
        send(largest + 1)
    with pytest.raises(InvalidParamsError, match="encoded/raw 1644/1232"):
        send(2000)


def test_a_transaction_comes_in_base58_too() -> None:
    """That is what no encoding means."""
    wallet = Wallet(Chain())
    transaction = wallet.sign(_pay(wallet))
    preflight = {"preflightCommitment": "processed"}
    sent = Rpc(wallet.chain).call("sendTransaction", [base58(bytes(transaction)), preflight])
    assert sent == str(transaction.signatures[0])


@given(st.binary(max_size=80))
def test_base58_is_undone(data: bytes) -> None:
    """Zeros in front included."""
    assert from_base58(base58(data)) == data


def test_a_hash_in_base58_is_as_solders_writes_it() -> None:
    """The same letters."""
    assert base58(bytes(MEMO)) == str(MEMO)


def test_a_wrong_signature_is_refused() -> None:
    """Whether a preflight was asked for or not."""
    wallet = Wallet(Chain())
    signed = wallet.sign(_pay(wallet))
    wrong = VersionedTransaction.populate(signed.message, [Keypair().sign_message(b"")])
    with pytest.raises(SignatureError):
        Rpc(wallet.chain).call(
            "sendTransaction", [_wire(wrong), {"encoding": "base64", "skipPreflight": True}]
        )


def test_a_preflight_knows_only_hashes_of_its_commitment() -> None:
    """A finalized one does not know the newest."""
    wallet = Wallet(Chain())
    rpc = Rpc(wallet.chain)
    wire = _wire(wallet.sign(_pay(wallet)))
    with pytest.raises(PreflightError, match="Blockhash not found"):
        rpc.call("sendTransaction", [wire, {"encoding": "base64"}])
    rpc.call("sendTransaction", [wire, {"encoding": "base64", "preflightCommitment": "processed"}])


def test_a_blockhash_can_be_gone_although_it_is_good() -> None:
    """As when the node that answers has not seen it."""
    wallet = Wallet(Chain(faults=Faults(gone=1)))
    rpc = Rpc(wallet.chain)
    config = {"encoding": "base64", "preflightCommitment": "processed"}
    wire = _wire(wallet.sign(_pay(wallet)))
    with pytest.raises(PreflightError, match="Blockhash not found"):
        rpc.call("sendTransaction", [wire, config])
    signature = rpc.call("sendTransaction", [wire, config | {"skipPreflight": True}])
    wallet.chain.advance(3)
    assert rpc.call("getSignatureStatuses", [[signature]])["value"] == [None]


def test_errors_are_as_clients_read_them() -> None:
    """Data that solders cannot read would end a client with a panic."""
    behind = Rpc(Chain(faults=Faults(behind=1)))
    with pytest.raises(BehindError) as unhealthy:
        behind.call("getHealth", [])
    parsed = GetHealthResp.from_json(_answer(unhealthy.value))
    assert isinstance(parsed, NodeUnhealthyMessage)
    assert parsed.data.num_slots_behind == 20

    wallet = Wallet(Chain())
    poor = Wallet.__new__(Wallet)
    poor.chain, poor.keys = wallet.chain, Keypair()
    with pytest.raises(PreflightError) as refused:
        Rpc(wallet.chain).call(
            "sendTransaction",
            [
                _wire(poor.sign(_pay(poor))),
                {"encoding": "base64", "preflightCommitment": "processed"},
            ],
        )
    message = SendTransactionResp.from_json(_answer(refused.value))
    assert isinstance(message, SendTransactionPreflightFailureMessage)


def _answer(error: RpcError) -> str:
    return json.dumps({"jsonrpc": "2.0", "error": error.as_json(), "id": 1})


def test_a_node_has_to_have_reached_the_slot_that_a_client_saw() -> None:
    """Or it says that it has not."""
    chain = Chain()
    rpc = Rpc(chain)
    newest = chain.blocks.newest.slot
    assert rpc.call("getSlot", [_PROCESSED | {"minContextSlot": newest}]) == newest
    with pytest.raises(TooEarlyError):
        rpc.call("getSlot", [{"minContextSlot": newest}])


def test_simulated_time_passes_when_a_client_waits() -> None:
    """And only then."""
    chain = Chain()
    rpc = Rpc(chain, simulated=True)
    first = rpc.call("getSlot", [_PROCESSED])
    rpc.call("getBalance", [str(MEMO)])
    assert rpc.call("getSlot", [_PROCESSED]) == first + 1
    still = Rpc(chain)
    assert still.call("getSlot", [_PROCESSED]) == still.call("getSlot", [_PROCESSED])


def test_a_blockhash_is_valid_for_150_blocks() -> None:
    """The endpoint says the same as the chain does."""
    chain = Chain()
    rpc = Rpc(chain)
    latest = rpc.call("getLatestBlockhash", [_PROCESSED])["value"]
    chain.advance(150)
    params = [latest["blockhash"], _PROCESSED]
    assert rpc.call("getBlockHeight", [_PROCESSED]) == latest["lastValidBlockHeight"]
    assert rpc.call("isBlockhashValid", params)["value"]
    chain.advance()
    assert not rpc.call("isBlockhashValid", params)["value"]
    assert not rpc.call("isBlockhashValid", [str(Hash.default()), _PROCESSED])["value"]


def test_a_simulation_can_do_without_signature_and_hash() -> None:
    """As wallets ask it before anybody signs."""
    wallet = Wallet(Chain())
    rpc = Rpc(wallet.chain)
    message = Message.new_with_blockhash([_pay(wallet)], wallet.key, Hash.default())
    unsigned = _wire(VersionedTransaction.populate(message, [Keypair().sign_message(b"")]))
    config = {"encoding": "base64", "commitment": "processed"}
    old = rpc.call("simulateTransaction", [unsigned, config])["value"]
    assert old["err"] == "BlockhashNotFound"
    replaced = config | {
        "replaceRecentBlockhash": True,
        "accounts": {"encoding": "base64", "addresses": [str(wallet.key)]},
    }
    new = rpc.call("simulateTransaction", [unsigned, replaced])["value"]
    assert new["err"] is None
    assert new["accounts"][0]["lamports"] == wallet.lamports - SOL - 5000
    assert new["replacementBlockhash"]["blockhash"] == str(wallet.chain.blocks.newest.hash)
    checked = config | {"sigVerify": True}
    message = wallet.sign(_pay(wallet)).message
    wrong = _wire(VersionedTransaction.populate(message, [Keypair().sign_message(b"")]))
    with pytest.raises(SignatureError):
        rpc.call("simulateTransaction", [wrong, checked])


def test_a_versioned_transaction_comes_back_as_one() -> None:
    """To clients that say that they can read it."""
    wallet = Wallet(Chain())
    rpc = Rpc(wallet.chain)
    message = MessageV0.try_compile(wallet.key, [_pay(wallet)], [], wallet.chain.blocks.newest.hash)
    sent = wallet.chain.submit(VersionedTransaction(message, [wallet.keys]))
    wallet.chain.advance()
    with pytest.raises(InvalidParamsError, match="maxSupportedTransactionVersion"):
        rpc.call("getTransaction", [str(sent), _PROCESSED])
    config = _PROCESSED | {"maxSupportedTransactionVersion": 0}
    assert rpc.call("getTransaction", [str(sent), config])["version"] == 0
    wire = rpc.call("getTransaction", [str(sent), config | {"encoding": "base64"}])
    assert base64.b64decode(wire["transaction"][0]) == bytes(wallet.chain.records[sent].transaction)


def test_an_account_comes_whole_or_in_part() -> None:
    """With its whole size either way."""
    chain = Chain()
    rpc = Rpc(chain)
    found = chain.account(MEMO)
    assert isinstance(found, Account)
    config = {"encoding": "base64", "dataSlice": {"offset": 1, "length": 3}}
    value = rpc.call("getAccountInfo", [str(MEMO), config])["value"]
    assert value["data"] == [base64.b64encode(b"ELF").decode(), "base64"]
    assert value["space"] == len(found.data)
    assert rpc.call("getAccountInfo", [str(Keypair().pubkey())])["value"] is None
    assert rpc.call("getBalance", [str(Pubkey.new_unique())])["value"] == 0
