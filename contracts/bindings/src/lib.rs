//! The contracts of Headframe as Rust sees them: calls, events, errors and structs, generated from the files in `contracts/abi`.
//!
//! What each of them means is told once, in `contracts/src/interfaces`. A module is named after the interface; it is made from the
//! contract's whole interface, roles and pauses included.

#![allow(missing_docs, reason = "generated; explained in contracts/src/interfaces")]
#![allow(clippy::all, reason = "generated")]

/// One contract from its file. The macro that reads the file cannot be told to look at a feature, so it is called in two ways.
macro_rules! contract {
    ($name:ident, $path:literal) => {
        #[cfg(feature = "rpc")]
        alloy::sol!(
            #[sol(rpc)]
            #[derive(Debug, PartialEq, Eq)]
            $name,
            $path
        );
        #[cfg(not(feature = "rpc"))]
        alloy_sol_types::sol!(
            #[derive(Debug, PartialEq, Eq)]
            $name,
            $path
        );
    };
}

contract!(IMarket, "../abi/Market.json");
contract!(IDistributor, "../abi/Distributor.json");
contract!(IHfr, "../abi/Hfr.json");
contract!(IAccessManager, "../abi/AccessManager.json");
contract!(ITimelock, "../abi/TimelockController.json");
contract!(IERC20Metadata, "../abi/IERC20Metadata.json");
contract!(IERC20Permit, "../abi/IERC20Permit.json");
contract!(IERC3009, "../abi/IERC3009.json");
contract!(PracticeDollar, "../abi/PracticeDollar.json");
contract!(PracticePlainDollar, "../abi/PracticePlainDollar.json");

/// Roles, as the contracts number them (`contracts/src/Roles.sol`).
pub mod roles {
    pub const MATCHER: u64 = 1;
    pub const SETTLER: u64 = 2;
    pub const ARBITER: u64 = 3;
    pub const PROPOSER: u64 = 4;
    pub const WATCHER: u64 = 5;
    pub const GUARDIAN: u64 = 6;
    pub const FIAT: u64 = 7;
    pub const PARAMS: u64 = 8;
}
