//! What sending costs: a relayer's fee, or gas of the wallet's own.

use alloy::primitives::{Address, U256};
use headframe_protocol::{
    control::{Hazard, Warning},
    payout::RelayFee,
};

use super::{
    amount,
    chain::{Chain, GasPrice},
    error::WalletError,
    intent::{self, COIN_DECIMALS},
};
use crate::store::GasPlan;

/// More than this the distributor lets no relayer keep, in hundredths of a percent.
const FEE_MAX_BPS: u64 = 500;

/// More than this is said with a warning.
const FEE_HIGH_BPS: u64 = 100;

/// What surrounds a transaction of `bytes` bytes, if the wallet can pay for it.
pub(super) async fn own_gas(chain: &Chain, account: Address, limit: u64, bytes: u64) -> Result<GasPlan, WalletError> {
    let (nonce, price, data_fee, coin) =
        tokio::try_join!(chain.next_nonce(account), chain.gas_price(), chain.data_fee(bytes), chain.coin(account))?;
    let GasPrice { max_fee, max_priority_fee } = price;
    let gas = GasPlan { nonce, limit, max_fee_per_gas: max_fee, max_priority_fee_per_gas: max_priority_fee, data_fee };
    let most = intent::gas_cost(&gas);
    if coin < most {
        let (most, there) = (amount::text(most, COIN_DECIMALS), amount::text(coin, COIN_DECIMALS));
        return Err(WalletError::NoGas { chain: chain.profile.name.clone(), most, there });
    }
    Ok(gas)
}

/// Whether a relayer may take this much, and whether that is said with a warning.
pub(super) fn judge_fee(fee: &RelayFee, units: U256) -> Result<Option<Warning>, WalletError> {
    let share = |bps: u64| units.saturating_mul(U256::from(bps)) / U256::from(10_000);
    if fee.fee > share(FEE_MAX_BPS) {
        return Err(WalletError::impossible(format!(
            "Sending it now would take {} of it, more than the twentieth part that a relayer may keep. It stays yours and does not \
             expire: wait until there is more, or pay for gas yourself with --own-gas",
            fee.worth
        )));
    }
    let message = format!("The fee of {} is more than a hundredth of what you take.", fee.worth);
    Ok((fee.fee > share(FEE_HIGH_BPS)).then_some(Warning { hazard: Hazard::HighFee, message, confirm: true }))
}
