//! Which chain and which token a person means.

use headframe_protocol::chain::{Asset, ChainProfile};

/// Why it is not clear what was meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// Practice money only.
    #[error("this network settles on no chain; its money is practice money, which its operator grants")]
    NoChain,
    /// There are several.
    #[error("the network settles on {0}; name one with --chain")]
    WhichChain(String),
    /// Not one of them.
    #[error("the network does not settle on `{wanted}`, but on {known}")]
    OtherChain {
        /// What was asked for.
        wanted: String,
        /// What there is.
        known: String,
    },
    /// Not one of them.
    #[error("`{wanted}` is not paid with on {chain}, but {known}")]
    OtherAsset {
        /// What was asked for.
        wanted: String,
        /// As people call it.
        chain: String,
        /// What there is.
        known: String,
    },
}

/// The chain of this id or name; without one, the only chain there is.
///
/// # Errors
/// [`ChoiceError`].
pub fn chain(chains: Vec<ChainProfile>, wanted: Option<&str>) -> Result<ChainProfile, ChoiceError> {
    let known = chains.iter().map(|chain| format!("{} ({})", chain.name, chain.chain_id)).collect::<Vec<_>>().join(", ");
    if chains.is_empty() {
        return Err(ChoiceError::NoChain);
    }
    let Some(wanted) = wanted else {
        let mut chains = chains;
        return if chains.len() == 1 { Ok(chains.remove(0)) } else { Err(ChoiceError::WhichChain(known)) };
    };
    let is_meant = |chain: &ChainProfile| chain.chain_id.to_string() == wanted || chain.name.eq_ignore_ascii_case(wanted);
    let found = chains.into_iter().find(is_meant);
    found.ok_or_else(|| ChoiceError::OtherChain { wanted: wanted.to_owned(), known })
}

/// The token of this symbol; `USD` is the chain's stablecoin whatever it calls itself.
///
/// # Errors
/// [`ChoiceError::OtherAsset`].
pub fn asset<'a>(chain: &'a ChainProfile, wanted: &str) -> Result<&'a Asset, ChoiceError> {
    let by_kind = match wanted.to_ascii_uppercase().as_str() {
        "USD" => chain.stable(),
        "HFR" => chain.hfr(),
        _ => None,
    };
    let by_symbol = || chain.assets.iter().find(|asset| asset.symbol.eq_ignore_ascii_case(wanted));
    by_kind.or_else(by_symbol).ok_or_else(|| ChoiceError::OtherAsset {
        wanted: wanted.to_owned(),
        chain: chain.name.clone(),
        known: chain.assets.iter().map(|asset| asset.symbol.as_str()).collect::<Vec<_>>().join(", "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::tests::profile;

    fn two() -> Vec<ChainProfile> {
        let island = ChainProfile { name: "Island".to_owned(), chain_id: 5, ..profile() };
        vec![profile(), island]
    }

    fn check(chains: Vec<ChainProfile>, wanted: Option<&str>) -> Result<u64, String> {
        chain(chains, wanted).map(|chain| chain.chain_id).map_err(|error| error.to_string())
    }

    #[test]
    fn a_chain_is_named_by_id_or_name_and_never_guessed() {
        assert_eq!(check(two(), Some("5")), Ok(5));
        assert_eq!(check(two(), Some("home")), Ok(31_337));
        assert_eq!(check(vec![profile()], None), Ok(31_337));
        assert_eq!(check(two(), None), Err("the network settles on Home (31337), Island (5); name one with --chain".to_owned()));
        let other = "the network does not settle on `Isle`, but on Home (31337), Island (5)";
        assert_eq!(check(two(), Some("Isle")), Err(other.to_owned()));
        assert!(check(Vec::new(), None).is_err_and(|told| told.contains("practice money")));
    }

    #[test]
    fn a_token_is_named_by_what_it_is_or_calls_itself() {
        let chain = profile();
        let check = |wanted: &str| asset(&chain, wanted).map(|asset| asset.symbol.clone()).map_err(|error| error.to_string());
        assert_eq!(check("usd"), Ok("USDC".to_owned()));
        assert_eq!(check("USDC"), Ok("USDC".to_owned()));
        assert_eq!(check("hfr"), Ok("HFR".to_owned()));
        assert_eq!(check("EUR"), Err("`EUR` is not paid with on Home, but USDC, HFR".to_owned()));
    }
}
