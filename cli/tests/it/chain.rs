//! A chain that is one struct: a token or two, the Market and the Distributor, and what was sent, behind JSON-RPC.

use std::collections::{HashMap, HashSet};

use alloy::{
    consensus::{Transaction as _, TxEnvelope},
    eips::eip2718::Decodable2718 as _,
    sol_types::{SolCall as _, SolValue as _},
};
use alloy_primitives::{Address, B256, Bytes, U256, hex};
use headframe_contracts::{IDistributor, IERC20Metadata, IMarket};
use headframe_protocol::chain::{Asset, AssetKind, Authorization, ChainProfile, Contracts, Features, Permit, Windows};
use serde_json::{Value, json};

pub(crate) const CHAIN_ID: u64 = 31_337;
pub(crate) const USDC: Address = Address::repeat_byte(0xa1);
pub(crate) const HFR: Address = Address::repeat_byte(0xa2);
pub(crate) const MARKET: Address = Address::repeat_byte(0xd3);
pub(crate) const DISTRIBUTOR: Address = Address::repeat_byte(0xd1);

/// When every block is made, in seconds since 1970.
pub(crate) const TIME: u64 = 0x713f_b300;

/// Blocks after which nothing is taken back.
const FINALITY: u64 = 3;

/// What happens to the next transaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It is in the next block.
    #[default]
    Well,
    /// It is in no block until the chain is well again.
    Stalls,
    /// It is in a block and does nothing.
    Reverts,
    /// The line breaks before it arrives.
    Loses,
    /// It is in the next block, and the line breaks before that is said.
    Mutes,
}

/// A tab, as the Market has it.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) customer: Address,
    pub(crate) asset: Address,
    pub(crate) order: B256,
    pub(crate) reserved: u128,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Head. Every question for it makes a block.
    pub(crate) block: u64,
    pub(crate) mood: Mood,
    pub(crate) coins: HashMap<Address, U256>,
    pub(crate) tokens: HashMap<(Address, Address), U256>,
    pub(crate) allowances: HashMap<(Address, Address), U256>,
    pub(crate) free: HashMap<(Address, Address), u128>,
    pub(crate) sessions: HashMap<B256, Session>,
    pub(crate) revoked: HashSet<(Address, B256)>,
    /// What gas costs, in wei. Transactions that pay less are refused.
    pub(crate) gas_price: u128,
    /// What the token says its decimals are.
    pub(crate) usdc_decimals: u8,
    /// What was carried out, in its order.
    pub(crate) done: Vec<String>,
    /// Every transaction that arrived, as often as it did.
    pub(crate) arrived: Vec<B256>,
    pub(crate) active: Option<IDistributor::Root>,
    pub(crate) pending: Option<IDistributor::Root>,
    pub(crate) totals: Vec<IDistributor::Total>,
    nonces: HashMap<Address, u64>,
    receipts: HashMap<B256, (u64, bool)>,
    pool: Vec<TxEnvelope>,
}

/// The chain as the network publishes it.
pub(crate) fn profile(rpc: &str) -> ChainProfile {
    let asset = |address, symbol: &str, decimals, kind, fee_bps| Asset {
        address,
        symbol: symbol.to_owned(),
        decimals,
        kind,
        fee_bps,
        eip712: None,
        permit: Permit::None,
        authorization: Authorization::None,
    };
    ChainProfile {
        version: 1,
        name: "Home".to_owned(),
        chain_id: CHAIN_ID,
        rpc: vec!["http://127.0.0.1:1".parse().expect("an address"), rpc.parse().expect("an address")],
        finality_blocks: FINALITY,
        contracts: Contracts {
            access_manager: Address::repeat_byte(0xd5),
            timelock: Address::repeat_byte(0xd6),
            hfr: Some(HFR),
            market: MARKET,
            distributor: DISTRIBUTOR,
        },
        windows: Windows { dispute_seconds: 60, challenge_seconds: 60 },
        assets: vec![asset(USDC, "USDC", 6, AssetKind::Stable, 1_000), asset(HFR, "HFR", 18, AssetKind::Hfr, 600)],
        explorer: None,
        features: Features { rig_sales: false },
        deployed_at_block: 1,
    }
}

impl Ledger {
    /// Makes the chain well again, and puts what waits into a block.
    pub(crate) fn recover(&mut self) {
        self.mood = Mood::Well;
        for envelope in std::mem::take(&mut self.pool) {
            self.include(&envelope, true);
        }
    }

    /// The answer to a question; `None` if the line breaks.
    pub(crate) fn answer(&mut self, call: &Value) -> Option<Value> {
        let (method, params) = (call["method"].as_str().unwrap_or_default(), &call["params"]);
        let (loses, mutes) = (self.mood == Mood::Loses, self.mood == Mood::Mutes);
        if method == "eth_sendRawTransaction" && loses {
            return None;
        }
        let outcome = self.result(method, params);
        if method == "eth_sendRawTransaction" && mutes {
            return None;
        }
        Some(match outcome {
            Ok(result) => json!({"jsonrpc": "2.0", "id": call["id"], "result": result}),
            Err(message) => json!({"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32000, "message": message}}),
        })
    }

    fn result(&mut self, method: &str, params: &Value) -> Result<Value, String> {
        let address = |value: &Value| value.as_str().and_then(|text| text.parse::<Address>().ok()).ok_or("no address");
        Ok(match method {
            "eth_chainId" => json!(format!("{CHAIN_ID:#x}")),
            "eth_blockNumber" => {
                self.block += 1;
                json!(format!("{:#x}", self.block))
            }
            "eth_getBalance" => json!(self.coins.get(&address(&params[0])?).copied().unwrap_or_default()),
            "eth_getTransactionCount" => {
                let wallet = address(&params[0])?;
                let waiting = if params[1] == "pending" { self.pool.len() as u64 } else { 0 };
                json!(format!("{:#x}", self.nonces.get(&wallet).copied().unwrap_or_default() + waiting))
            }
            "eth_estimateGas" => json!("0xc350"),
            "eth_feeHistory" => {
                let price = format!("{:#x}", self.gas_price);
                json!({"oldestBlock": "0x1", "baseFeePerGas": [price, price], "gasUsedRatio": [0.5], "reward": [["0x5f5e100"]]})
            }
            "eth_getBlockByNumber" => block(self.block),
            "eth_call" => self.view(&params[0])?,
            "eth_sendRawTransaction" => self.take(params[0].as_str().unwrap_or_default())?,
            "eth_getTransactionReceipt" => {
                let hash: B256 = params[0].as_str().unwrap_or_default().parse().map_err(|_| "no hash")?;
                self.receipts.get(&hash).map_or(Value::Null, |(block, worked)| receipt(hash, *block, *worked))
            }
            other => return Err(format!("the fake chain does not know {other}")),
        })
    }

    fn view(&self, request: &Value) -> Result<Value, String> {
        let to: Address = request["to"].as_str().unwrap_or_default().parse().map_err(|_| "no address")?;
        let data = request["input"].as_str().or(request["data"].as_str()).unwrap_or_default();
        let data = hex::decode(data).map_err(|_| "no data")?;
        let selector: [u8; 4] = data.get(..4).and_then(|four| four.try_into().ok()).ok_or("no selector")?;
        let bytes = match to {
            MARKET => self.market_view(selector, &data),
            DISTRIBUTOR => self.distributor_view(selector, &data),
            token => self.token_view(token, selector, &data),
        };
        Ok(json!(hex::encode_prefixed(bytes.ok_or("execution reverted")?)))
    }

    fn token_view(&self, token: Address, selector: [u8; 4], data: &[u8]) -> Option<Vec<u8>> {
        let (decimals, symbol) = if token == USDC { (self.usdc_decimals, "USDC") } else { (18, "HFR") };
        Some(match selector {
            IERC20Metadata::decimalsCall::SELECTOR => U256::from(decimals).abi_encode(),
            IERC20Metadata::symbolCall::SELECTOR => symbol.abi_encode(),
            IERC20Metadata::balanceOfCall::SELECTOR => {
                let account = IERC20Metadata::balanceOfCall::abi_decode(data).ok()?.account;
                self.tokens.get(&(token, account)).copied().unwrap_or_default().abi_encode()
            }
            IERC20Metadata::allowanceCall::SELECTOR => {
                let call = IERC20Metadata::allowanceCall::abi_decode(data).ok().filter(|call| call.spender == MARKET)?;
                self.allowances.get(&(token, call.owner)).copied().unwrap_or_default().abi_encode()
            }
            _ => return None,
        })
    }

    fn market_view(&self, selector: [u8; 4], data: &[u8]) -> Option<Vec<u8>> {
        Some(match selector {
            IMarket::assetOfCall::SELECTOR => (true, U256::from(1_000), U256::from(1)).abi_encode(),
            IMarket::pausedUntilCall::SELECTOR => U256::ZERO.abi_encode(),
            IMarket::balanceOfCall::SELECTOR => {
                let call = IMarket::balanceOfCall::abi_decode(data).ok()?;
                let free = self.free.get(&(call.customer, call.asset)).copied().unwrap_or_default();
                (U256::from(free), U256::ZERO).abi_encode()
            }
            IMarket::orderOfCall::SELECTOR => {
                let call = IMarket::orderOfCall::abi_decode(data).ok()?;
                (U256::ZERO, self.revoked.contains(&(call.customer, call.orderId))).abi_encode()
            }
            IMarket::sessionOfCall::SELECTOR => {
                let id = IMarket::sessionOfCall::abi_decode(data).ok()?.session;
                let nobody = Session { customer: Address::ZERO, asset: Address::ZERO, order: B256::ZERO, reserved: 0 };
                let Session { customer, asset, order, reserved } = self.sessions.get(&id).cloned().unwrap_or(nobody);
                let state = U256::from(u8::from(!customer.is_zero()));
                let words = (U256::from(1_000), U256::from(reserved), U256::ZERO, U256::ZERO, U256::ZERO, U256::ZERO);
                (customer, asset, order, state, false, words.0, words.1, words.2, words.3, words.4, words.5).abi_encode()
            }
            _ => return None,
        })
    }

    fn distributor_view(&self, selector: [u8; 4], data: &[u8]) -> Option<Vec<u8>> {
        Some(match selector {
            IDistributor::activeCall::SELECTOR => root(self.active.as_ref()).abi_encode(),
            IDistributor::pendingCall::SELECTOR => root(self.pending.as_ref()).abi_encode(),
            IDistributor::pendingTotalsCall::SELECTOR => IDistributor::pendingTotalsCall::abi_encode_returns(&self.totals),
            IDistributor::totalOfCall::SELECTOR => {
                let asset = IDistributor::totalOfCall::abi_decode(data).ok()?.asset;
                let total = self.totals.iter().find(|total| total.asset == asset);
                (total.map_or(U256::ZERO, |total| U256::from(total.cumulative)), U256::ZERO).abi_encode()
            }
            _ => return None,
        })
    }

    fn take(&mut self, raw: &str) -> Result<Value, String> {
        let raw = hex::decode(raw).map_err(|_| "no bytes")?;
        let envelope = TxEnvelope::decode_2718(&mut raw.as_slice()).map_err(|_| "no transaction")?;
        let hash = *envelope.tx_hash();
        self.arrived.push(hash);
        if self.receipts.contains_key(&hash) || self.pool.iter().any(|waiting| waiting.tx_hash() == envelope.tx_hash()) {
            return Err("already known".to_owned());
        }
        if envelope.chain_id() != Some(CHAIN_ID) {
            return Err("invalid chain id".to_owned());
        }
        if envelope.nonce() < self.nonces.get(&sender(&envelope)).copied().unwrap_or_default() {
            return Err("nonce too low".to_owned());
        }
        if envelope.max_fee_per_gas() < self.gas_price {
            return Err("max fee per gas less than block base fee".to_owned());
        }
        match self.mood {
            Mood::Well | Mood::Mutes | Mood::Loses => self.include(&envelope, true),
            Mood::Reverts => self.include(&envelope, false),
            Mood::Stalls => self.pool.push(envelope),
        }
        Ok(json!(hash))
    }

    fn include(&mut self, envelope: &TxEnvelope, works: bool) {
        let from = sender(envelope);
        let worked = works && self.carry_out(from, envelope).is_some();
        *self.nonces.entry(from).or_default() += 1;
        self.block += 1;
        self.receipts.insert(*envelope.tx_hash(), (self.block, worked));
    }

    fn carry_out(&mut self, from: Address, envelope: &TxEnvelope) -> Option<()> {
        let (to, input) = (envelope.to()?, envelope.input());
        if let Ok(call) = IERC20Metadata::approveCall::abi_decode(input) {
            (call.spender == MARKET).then_some(())?;
            self.allowances.insert((to, from), call.value);
            self.done.push(format!("approve {}", call.value));
        } else if let Ok(call) = IMarket::depositCall::abi_decode(input) {
            let amount = U256::from(call.amount);
            let allowance = self.allowances.entry((call.asset, from)).or_default();
            *allowance = allowance.checked_sub(amount)?;
            let tokens = self.tokens.entry((call.asset, from)).or_default();
            *tokens = tokens.checked_sub(amount)?;
            *self.free.entry((from, call.asset)).or_default() += call.amount;
            self.done.push(format!("deposit {}", call.amount));
        } else if let Ok(call) = IMarket::withdrawCall::abi_decode(input) {
            let free = self.free.entry((from, call.asset)).or_default();
            *free = free.checked_sub(call.amount)?;
            *self.tokens.entry((call.asset, call.to)).or_default() += U256::from(call.amount);
            self.done.push(format!("withdraw {} to {}", call.amount, if call.to == from { "itself" } else { "another" }));
        } else if let Ok(call) = IDistributor::vetoCall::abi_decode(input) {
            self.pending.take()?;
            self.done.push(format!("veto: {}", call.reason));
        } else if let Ok(call) = IMarket::revokeOrderCall::abi_decode(input) {
            self.revoked.insert((from, call.orderId));
            self.done.push("revoke an order".to_owned());
        } else {
            return None;
        }
        Some(())
    }
}

fn root(root: Option<&IDistributor::Root>) -> IDistributor::Root {
    let none = IDistributor::Root { root: B256::ZERO, dataHash: B256::ZERO, epoch: 0, readyAt: 0 };
    root.cloned().unwrap_or(none)
}

fn sender(envelope: &TxEnvelope) -> Address {
    envelope.signature().recover_address_from_prehash(&envelope.signature_hash()).expect("a signed transaction")
}

fn receipt(hash: B256, block: u64, worked: bool) -> Value {
    json!({
        "transactionHash": hash, "transactionIndex": "0x0", "blockHash": B256::repeat_byte(7), "blockNumber": format!("{block:#x}"),
        "from": Address::ZERO, "to": Address::ZERO, "cumulativeGasUsed": "0x1", "gasUsed": "0x1", "contractAddress": null,
        "logs": [], "logsBloom": Bytes::from(vec![0; 256]), "status": if worked { "0x1" } else { "0x0" }, "type": "0x2",
        "effectiveGasPrice": "0x1",
    })
}

fn block(number: u64) -> Value {
    let zero = B256::ZERO;
    json!({
        "hash": B256::repeat_byte(7), "parentHash": zero, "sha3Uncles": zero, "miner": Address::ZERO, "stateRoot": zero,
        "transactionsRoot": zero, "receiptsRoot": zero, "logsBloom": Bytes::from(vec![0; 256]), "difficulty": "0x0",
        "number": format!("{number:#x}"), "gasLimit": "0x1c9c380", "gasUsed": "0x0", "timestamp": format!("{TIME:#x}"), "extraData": "0x",
        "mixHash": zero, "nonce": "0x0000000000000000", "baseFeePerGas": "0x3b9aca00", "size": "0x1", "transactions": [],
        "uncles": [],
    })
}
