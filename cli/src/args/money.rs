//! What money commands are told.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use url::Url;

use crate::{amount::Amount, destination::Destination};

/// Which wallet. The key itself is never taken from the command line or the environment.
#[derive(Debug, Args)]
pub struct WalletArgs {
    /// The file with the wallet's key: 64 hex digits, readable by you only.
    #[arg(long, value_name = "FILE", env = "HEADFRAME_WALLET_KEY_FILE", hide_env_values = true)]
    pub wallet_key: Option<PathBuf>,
}

/// On which chain, and in what.
#[derive(Debug, Args)]
pub struct CoinArgs {
    /// The chain's id or name; needed only if the network settles on several.
    #[arg(long, value_name = "CHAIN")]
    pub chain: Option<String>,
    /// USD, HFR, or a token's symbol.
    #[arg(long, value_name = "ASSET", default_value = "USD")]
    pub asset: String,
}

/// What is done with a customer's wallets.
#[derive(Debug, Subcommand)]
pub enum WalletCommand {
    /// Make a new key in a file readable by you only, and print its address. Keep a copy of the file: nobody can restore it.
    New {
        /// The file; it must not be there yet.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Show the network that a wallet is yours. `deposit` and `spend` do it by themselves.
    Add {
        /// Which wallet.
        #[command(flatten)]
        wallet: WalletArgs,
    },
    /// List the wallets the network knows to be yours.
    List,
}

/// How money is paid in.
#[derive(Debug, Args)]
pub struct DepositArgs {
    /// How much, such as 12.5.
    pub amount: Amount,
    /// From which wallet.
    #[command(flatten)]
    pub wallet: WalletArgs,
    /// On which chain, and in what.
    #[command(flatten)]
    pub coin: CoinArgs,
    /// Do not let the network spend it yet; `headframe spend` does later.
    #[arg(long)]
    pub no_spend: bool,
    /// Give up an unfinished deposit of this wallet instead of going on with it.
    #[arg(long)]
    pub anew: bool,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
}

/// How the network is let spend what is paid in.
#[derive(Debug, Args)]
pub struct SpendArgs {
    /// The most it may spend, such as 12.5.
    pub amount: Amount,
    /// Of which wallet.
    #[command(flatten)]
    pub wallet: WalletArgs,
    /// On which chain, and in what.
    #[command(flatten)]
    pub coin: CoinArgs,
    /// For how many days.
    #[arg(long, default_value_t = crate::deposit::ORDER_DAYS, value_parser = clap::value_parser!(u32).range(1..=365))]
    pub days: u32,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
}

/// How money is taken away.
#[derive(Debug, Args)]
pub struct WithdrawArgs {
    /// How much, such as 12.5, or `all`.
    pub amount: Wanted,
    /// Whose.
    #[command(flatten)]
    pub wallet: WalletArgs,
    /// On which chain, and in what.
    #[command(flatten)]
    pub coin: CoinArgs,
    /// Where it goes: an address with its capitals; otherwise the wallet itself.
    #[arg(long, value_name = "ADDRESS")]
    pub to: Option<Destination>,
    /// First have everything given back that is reserved for jobs and not used. No new job is paid with it.
    #[arg(long)]
    pub close_tabs: bool,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
}

/// How much is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Everything that is there.
    All,
    /// This much.
    Amount(Amount),
}

impl std::str::FromStr for Wanted {
    type Err = crate::amount::AmountError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" { Ok(Self::All) } else { text.parse().map(Self::Amount) }
    }
}

/// What is audited.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// A payout's public file: rebuilt byte for byte from the one before it and the receipts in it, and compared with the chain.
    /// Needs no API key.
    Epoch(AuditArgs),
    /// Looks at every payout root while it waits to count, until Ctrl-C. With --veto it is thrown out if its file does not add up,
    /// or nobody shows the file in the first half of the window. Needs no API key.
    Watch(WatchRootsArgs),
}

/// Where to watch, and what to do about what is found.
#[derive(Debug, Args)]
pub struct WatchRootsArgs {
    /// The chain's id or name; otherwise the home chain.
    #[arg(long, value_name = "CHAIN")]
    pub chain: Option<String>,
    /// Ask this node about the chain, and not one that the network names.
    #[arg(long, value_name = "URL")]
    pub rpc: Option<Url>,
    /// Veto what does not add up. The wallet must have the role of a watcher, and the chain's own coin for gas.
    #[arg(long)]
    pub veto: bool,
    /// The watcher's key.
    #[command(flatten)]
    pub wallet: WalletArgs,
    /// Look once. Exits 1 if what waits does not add up.
    #[arg(long)]
    pub once: bool,
    /// Seconds between two looks.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub every: u64,
}

/// Which payout, and where its files are.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// The payout's number, from 1.
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub epoch: u64,
    /// The chain's id or name; otherwise the home chain.
    #[arg(long, value_name = "CHAIN")]
    pub chain: Option<String>,
    /// The payout's file, instead of the coordinator's copy.
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The file before it, instead of the coordinator's copy.
    #[arg(long, value_name = "FILE")]
    pub previous: Option<PathBuf>,
    /// Ask this node about the chain, and not one that the network names.
    #[arg(long, value_name = "URL")]
    pub rpc: Option<Url>,
}
