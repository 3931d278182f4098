//! A chain that is one struct: tokens, the distributor and its root, and what was sent, behind JSON-RPC.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use alloy::{
    consensus::{Transaction as _, TxEnvelope},
    eips::eip2718::Decodable2718 as _,
    primitives::{Address, B256, Bytes, Signature, U256, hex, keccak256},
    sol,
    sol_types::{SolCall as _, SolEvent as _, SolStruct as _, SolValue as _, eip712_domain},
};
use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use headframe_protocol::{
    chain::{Asset, AssetKind, Authorization, ChainProfile, Contracts, Features, Permit, TokenDomain, Windows},
    payout::{Entitlement, RelayedClaim},
};
use serde_json::{Value, json};

pub(crate) const CHAIN_ID: u64 = 31_337;
pub(crate) const USDC: Address = Address::repeat_byte(0xA1);
pub(crate) const HFR: Address = Address::repeat_byte(0xA2);
pub(crate) const DISTRIBUTOR: Address = Address::repeat_byte(0xD1);
pub(crate) const SOME_CONTRACT: Address = Address::repeat_byte(0xC1);

/// Blocks after which nothing is taken back.
pub(crate) const FINALITY: u64 = 3;

// Written a second time, so that a slip in the agent's own copy shows.
sol! {
    function balanceOf(address account) external view returns (uint256);
    function decimals() external view returns (uint8);
    function name() external view returns (string);
    function symbol() external view returns (string);
    function transfer(address to, uint256 value) external returns (bool);
    struct Claim {
        address account;
        address asset;
        uint128 cumulative;
        bytes32[] proof;
    }

    struct Root {
        bytes32 root;
        bytes32 dataHash;
        uint64 epoch;
        uint64 readyAt;
    }

    event Claimed(address indexed account, address indexed asset, uint256 amount, address to);

    function active() external view returns (Root memory);
    function claimedOf(address account, address asset) external view returns (uint128);
    function nonces(address owner) external view returns (uint256);
    function pausedUntil() external view returns (uint64);
    function claimTo(Claim calldata what, address to, uint128 maxFee, uint128 fee, uint256 deadline, bytes calldata signature) external;

    struct ClaimTo {
        address account;
        address asset;
        uint128 cumulative;
        address to;
        uint128 maxFee;
        uint256 nonce;
        uint256 deadline;
    }
}

#[derive(Default)]
pub(crate) struct Ledger {
    /// Head.
    pub(crate) block: u64,
    pub(crate) time: u64,
    pub(crate) balances: HashMap<(Address, Address), U256>,
    pub(crate) claimed: HashMap<(Address, Address), U256>,
    pub(crate) root: B256,
    pub(crate) nonces: HashMap<Address, u64>,
    pub(crate) coins: HashMap<Address, U256>,
    /// How many signed claims an account has had.
    pub(crate) claims: HashMap<Address, u64>,
    pub(crate) paused_until: u64,
    /// Block, success and logs of what was included.
    pub(crate) receipts: HashMap<B256, (u64, bool, Vec<Value>)>,
    /// Every transaction that was sent, as often as it was.
    pub(crate) sent: Vec<B256>,
    /// What USDC says its decimals are.
    pub(crate) usdc_decimals: u8,
    /// Takes what is sent and leaves it out of blocks.
    pub(crate) stalls: bool,
    /// Answers nothing.
    pub(crate) is_down: bool,
    /// Takes what is sent and then breaks the line.
    pub(crate) mute_after_send: bool,
}

/// A running chain. Clones are the same.
#[derive(Clone)]
pub(crate) struct FakeChain {
    ledger: Arc<Mutex<Ledger>>,
    pub(crate) url: String,
}

impl FakeChain {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let ledger = Ledger { block: 100, time: 1_900_000_000, usdc_decimals: 6, ..Ledger::default() };
        let chain = Self { ledger: Arc::new(Mutex::new(ledger)), url };
        let router = Router::new().route("/", post(answer)).with_state(chain.clone());
        serve(listener, router);
        chain
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes blocks.
    pub(crate) fn mine(&self, blocks: u64) {
        let mut ledger = self.ledger();
        ledger.block += blocks;
        ledger.time += 2 * blocks;
    }

    pub(crate) fn profile(&self) -> ChainProfile {
        let asset = |address, symbol: &str, decimals, kind, name: &str| Asset {
            address,
            symbol: symbol.to_owned(),
            decimals,
            kind,
            fee_bps: 1_000,
            eip712: Some(TokenDomain { name: name.to_owned(), version: "2".to_owned() }),
            permit: Permit::Erc2612,
            authorization: Authorization::Erc3009,
        };
        ChainProfile {
            version: 1,
            name: "Anvil".to_owned(),
            chain_id: CHAIN_ID,
            rpc: vec!["http://127.0.0.1:1".parse().expect("a url"), self.url.parse().expect("a url")],
            finality_blocks: FINALITY,
            contracts: Contracts {
                access_manager: Address::repeat_byte(0xD2),
                timelock: Address::repeat_byte(0xD3),
                hfr: Some(HFR),
                market: Address::repeat_byte(0xD4),
                distributor: DISTRIBUTOR,
            },
            windows: Windows { dispute_seconds: 1, challenge_seconds: 1 },
            assets: vec![
                asset(USDC, "USDC", 6, AssetKind::Stable, "USD Coin"),
                asset(HFR, "HFR", 18, AssetKind::Hfr, "Headframe"),
            ],
            explorer: Some("https://scan.test".parse().expect("a url")),
            features: Features { rig_sales: false },
            deployed_at_block: 1,
        }
    }

    /// Owes `cumulative` to `account`, among others; the proof of it.
    pub(crate) fn owe(&self, account: Address, asset: Address, cumulative: U256) -> Entitlement {
        let others = [Address::repeat_byte(1), Address::repeat_byte(2)].map(|other| leaf(other, asset, U256::from(5)));
        let pair = parent(others[0], others[1]);
        self.ledger().root = parent(leaf(account, asset, cumulative), pair);
        Entitlement { chain_id: CHAIN_ID, asset, account, epoch: 1, cumulative, proof: vec![pair] }
    }

    /// Carries a signed claim out as the contract does; its transaction.
    pub(crate) fn claim_to(&self, claim: &RelayedClaim, fee: U256) -> Result<B256, &'static str> {
        let hash = keccak256(serde_json::to_vec(claim).expect("plain data"));
        let mut ledger = self.ledger();
        let log = pay(&mut ledger, claim, fee)?;
        let block = ledger.block + 1;
        ledger.block = block;
        ledger.receipts.insert(hash, (block, true, vec![log]));
        Ok(hash)
    }
}

/// Starts a server that lives as long as the test's runtime.
pub(crate) fn serve(listener: tokio::net::TcpListener, router: Router) {
    #[expect(clippy::disallowed_methods, reason = "a fake ends with its test")]
    tokio::spawn(async move { axum::serve(listener, router).await.expect("served") });
}

fn leaf(account: Address, asset: Address, cumulative: U256) -> B256 {
    keccak256(keccak256((U256::from(CHAIN_ID), DISTRIBUTOR, account, asset, cumulative).abi_encode()))
}

fn parent(one: B256, other: B256) -> B256 {
    keccak256([one.min(other), one.max(other)].concat())
}

fn pay(ledger: &mut Ledger, claim: &RelayedClaim, fee: U256) -> Result<Value, &'static str> {
    let text = ClaimTo {
        account: claim.account,
        asset: claim.asset,
        cumulative: claim.cumulative.to(),
        to: claim.to,
        maxFee: claim.max_fee.to(),
        nonce: U256::from(ledger.claims.get(&claim.account).copied().unwrap_or_default()),
        deadline: U256::from(claim.deadline),
    };
    let domain =
        eip712_domain! { name: "Headframe Distributor", version: "1", chain_id: CHAIN_ID, verifying_contract: DISTRIBUTOR, };
    let signer = claim.signature.0.recover_address_from_prehash(&text.eip712_signing_hash(&domain)).map_err(|_| "BadSig")?;
    let from_leaf = leaf(claim.account, claim.asset, claim.cumulative);
    let root = claim.proof.iter().fold(from_leaf, |node, beside| parent(node, *beside));
    let taken = ledger.claimed.get(&(claim.account, claim.asset)).copied().unwrap_or_default();
    let due = claim.cumulative.saturating_sub(taken);
    if signer != claim.account {
        return Err("BadSig");
    } else if root != ledger.root {
        return Err("BadProof");
    } else if due.is_zero() {
        return Err("NothingToClaim");
    } else if ledger.time > claim.deadline || ledger.time < ledger.paused_until {
        return Err("Expired");
    } else if fee > claim.max_fee || fee > due / U256::from(20) {
        return Err("FeeTooHigh");
    }
    ledger.claimed.insert((claim.account, claim.asset), claim.cumulative);
    *ledger.claims.entry(claim.account).or_default() += 1;
    *ledger.balances.entry((claim.asset, claim.to)).or_default() += due - fee;
    let event = Claimed { account: claim.account, asset: claim.asset, amount: due, to: claim.to }.encode_log_data();
    Ok(json!({"address": DISTRIBUTOR, "topics": event.topics(), "data": event.data, "removed": false, "logIndex": "0x0",
        "transactionIndex": "0x0", "blockHash": B256::repeat_byte(7), "blockNumber": "0x1", "transactionHash": B256::ZERO}))
}

async fn answer(State(chain): State<FakeChain>, Json(call): Json<Value>) -> Result<Json<Value>, StatusCode> {
    if chain.ledger().is_down {
        return Err(StatusCode::BAD_GATEWAY);
    }
    let (method, params) = (call["method"].as_str().unwrap_or_default(), &call["params"]);
    let outcome = result(&mut chain.ledger(), method, params);
    if method == "eth_sendRawTransaction" && chain.ledger().mute_after_send {
        return Err(StatusCode::BAD_GATEWAY);
    }
    Ok(Json(match outcome {
        Ok(result) => json!({"jsonrpc": "2.0", "id": call["id"], "result": result}),
        Err(message) => json!({"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32000, "message": message}}),
    }))
}

fn result(ledger: &mut Ledger, method: &str, params: &Value) -> Result<Value, String> {
    let address = |value: &Value| value.as_str().and_then(|text| text.parse::<Address>().ok()).ok_or("no address");
    Ok(match method {
        "eth_chainId" => json!(format!("{CHAIN_ID:#x}")),
        "eth_blockNumber" => json!(format!("{:#x}", ledger.block)),
        "eth_getCode" => {
            json!(if [SOME_CONTRACT, USDC, HFR, DISTRIBUTOR].contains(&address(&params[0])?) { "0x6001" } else { "0x" })
        }
        "eth_getBalance" => json!(ledger.coins.get(&address(&params[0])?).copied().unwrap_or_default()),
        "eth_getTransactionCount" => {
            json!(format!("{:#x}", ledger.nonces.get(&address(&params[0])?).copied().unwrap_or_default()))
        }
        "eth_estimateGas" => json!("0xc350"),
        "eth_feeHistory" => json!({"oldestBlock": "0x1", "baseFeePerGas": ["0x3b9aca00", "0x3b9aca00"], "gasUsedRatio": [0.5],
            "reward": [["0x5f5e100"]]}),
        "eth_getBlockByNumber" => block(ledger),
        "eth_call" => return view(ledger, &params[0]),
        "eth_sendRawTransaction" => return take(ledger, params[0].as_str().unwrap_or_default()),
        "eth_getTransactionReceipt" => {
            let hash: B256 = params[0].as_str().unwrap_or_default().parse().map_err(|_| "no hash")?;
            ledger.receipts.get(&hash).map_or(Value::Null, |(block, worked, logs)| receipt(hash, *block, *worked, logs))
        }
        other => return Err(format!("the fake chain does not know {other}")),
    })
}

fn view(ledger: &Ledger, request: &Value) -> Result<Value, String> {
    let to: Address = request["to"].as_str().unwrap_or_default().parse().map_err(|_| "no address")?;
    let data = request["input"].as_str().or(request["data"].as_str()).unwrap_or_default();
    let data = hex::decode(data).map_err(|_| "no data")?;
    let (decimals, symbol, name) = match to {
        USDC => (ledger.usdc_decimals, "USDC", "USD Coin"),
        HFR => (18, "HFR", "Headframe"),
        _ => (0, "", ""),
    };
    let selector: [u8; 4] = data.get(..4).and_then(|four| four.try_into().ok()).ok_or("no selector")?;
    let bytes = match selector {
        balanceOfCall::SELECTOR => {
            let account = balanceOfCall::abi_decode(&data).map_err(|_| "no account")?.account;
            ledger.balances.get(&(to, account)).copied().unwrap_or_default().abi_encode()
        }
        decimalsCall::SELECTOR => U256::from(decimals).abi_encode(),
        symbolCall::SELECTOR => symbol.abi_encode(),
        nameCall::SELECTOR => name.abi_encode(),
        activeCall::SELECTOR => Root { root: ledger.root, dataHash: B256::ZERO, epoch: 1, readyAt: 1 }.abi_encode(),
        pausedUntilCall::SELECTOR => ledger.paused_until.abi_encode(),
        noncesCall::SELECTOR => {
            let owner = noncesCall::abi_decode(&data).map_err(|_| "no account")?.owner;
            U256::from(ledger.claims.get(&owner).copied().unwrap_or_default()).abi_encode()
        }
        claimedOfCall::SELECTOR => {
            let call = claimedOfCall::abi_decode(&data).map_err(|_| "no account")?;
            ledger.claimed.get(&(call.account, call.asset)).copied().unwrap_or_default().abi_encode()
        }
        _ => return Err("execution reverted".to_owned()),
    };
    Ok(json!(hex::encode_prefixed(bytes)))
}

/// Takes a signed transaction, and puts it into the next block unless the chain stalls.
fn take(ledger: &mut Ledger, raw: &str) -> Result<Value, String> {
    let raw = hex::decode(raw).map_err(|_| "no bytes")?;
    let envelope = TxEnvelope::decode_2718(&mut raw.as_slice()).map_err(|_| "no transaction")?;
    let (hash, from) = (*envelope.tx_hash(), signer(&envelope)?);
    ledger.sent.push(hash);
    if ledger.receipts.contains_key(&hash) {
        return Err("already known".to_owned());
    }
    if envelope.chain_id() != Some(CHAIN_ID) {
        return Err("invalid chain id".to_owned());
    }
    let nonce = ledger.nonces.get(&from).copied().unwrap_or_default();
    if envelope.nonce() < nonce {
        return Err("nonce too low".to_owned());
    }
    if !ledger.stalls {
        let outcome = carry_out(ledger, from, &envelope);
        ledger.nonces.insert(from, nonce + 1);
        ledger.block += 1;
        let block = ledger.block;
        let worked = outcome.is_ok();
        ledger.receipts.insert(hash, (block, worked, outcome.ok().flatten().into_iter().collect()));
    }
    Ok(json!(hash))
}

fn signer(envelope: &TxEnvelope) -> Result<Address, &'static str> {
    envelope.signature().recover_address_from_prehash(&envelope.signature_hash()).map_err(|_| "no signer")
}

fn carry_out(ledger: &mut Ledger, from: Address, envelope: &TxEnvelope) -> Result<Option<Value>, &'static str> {
    let (to, input) = (envelope.to().unwrap_or_default(), envelope.input());
    if to == DISTRIBUTOR {
        let call = claimToCall::abi_decode(input).map_err(|_| "no claim")?;
        let claim = RelayedClaim {
            chain_id: CHAIN_ID,
            asset: call.what.asset,
            account: call.what.account,
            cumulative: U256::from(call.what.cumulative),
            proof: call.what.proof,
            to: call.to,
            max_fee: U256::from(call.maxFee),
            deadline: call.deadline.to(),
            signature: headframe_protocol::auth::DeviceSignature(
                Signature::try_from(call.signature.as_ref()).map_err(|_| "BadSig")?,
            ),
        };
        return pay(ledger, &claim, U256::from(call.fee)).map(Some);
    }
    let call = transferCall::abi_decode(input).map_err(|_| "no transfer")?;
    let balance = ledger.balances.entry((to, from)).or_default();
    *balance = balance.checked_sub(call.value).ok_or("too little")?;
    *ledger.balances.entry((to, call.to)).or_default() += call.value;
    Ok(None)
}

fn receipt(hash: B256, block: u64, worked: bool, logs: &[Value]) -> Value {
    json!({
        "transactionHash": hash, "transactionIndex": "0x0", "blockHash": B256::repeat_byte(7), "blockNumber": format!("{block:#x}"),
        "from": Address::ZERO, "to": Address::ZERO, "cumulativeGasUsed": "0x1", "gasUsed": "0x1", "contractAddress": null,
        "logs": logs, "logsBloom": Bytes::from(vec![0; 256]), "status": if worked { "0x1" } else { "0x0" }, "type": "0x2",
        "effectiveGasPrice": "0x1",
    })
}

fn block(ledger: &Ledger) -> Value {
    let zero = B256::ZERO;
    json!({
        "hash": B256::repeat_byte(7), "parentHash": zero, "sha3Uncles": zero, "miner": Address::ZERO, "stateRoot": zero,
        "transactionsRoot": zero, "receiptsRoot": zero, "logsBloom": Bytes::from(vec![0; 256]), "difficulty": "0x0",
        "number": format!("{:#x}", ledger.block), "gasLimit": "0x1c9c380", "gasUsed": "0x0",
        "timestamp": format!("{:#x}", ledger.time), "extraData": "0x", "mixHash": zero, "nonce": "0x0000000000000000",
        "baseFeePerGas": "0x3b9aca00", "size": "0x1", "transactions": [], "uncles": [],
    })
}
