//! What is sent to a chain: made, handed over, and looked after. How long it is looked after is in [`pace`](super::pace).

use alloy::{
    consensus::TxEip1559,
    eips::{BlockId, eip2930::AccessList},
    network::TransactionBuilder as _,
    providers::Provider as _,
    sol_types::SolCall,
    transports::TransportError,
};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};

use super::{Chain, ChainError, TransactionRequest};
use crate::wallet::SignedTransaction;

/// Room above what a call was estimated to take: another's transaction may come first and make it dearer.
const GAS_MARGIN_PERCENT: u64 = 30;

/// How much more a transaction pays that takes another's place. Nodes refuse less than a tenth more.
const BUMP_PERCENT: u128 = 25;

/// The most of a node's answer that is shown.
const REASON_CHARS_MAX: usize = 300;

/// What nodes say of a transaction they have already, or whose number is used; then its receipt says the rest.
const KNOWN_ALREADY: [&str; 4] = ["already known", "already imported", "known transaction", "nonce too low"];

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// In no block yet.
    Waiting,
    /// In a block that may still be taken back.
    Included {
        /// How many blocks are still to come on top of it.
        left: u64,
    },
    /// In a block that nothing takes back.
    Final {
        /// Whether it did what it should.
        worked: bool,
    },
    /// It can never be in a block: its number belongs to another.
    Replaced,
}

impl Chain {
    /// What a wallet has of the chain's own coin.
    #[allow(clippy::missing_errors_doc, reason = "said once at `connect`")]
    pub async fn coin(&self, wallet: Address) -> Result<U256, ChainError> {
        self.provider.get_balance(wallet).await.map_err(|source| self.failed("a balance", source))
    }

    /// Whether a wallet can pay for transactions at all.
    ///
    /// # Errors
    /// [`ChainError::NoGas`] if it has nothing of the chain's own coin.
    pub async fn check_gas(&self, wallet: Address) -> Result<(), ChainError> {
        let has = self.coin(wallet).await?;
        let nothing = || ChainError::NoGas { chain: self.name().to_owned(), wallet, has, needed: None };
        if has.is_zero() { Err(nothing()) } else { Ok(()) }
    }

    /// Whether a wallet has a transaction in no block yet.
    #[allow(clippy::missing_errors_doc, reason = "said once at `connect`")]
    pub async fn is_busy(&self, wallet: Address) -> Result<bool, ChainError> {
        let taken = self.provider.get_transaction_count(wallet).await;
        let sent = self.provider.get_transaction_count(wallet).pending().await;
        let number = |count: Result<u64, TransportError>| count.map_err(|source| self.failed("a wallet's next number", source));
        Ok(number(sent)? > number(taken)?)
    }

    /// A transaction of `wallet` that calls a contract, ready to be signed: the chain was asked whether it would work, and the wallet
    /// has what it may cost.
    ///
    /// # Errors
    /// [`ChainError::NoGas`], [`ChainError::Refused`], or as at [`Chain::connect`].
    pub async fn prepare(
        &self,
        wallet: Address,
        to: Address,
        call: &impl SolCall,
        act: &'static str,
    ) -> Result<TxEip1559, ChainError> {
        self.check_gas(wallet).await?;
        let input = Bytes::from(call.abi_encode());
        let request = TransactionRequest::default().with_from(wallet).with_to(to).with_input(input.clone());
        let gas = self.provider.estimate_gas(request).await.map_err(|error| self.refused(act, error))?;
        let gas_limit = gas.saturating_add(gas.saturating_mul(GAS_MARGIN_PERCENT) / 100);
        let fees = self.provider.estimate_eip1559_fees().await.map_err(|source| self.failed("what gas costs", source))?;
        let nonce = self.provider.get_transaction_count(wallet).pending().await;
        let transaction = TxEip1559 {
            chain_id: self.id(),
            nonce: nonce.map_err(|source| self.failed("a wallet's next number", source))?,
            gas_limit,
            max_fee_per_gas: fees.max_fee_per_gas,
            max_priority_fee_per_gas: fees.max_priority_fee_per_gas,
            to: TxKind::Call(to),
            value: U256::ZERO,
            access_list: AccessList::default(),
            input,
        };
        self.check_funds(wallet, &transaction).await?;
        Ok(transaction)
    }

    /// Hands a transaction over. Handed over twice it is one transaction.
    ///
    /// # Errors
    /// [`ChainError::Refused`] if the node does not take it.
    pub async fn send(&self, signed: &SignedTransaction, act: &'static str) -> Result<(), ChainError> {
        match self.provider.send_raw_transaction(&signed.raw).await {
            Ok(_pending) => Ok(()),
            Err(error) if is_known(&error) => Ok(()),
            Err(error) => Err(self.refused(act, error)),
        }
    }

    /// What became of a transaction of `wallet`, whichever of its versions: all have the same number, so that one at most is taken.
    #[allow(clippy::missing_errors_doc, reason = "said once at `connect`")]
    pub async fn fate(&self, wallet: Address, versions: &[SignedTransaction]) -> Result<Fate, ChainError> {
        let head = self.provider.get_block_number().await.map_err(|source| self.failed("its newest block", source))?;
        let last_final = head.saturating_sub(self.profile.finality_blocks);
        // Asked before the receipts: what reaches a block in between must not look replaced.
        let final_count = self.provider.get_transaction_count(wallet).block_id(BlockId::number(last_final)).await;
        let final_count = final_count.map_err(|source| self.failed("a wallet's number", source))?;
        for SignedTransaction { hash, .. } in versions {
            let receipt = self.provider.get_transaction_receipt(*hash).await;
            let receipt = receipt.map_err(|source| self.failed("what became of a transaction", source))?;
            if let Some((receipt, block)) = receipt.and_then(|receipt| receipt.block_number.map(|block| (receipt, block))) {
                let left = block.saturating_add(self.profile.finality_blocks).saturating_sub(head);
                return Ok(if left == 0 { Fate::Final { worked: receipt.status() } } else { Fate::Included { left } });
            }
        }
        let passed = versions.first().is_some_and(|signed| final_count > signed.nonce);
        Ok(if passed { Fate::Replaced } else { Fate::Waiting })
    }

    /// The same transaction for a fee that chains take in the place of the former one; nothing if the former pays what is asked now.
    ///
    /// # Errors
    /// [`ChainError::NoGas`], or as at [`Chain::connect`].
    pub async fn dearer(&self, wallet: Address, former: &SignedTransaction) -> Result<Option<TxEip1559>, ChainError> {
        let mut transaction = former.decoded().ok_or_else(|| self.garbled("a transaction of ours"))?;
        let fees = self.provider.estimate_eip1559_fees().await.map_err(|source| self.failed("what gas costs", source))?;
        if fees.max_fee_per_gas <= transaction.max_fee_per_gas {
            return Ok(None);
        }
        let bumped = |fee: u128| fee.saturating_add(fee / 100 * BUMP_PERCENT).saturating_add(1);
        let priority = bumped(transaction.max_priority_fee_per_gas).max(fees.max_priority_fee_per_gas);
        transaction.max_fee_per_gas = bumped(transaction.max_fee_per_gas).max(fees.max_fee_per_gas);
        transaction.max_priority_fee_per_gas = priority.min(transaction.max_fee_per_gas);
        self.check_funds(wallet, &transaction).await?;
        Ok(Some(transaction))
    }

    /// The version that is in a block; the newest if none is.
    #[allow(clippy::missing_errors_doc, reason = "said once at `connect`")]
    pub async fn taken(&self, versions: &[SignedTransaction]) -> Result<B256, ChainError> {
        let newest = versions.last().map(|signed| signed.hash).unwrap_or_default();
        for SignedTransaction { hash, .. } in versions.iter().rev().skip(1) {
            let receipt = self.provider.get_transaction_receipt(*hash).await;
            if receipt.map_err(|source| self.failed("what became of a transaction", source))?.is_some() {
                return Ok(*hash);
            }
        }
        Ok(newest)
    }

    async fn check_funds(&self, wallet: Address, transaction: &TxEip1559) -> Result<(), ChainError> {
        let needed = U256::from(transaction.gas_limit).saturating_mul(U256::from(transaction.max_fee_per_gas));
        let has = self.coin(wallet).await?;
        let chain = || self.name().to_owned();
        if needed > has { Err(ChainError::NoGas { chain: chain(), wallet, has, needed: Some(needed) }) } else { Ok(()) }
    }

    /// An answer of the node is its reason; without one the node is away.
    fn refused(&self, act: &'static str, error: TransportError) -> ChainError {
        let Some(answer) = error.as_error_resp() else { return self.failed("whether it takes a transaction", error) };
        let data = answer.data.as_ref().map(|data| data.get().to_owned()).unwrap_or_default();
        let said = format!("{} {data}", answer.message);
        let reason: String = said.chars().filter(|letter| !letter.is_control()).take(REASON_CHARS_MAX).collect();
        ChainError::Refused { chain: self.name().to_owned(), act, reason: reason.trim().to_owned() }
    }
}

fn is_known(error: &TransportError) -> bool {
    error.as_error_resp().is_some_and(|answer| {
        let text = answer.message.to_lowercase();
        KNOWN_ALREADY.iter().any(|known| text.contains(known))
    })
}
