//! Keys of the roles a coordinator holds on a chain: one file each, which only its owner may read.

use std::{collections::BTreeMap, fmt, path::Path};

use alloy::signers::local::PrivateKeySigner;
use zeroize::Zeroizing;

use super::ChainError;

/// What a key may do in the contracts; see the table in `contracts/README.md`. No two are held by one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reserves customers' money under their signed orders.
    Matcher,
    /// Tells the contract what was used of a tab.
    Settler,
    /// Moves the operator's own stablecoin in for payments by card.
    Fiat,
    /// Proposes payout roots.
    Proposer,
    /// Pays gas for what anybody may send: finalizing, sweeping, activating, claiming for others.
    Relayer,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [Self::Matcher, Self::Settler, Self::Fiat, Self::Proposer, Self::Relayer];

    /// Its name, also of its key's file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Matcher => "matcher",
            Self::Settler => "settler",
            Self::Fiat => "fiat",
            Self::Proposer => "proposer",
            Self::Relayer => "relayer",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// The keys we hold on one chain. What is missing is done by somebody else's program.
pub struct RoleKeys(BTreeMap<Role, PrivateKeySigner>);

impl fmt::Debug for RoleKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl RoleKeys {
    /// Reads `<role>.key` of every role from `folder`: 64 hex digits each.
    pub(super) fn read(folder: &Path) -> Result<Self, ChainError> {
        let mut keys = BTreeMap::new();
        for role in Role::ALL {
            let path = folder.join(format!("{}.key", role.as_str()));
            let failed = |source: Box<dyn std::error::Error + Send + Sync>| ChainError::Key { path: path.clone(), source };
            if !path.exists() {
                continue;
            }
            check_private(&path).map_err(|problem| failed(problem.into()))?;
            let text = Zeroizing::new(std::fs::read_to_string(&path).map_err(|error| failed(error.into()))?);
            // What the parser says could quote the key.
            let key = text.trim().parse().map_err(|_| failed("it is not 64 hex digits".into()))?;
            keys.insert(role, key);
        }
        Ok(Self(keys))
    }

    pub(super) fn get(&self, role: Role) -> Option<&PrivateKeySigner> {
        self.0.get(&role)
    }
}

#[cfg(unix)]
pub(crate) fn check_private(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).map_err(|error| error.to_string())?.permissions().mode();
    if mode & 0o077 == 0 { Ok(()) } else { Err(format!("others may read it: its mode is {:o}, not 600", mode & 0o777)) }
}

#[cfg(not(unix))]
pub(crate) fn check_private(_path: &Path) -> Result<(), String> {
    Ok(())
}
