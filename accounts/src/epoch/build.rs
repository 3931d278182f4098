//! Makes an epoch file from the previous one and what has come since. The same whatever order the credits come in.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256};
use headframe_protocol::{TimestampMs, chain::AssetKind};

use super::{
    ASSETS_MAX, AssetTotal, ENTRIES_MAX, EpochFile, Repeat, VERSION,
    credit::Credit,
    fault::{CreditFault, Frame},
    repeats,
};
use crate::{
    leaf::{Distributor, Leaf},
    units::Decimals,
};

/// `Total.cumulative` of `contracts/src/interfaces/IDistributor.sol`. No leaf of an asset is more than its total.
const TOTAL_BITS: usize = 96;

/// The longest name of a network, in bytes.
const NETWORK_BYTES_MAX: usize = 64;

/// The longest symbol of a token, in bytes.
const SYMBOL_BYTES_MAX: usize = 32;

/// What a new epoch file is made of, besides the previous one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The network whose ledger it is.
    pub network: String,
    /// Who pays it out.
    pub distributor: Distributor,
    /// Where the epoch begins: where the previous one ended.
    pub from_ms: TimestampMs,
    /// Where it ends.
    pub to_ms: TimestampMs,
    /// What is paid in. Those of the previous file need not be named again.
    pub tokens: Vec<Token>,
    /// What has come, in any order.
    pub credits: Vec<Credit>,
}

/// An asset, as its contract describes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its contract.
    pub asset: Address,
    /// What it is to us.
    pub kind: AssetKind,
    /// As it calls itself.
    pub symbol: String,
    /// Digits after the point.
    pub decimals: Decimals,
}

/// Why there is no such epoch file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A name that could be read as something else.
    #[error("`{0}` is no name of a network or token: at most 64 and 32 bytes, not empty, no control characters")]
    Name(String),
    /// Practice credit is never paid out.
    #[error("nothing is paid out where there is no chain")]
    NoChain,
    /// Time stands still or goes back.
    #[error("the epoch ends where it begins, or before")]
    NoTime,
    /// The previous file is another ledger's.
    #[error("the previous file is of another network, chain or distributor")]
    OtherSeries,
    /// A gap or an overlap.
    #[error("the previous epoch ended at {ended}, this one begins at {begins}")]
    Gap {
        /// The previous file's end.
        ended: TimestampMs,
        /// This one's beginning.
        begins: TimestampMs,
    },
    /// The number of the epoch has no successor.
    #[error("there is no epoch after the previous one")]
    LastEpoch,
    /// Symbol or decimals are not what they were, or what they are elsewhere in the list.
    #[error("token {0} is described in two ways")]
    TwoTokens(Address),
    /// A credit that must not be paid.
    #[error("credit `{id}` must not be paid")]
    Credit {
        /// Which.
        id: String,
        /// Why.
        #[source]
        fault: CreditFault,
    },
    /// Something that was paid already.
    #[error("something would be paid twice")]
    Twice(#[source] Repeat),
    /// The contract pays out what is above the last claim, so it can never go down.
    #[error("what {account} is owed in {asset} would become less than what the previous root says")]
    Decrease {
        /// Whose.
        account: Address,
        /// In what.
        asset: Address,
    },
    /// More than the 96 bits of a total in the Distributor.
    #[error("what is owed in {0} is more than the Distributor can count")]
    TooMuch(Address),
    /// More than [`ENTRIES_MAX`].
    #[error("{0} leaves or credits are too many for one file")]
    TooMany(usize),
    /// More than [`ASSETS_MAX`].
    #[error("{0} assets are more than the Distributor takes with one root")]
    TooManyAssets(usize),
    /// A tree of nothing has no root.
    #[error("nobody is owed anything")]
    NothingOwed,
}

/// Makes the epoch file after `previous`; without one, the first.
///
/// # Errors
/// [`BuildError`], the first that is found.
pub fn build(mut draft: Draft, previous: Option<&EpochFile>) -> Result<EpochFile, BuildError> {
    draft.sort();
    let kinds = merge(&draft.tokens, previous)?.into_iter().map(|(asset, token)| (asset, token.kind)).collect();
    let frame = Frame { network: &draft.network, chain_id: draft.distributor.chain_id, to_ms: draft.to_ms, kinds };
    for credit in &draft.credits {
        credit.check(&frame).map_err(|fault| BuildError::Credit { id: credit.id.clone(), fault })?;
    }
    let earlier = previous.map_or(&[][..], |file| &file.credits);
    if let Some(repeat) = repeats(earlier, &draft.credits).into_iter().next() {
        return Err(BuildError::Twice(repeat));
    }
    assemble(draft, previous)
}

/// The same without judging the credits, for telling a file that adds up from one that does not.
pub(crate) fn assemble(mut draft: Draft, previous: Option<&EpochFile>) -> Result<EpochFile, BuildError> {
    draft.sort();
    draft.check_head(previous)?;
    let Draft { network, distributor, from_ms, to_ms, tokens, credits } = draft;
    let tokens = merge(&tokens, previous)?;
    let leaves = add_up(&credits, &tokens, previous)?;
    let most = leaves.len().max(credits.len());
    if most > ENTRIES_MAX {
        return Err(BuildError::TooMany(most));
    }
    let assets = totals(tokens, &leaves)?;
    let epoch = previous.map_or(0, |file| file.epoch).checked_add(1).ok_or(BuildError::LastEpoch)?;
    let mut file = EpochFile {
        version: VERSION,
        network,
        chain_id: distributor.chain_id,
        distributor: distributor.address,
        epoch,
        from_ms,
        to_ms,
        previous_root: previous.map_or(B256::ZERO, |file| file.root),
        previous_file: previous.map_or(B256::ZERO, EpochFile::data_hash),
        assets,
        credits,
        leaves,
        root: B256::ZERO,
    };
    file.root = file.tree().map_err(|_| BuildError::NothingOwed)?.root();
    Ok(file)
}

impl Draft {
    /// What `file` says it was made of.
    pub(crate) fn of(file: &EpochFile) -> Self {
        Self {
            network: file.network.clone(),
            distributor: file.paid_by(),
            from_ms: file.from_ms,
            to_ms: file.to_ms,
            tokens: file.assets.iter().map(Token::of).collect(),
            credits: file.credits.clone(),
        }
    }

    fn sort(&mut self) {
        self.credits.sort_by(|one, other| one.id.cmp(&other.id));
    }

    fn check_head(&self, previous: Option<&EpochFile>) -> Result<(), BuildError> {
        check_name(&self.network, NETWORK_BYTES_MAX)?;
        if self.distributor.chain_id == 0 {
            return Err(BuildError::NoChain);
        }
        if self.to_ms <= self.from_ms {
            return Err(BuildError::NoTime);
        }
        let Some(previous) = previous else { return Ok(()) };
        if previous.network != self.network || previous.paid_by() != self.distributor {
            return Err(BuildError::OtherSeries);
        }
        if previous.to_ms != self.from_ms {
            return Err(BuildError::Gap { ended: previous.to_ms, begins: self.from_ms });
        }
        Ok(())
    }
}

impl Token {
    fn of(total: &AssetTotal) -> Self {
        let AssetTotal { asset, kind, symbol, decimals, cumulative: _ } = total;
        Self { asset: *asset, kind: *kind, symbol: symbol.clone(), decimals: *decimals }
    }
}

fn check_name(text: &str, bytes_max: usize) -> Result<(), BuildError> {
    let fine = (1..=bytes_max).contains(&text.len()) && !text.chars().any(char::is_control);
    if fine { Ok(()) } else { Err(BuildError::Name(text.chars().take(bytes_max).collect())) }
}

/// All tokens there are now.
fn merge(tokens: &[Token], previous: Option<&EpochFile>) -> Result<BTreeMap<Address, Token>, BuildError> {
    let before = previous.map_or(&[][..], |file| &file.assets).iter().map(Token::of);
    let mut all: BTreeMap<Address, Token> = BTreeMap::new();
    for token in before.chain(tokens.iter().cloned()) {
        check_name(&token.symbol, SYMBOL_BYTES_MAX)?;
        if all.get(&token.asset).is_some_and(|known| *known != token) {
            return Err(BuildError::TwoTokens(token.asset));
        }
        all.insert(token.asset, token);
    }
    if all.len() > ASSETS_MAX { Err(BuildError::TooManyAssets(all.len())) } else { Ok(all) }
}

/// What everybody is owed now, ascending by asset and account.
fn add_up(credits: &[Credit], tokens: &BTreeMap<Address, Token>, previous: Option<&EpochFile>) -> Result<Vec<Leaf>, BuildError> {
    // Summed before anything is compared, so that the order within an epoch does not matter.
    let mut changes: BTreeMap<(Address, Address), i128> = BTreeMap::new();
    for credit in credits {
        let Credit { id, account, asset, amount, cause: _ } = credit;
        if !tokens.contains_key(asset) {
            return Err(BuildError::Credit { id: id.clone(), fault: CreditFault::UnknownAsset(*asset) });
        }
        // A million credits of 2⁶³ are far from 2¹²⁷.
        *changes.entry((*asset, *account)).or_default() += i128::from(amount.get());
    }
    let mut owed: BTreeMap<(Address, Address), U256> = BTreeMap::new();
    for Leaf { account, asset, cumulative } in previous.map_or(&[][..], |file| &file.leaves) {
        owed.insert((*asset, *account), *cumulative);
    }
    for ((asset, account), change) in changes {
        let micros = u128::try_from(change).map_err(|_| BuildError::Decrease { account, asset })?;
        let scale = tokens[&asset].decimals.units_per_micro();
        let before = owed.entry((asset, account)).or_default();
        let after = U256::from(micros).checked_mul(scale).and_then(|units| before.checked_add(units));
        *before = after.ok_or(BuildError::TooMuch(asset))?;
    }
    let leaves = owed.into_iter().filter(|(_, cumulative)| *cumulative > U256::ZERO);
    Ok(leaves.map(|((asset, account), cumulative)| Leaf { account, asset, cumulative }).collect())
}

/// What all accounts together are owed in each asset.
fn totals(tokens: BTreeMap<Address, Token>, leaves: &[Leaf]) -> Result<Vec<AssetTotal>, BuildError> {
    let mut sums: BTreeMap<Address, U256> = BTreeMap::new();
    for leaf in leaves {
        let sum = sums.entry(leaf.asset).or_default();
        let more = sum.checked_add(leaf.cumulative).filter(|more| more.bit_len() <= TOTAL_BITS);
        *sum = more.ok_or(BuildError::TooMuch(leaf.asset))?;
    }
    let total = |Token { asset, kind, symbol, decimals }| {
        let cumulative = sums.get(&asset).copied().unwrap_or_default();
        AssetTotal { asset, kind, symbol, decimals, cumulative }
    };
    Ok(tokens.into_values().map(total).collect())
}
