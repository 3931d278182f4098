//! What is sent to a chain: made, signed, handed over, and followed until nothing takes it back.

use std::time::Duration;

use alloy::{
    consensus::TxEip1559,
    eips::{BlockId, eip2930::AccessList},
    network::TransactionBuilder as _,
    providers::Provider as _,
    sol_types::SolCall,
    transports::TransportError,
};
use alloy_primitives::{Address, Bytes, TxKind, U256};

use tokio::time::Instant;

use super::{Chain, ChainError, TransactionRequest};
use crate::{error::MoneyError, wallet::SignedTransaction};

/// Room above what a call was estimated to take: another's transaction may come first and make it dearer.
const GAS_MARGIN_PERCENT: u64 = 30;

/// The most of a node's answer that is shown.
const REASON_CHARS_MAX: usize = 300;

/// What nodes say of a transaction they have already, or whose number is used; then its receipt says the rest.
const KNOWN_ALREADY: [&str; 4] = ["already known", "already imported", "known transaction", "nonce too low"];

/// How often a node that is away is asked again before that is told.
const TRIES: u32 = 10;

/// How a chain is followed.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Between two looks.
    pub look: Duration,
    /// How long something may stay out of every block, and how long the network may take to reserve money.
    pub patience: Duration,
}

impl Pace {
    /// For a person who waits: a block of a fast chain a look, and five minutes before he is told to come back.
    pub const PERSON: Self = Self { look: Duration::from_secs(2), patience: Duration::from_secs(300) };
}

impl Pace {
    /// Asks the chain, and again if it is away for a moment.
    ///
    /// # Errors
    /// What the chain said last.
    pub async fn patiently<T>(&self, mut ask: impl AsyncFnMut() -> Result<T, ChainError>) -> Result<T, ChainError> {
        let mut left = TRIES;
        loop {
            match ask().await {
                Err(error) if error.may_pass() && left > 0 => left -= 1,
                answered => return answered,
            }
            tokio::time::sleep(self.look).await;
        }
    }

    /// Waits until everything a wallet has sent is in a block: what is signed before that is signed on a guess.
    ///
    /// # Errors
    /// [`ChainError::Busy`] if it takes too long.
    pub async fn until_quiet(&self, chain: &Chain, wallet: Address) -> Result<(), ChainError> {
        let since = Instant::now();
        while self.patiently(async || chain.is_busy(wallet).await).await? {
            if since.elapsed() > self.patience {
                return Err(ChainError::Busy { chain: chain.name().to_owned(), wallet });
            }
            tokio::time::sleep(self.look).await;
        }
        Ok(())
    }

    /// Follows a transaction until nothing takes it back.
    ///
    /// # Errors
    /// [`MoneyError::Slow`] if it stays out of every block, [`ChainError::Reverted`] or [`ChainError::Replaced`] if it came to
    /// nothing.
    pub async fn follow(
        &self,
        chain: &Chain,
        wallet: Address,
        signed: &SignedTransaction,
        act: &'static str,
        tell: impl Fn(Fate),
    ) -> Result<(), MoneyError> {
        let (mut last, mut since) = (None, Instant::now());
        let (name, transaction) = (chain.name().to_owned(), signed.hash);
        loop {
            let fate = self.patiently(async || chain.fate(wallet, signed).await).await?;
            match fate {
                Fate::Final { worked: true } => return Ok(()),
                Fate::Final { worked: false } => return Err(ChainError::Reverted { chain: name, act, transaction }.into()),
                Fate::Replaced => return Err(ChainError::Replaced { chain: name, act, transaction }.into()),
                Fate::Waiting | Fate::Included { .. } => tell(fate),
            }
            if last != Some(fate) {
                (last, since) = (Some(fate), Instant::now());
            }
            if since.elapsed() > self.patience {
                return Err(MoneyError::Slow { chain: name, transaction });
            }
            tokio::time::sleep(self.look).await;
        }
    }
}

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
        let needed = U256::from(gas_limit).saturating_mul(U256::from(fees.max_fee_per_gas));
        let has = self.coin(wallet).await?;
        if needed > has {
            return Err(ChainError::NoGas { chain: self.name().to_owned(), wallet, has, needed: Some(needed) });
        }
        let nonce = self.provider.get_transaction_count(wallet).pending().await;
        Ok(TxEip1559 {
            chain_id: self.id(),
            nonce: nonce.map_err(|source| self.failed("a wallet's next number", source))?,
            gas_limit,
            max_fee_per_gas: fees.max_fee_per_gas,
            max_priority_fee_per_gas: fees.max_priority_fee_per_gas,
            to: TxKind::Call(to),
            value: U256::ZERO,
            access_list: AccessList::default(),
            input,
        })
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

    /// What became of a transaction of `wallet`.
    #[allow(clippy::missing_errors_doc, reason = "said once at `connect`")]
    pub async fn fate(&self, wallet: Address, signed: &SignedTransaction) -> Result<Fate, ChainError> {
        let head = self.provider.get_block_number().await.map_err(|source| self.failed("its newest block", source))?;
        let last_final = head.saturating_sub(self.profile.finality_blocks);
        // Asked before the receipt: what reaches a block in between must not look replaced.
        let final_count = self.provider.get_transaction_count(wallet).block_id(BlockId::number(last_final)).await;
        let final_count = final_count.map_err(|source| self.failed("a wallet's number", source))?;
        let receipt = self.provider.get_transaction_receipt(signed.hash).await;
        let receipt = receipt.map_err(|source| self.failed("what became of a transaction", source))?;
        let Some((receipt, block)) = receipt.and_then(|receipt| receipt.block_number.map(|block| (receipt, block))) else {
            return Ok(if final_count > signed.nonce { Fate::Replaced } else { Fate::Waiting });
        };
        let settled = block.saturating_add(self.profile.finality_blocks);
        let left = settled.saturating_sub(head);
        Ok(if left == 0 { Fate::Final { worked: receipt.status() } } else { Fate::Included { left } })
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
