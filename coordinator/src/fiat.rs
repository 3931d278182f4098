//! Payments by card: what the payment processor tells us, checked and written down, once for each reference.
//!
//! A processor is known by what it says: a signed message that a charge was paid, given back or disputed. [`stripe`] reads
//! one format of it; another processor is another file beside it. What a payment becomes is the same for all: the operator puts the
//! same sum of his own stablecoin on the chain, and the customer may spend it, but never take it away.

use std::{fmt, path::PathBuf};

use alloy_primitives::{Address, B256, keccak256};
use headframe_protocol::{CustomerId, Micros, TimestampMs};
use zeroize::Zeroizing;

use crate::{
    chain::{self, Chains},
    config::FiatConfig,
};

pub(crate) mod accept;
pub(crate) mod recover;
pub mod stripe;

/// What is needed to believe a processor, and where his payments go.
pub struct Till {
    secret: Zeroizing<Vec<u8>>,
    chain: u64,
}

impl fmt::Debug for Till {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Till").field("chain", &self.chain).finish_non_exhaustive()
    }
}

/// Why no payments by card can be taken.
#[derive(Debug, thiserror::Error)]
pub enum TillError {
    /// The secret cannot be read.
    #[error("could not use the processor's secret {path}")]
    Secret {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Nowhere to put the money.
    #[error("`fiat.chain` must be one of the chains under `chains`")]
    Chain,
}

impl Till {
    /// Reads the secret; nothing if the network takes no cards.
    ///
    /// # Errors
    /// [`TillError`] if it cannot be used.
    pub fn open(config: &FiatConfig, chains: &Chains) -> Result<Option<Self>, TillError> {
        let Some(path) = &config.stripe_secret_file else { return Ok(None) };
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| TillError::Secret { path: path.clone(), source };
        chain::check_private(path).map_err(|problem| failed(problem.into()))?;
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|error| failed(error.into()))?);
        let secret = Zeroizing::new(text.trim().as_bytes().to_vec());
        if secret.is_empty() {
            return Err(failed("it is empty".into()));
        }
        let chain = config.chain.or_else(|| chains.home().map(chain::Chain::id));
        let chain = chain.filter(|chain| chains.get(*chain).is_some()).ok_or(TillError::Chain)?;
        Ok(Some(Self { secret, chain }))
    }

    /// Where payments are credited.
    #[must_use]
    pub fn chain(&self) -> u64 {
        self.chain
    }

    /// Reads a message of Stripe's, if Stripe has signed it.
    ///
    /// # Errors
    /// [`FiatError`] if it has not, or if the message cannot be read.
    pub fn read(&self, signature: &str, body: &[u8], now: TimestampMs) -> Result<Told, FiatError> {
        stripe::verify(&self.secret, signature, body, now)?;
        stripe::read(body)
    }
}

/// What a processor tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A card was charged.
    Paid(Payment),
    /// Something of a charge was taken back.
    Reversed(Reversal),
    /// Something that does not move money here.
    Nothing,
}

/// What of a charge was taken back one way, since ever. The two ways add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reversal {
    /// The processor's name of the charge.
    pub reference: String,
    /// Which way.
    pub way: Way,
    /// In all, since ever.
    pub amount: Micros,
}

/// How a charge is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The operator has given it back.
    Refunded,
    /// The customer's bank has.
    Disputed,
}

/// A charge that was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The processor's name of the charge.
    pub reference: String,
    /// Whose account it is for.
    pub customer: CustomerId,
    /// How much.
    pub amount: Micros,
    /// Whether the bank has asked its customer, as 3-D Secure does.
    pub authenticated: bool,
}

/// Why a message is not believed or not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FiatError {
    /// Not signed by the processor, or signed long ago.
    #[error("the message is not signed by the processor, or too long ago")]
    Signature,
    /// Signed, and not what we know how to read.
    #[error("the message lacks {0}")]
    Content(&'static str),
}

/// What a new customer may pay by card in his first days, all payments together: stolen cards are found out within them.
pub(crate) const NEW_CUSTOMER_MAX: Micros = Micros::dollars(50);

/// One payment. Nobody's card pays more at once; a figure beyond it is a mistake.
pub(crate) const PAYMENT_MAX: Micros = Micros::dollars(100_000);

/// Where a payment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentState {
    /// The processor has it; the chain does not know yet.
    Paid,
    /// The chain is asked to credit it.
    Crediting,
    /// It can be spent.
    Credited,
    /// It was not taken: a new customer's limit, or a card nobody has authenticated. The operator gives it back.
    Refused,
    /// All of it was taken back before it could be spent.
    Void,
}

impl PaymentState {
    const ALL: [Self; 5] = [Self::Paid, Self::Crediting, Self::Credited, Self::Refused, Self::Void];

    /// Its text in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Crediting => "crediting",
            Self::Credited => "credited",
            Self::Refused => "refused",
            Self::Void => "void",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A payment as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptPayment {
    /// The processor's name of it.
    pub reference: String,
    /// Whose.
    pub customer: CustomerId,
    /// On which chain it is credited.
    pub chain: u64,
    /// How much.
    pub amount: Micros,
    /// Where it is.
    pub state: PaymentState,
    /// Whose credit it is on the chain, once the chain is asked for it.
    pub wallet: Option<Address>,
    /// What the chain is asked to credit: what was not reversed before.
    pub credited: Micros,
    /// Given back or disputed.
    pub reversed: Micros,
    /// Of that, never credited or taken back.
    pub recovered: Micros,
    /// Of that, lost: the platform bears it.
    pub borne: Micros,
    /// Unspent credit taken back, which the chain has to give up.
    pub withdrawing: Micros,
    /// Of that, given up.
    pub withdrawn: Micros,
    /// When the processor told us.
    pub created: TimestampMs,
}

impl KeptPayment {
    /// A payment nothing has happened to yet.
    #[must_use]
    pub fn new(payment: &Payment, chain: u64, state: PaymentState, created: TimestampMs) -> Self {
        let (reference, zero) = (payment.reference.clone(), Micros::ZERO);
        Self {
            reference,
            customer: payment.customer,
            chain,
            amount: payment.amount,
            state,
            wallet: None,
            credited: zero,
            reversed: zero,
            recovered: zero,
            borne: zero,
            withdrawing: zero,
            withdrawn: zero,
            created,
        }
    }

    /// The name the contract has for it.
    #[must_use]
    pub fn hash(&self) -> B256 {
        keccak256(format!("stripe:{}", self.reference))
    }

    /// What was reversed and is neither taken back nor given up.
    #[must_use]
    pub fn owed(&self) -> Micros {
        Micros::new(self.reversed.get() - self.recovered.get() - self.borne.get())
    }

    /// What the chain has still to give up.
    #[must_use]
    pub fn leaving(&self) -> Micros {
        Micros::new(self.withdrawing.get() - self.withdrawn.get())
    }
}

/// Whose credit it is on the chain if a customer has shown no wallet: an address nobody has the key of. Credit cannot be withdrawn
/// anyway; that it can be told apart from other customers' is all that is needed.
pub(crate) fn stand_in(customer: CustomerId) -> Address {
    Address::from_word(keccak256(format!("headframe:customer:{customer}")))
}
