//! A rig that signs, and credits made from what it signed.

use std::sync::LazyLock;

use alloy::signers::{SignerSync as _, local::PrivateKeySigner};
use alloy_primitives::{Address, B256};
use headframe_accounts::{
    Decimals, Distributor, EpochFile, FeeBps,
    audit::Announced,
    epoch::{Cause, Credit, Draft, Token, Work, build},
};
use headframe_protocol::{
    DeviceId, Micros, TimestampMs,
    auth::DeviceSignature,
    chain::AssetKind,
    payout::{SignedSpendEarnings, SpendEarnings},
    receipt::{Receipt, SignedReceipt},
};

pub(crate) const NETWORK: &str = "test";
pub(crate) const USD: Address = Address::repeat_byte(0xc1);
pub(crate) const HFR: Address = Address::repeat_byte(0xe1);
pub(crate) const DISTRIBUTOR: Distributor = Distributor { chain_id: 31_337, address: Address::repeat_byte(0xd1) };
pub(crate) const START: TimestampMs = TimestampMs::from_millis(1_764_000_000_000);
pub(crate) const HOUR_MS: u64 = 3_600_000;

const DAY_MS: i64 = 24 * 3_600_000;

static KEY: LazyLock<PrivateKeySigner> = LazyLock::new(|| PrivateKeySigner::from_bytes(&B256::repeat_byte(0x11)).expect("a key"));

/// The end of the day with this number, and the beginning of the next; day 0 is [`START`].
pub(crate) fn day(number: i64) -> TimestampMs {
    TimestampMs::from_millis(START.as_millis() + number * DAY_MS)
}

pub(crate) fn account(number: u8) -> Address {
    Address::repeat_byte(number.max(1))
}

/// A receipt for 100 hours of the attempt with this number.
pub(crate) fn receipt(attempt: usize) -> SignedReceipt {
    static SIGNED: LazyLock<Vec<SignedReceipt>> = LazyLock::new(|| (0..48).map(|n| sign(receipt_for(NETWORK, n))).collect());
    SIGNED[attempt].clone()
}

pub(crate) fn receipt_for(network: &str, attempt: usize) -> Receipt {
    let id = |prefix: &str| format!("{prefix}_{attempt:032x}");
    Receipt {
        network: network.to_owned(),
        job: id("job").parse().expect("an id"),
        attempt: id("att").parse().expect("an id"),
        device: DeviceId(KEY.address()),
        epoch: 1,
        sequence: 7,
        running_ms: 100 * HOUR_MS,
    }
}

pub(crate) fn sign(receipt: Receipt) -> SignedReceipt {
    let signature = DeviceSignature(KEY.sign_hash_sync(&receipt.signing_hash()).expect("a signature"));
    SignedReceipt { receipt, signature }
}

pub(crate) fn spend(amount: i64, nonce: u8) -> SignedSpendEarnings {
    let spend = SpendEarnings {
        network: NETWORK.to_owned(),
        device: DeviceId(KEY.address()),
        customer: format!("cus_{:032x}", 1).parse().expect("an id"),
        amount: Micros::new(amount),
        nonce: B256::repeat_byte(nonce),
        issued_ms: START,
    };
    let signature = DeviceSignature(KEY.sign_hash_sync(&spend.device_hash()).expect("a signature"));
    SignedSpendEarnings { spend, signature }
}

/// What `charged_ms` of an attempt cost at `price_per_hour`, in stablecoin.
pub(crate) fn work(attempt: usize, price_per_hour: i64, charged_ms: u64) -> Work {
    let price_per_hour = Micros::new(price_per_hour);
    Work {
        signed_receipt: receipt(attempt),
        price_per_hour,
        fee_bps: FeeBps::STABLE.get(),
        charged_ms,
        charged: price_per_hour.per_hour_for(charged_ms),
        capped_at: None,
        paid_before: None,
        used_before: None,
    }
}

/// What the supplier gets of it.
pub(crate) fn due(work: &Work) -> Micros {
    let fee = work.charged.fee(work.fee_bps);
    Micros::new(work.charged.get() - fee.get() - work.paid_before.map_or(0, Micros::get))
}

pub(crate) fn credit(id: &str, to: Address, asset: Address, amount: i64, cause: Cause) -> Credit {
    Credit { id: id.to_owned(), account: to, asset, amount: Micros::new(amount), cause }
}

/// A credit that pays an attempt its due.
pub(crate) fn job(id: &str, to: Address, asset: Address, work: Work) -> Credit {
    credit(id, to, asset, due(&work).get(), Cause::Job { work })
}

pub(crate) fn correction(id: &str, to: Address, asset: Address, amount: i64) -> Credit {
    credit(id, to, asset, amount, Cause::Correction { reason: "Paid to the wrong account.".to_owned() })
}

/// What the Distributor says when `file` is proposed.
pub(crate) fn announced(file: &EpochFile) -> Announced {
    let totals = file.assets.iter().map(|total| (total.asset, total.cumulative)).collect();
    Announced { epoch: file.epoch, root: file.root, data_hash: file.data_hash(), totals }
}

/// The epoch that ends with day `to`.
pub(crate) fn draft(from: i64, to: i64, credits: Vec<Credit>) -> Draft {
    let token = |asset, kind, symbol: &str, digits| {
        let decimals = Decimals::new(digits).expect("in range");
        Token { asset, kind, symbol: symbol.to_owned(), decimals }
    };
    let tokens = vec![token(USD, AssetKind::Stable, "USDC", 6), token(HFR, AssetKind::Hfr, "HFR", 18)];
    Draft { network: NETWORK.to_owned(), distributor: DISTRIBUTOR, from_ms: day(from), to_ms: day(to), tokens, credits }
}

/// A first file.
pub(crate) fn first(credits: Vec<Credit>) -> EpochFile {
    build(draft(0, 1, credits), None).expect("the credits are in order")
}

/// The file after `previous`, a day long.
pub(crate) fn next(previous: &EpochFile, credits: Vec<Credit>) -> EpochFile {
    let from = (previous.to_ms.as_millis() - START.as_millis()) / DAY_MS;
    build(draft(from, from + 1, credits), Some(previous)).expect("the credits are in order")
}
