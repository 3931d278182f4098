//! The words of the wallet's commands.

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a wallet. Its phrase is shown once.
    Create(CreateCommand),
    /// Show that the phrase was written down; before that nothing is paid out.
    Verify(VerifyCommand),
    /// Take a phrase from another wallet.
    Import(ImportCommand),
    /// Have earnings paid to an address whose key is elsewhere.
    Watch(WatchCommand),
    /// Have this rig's earnings go to the wallet, on a chain of choice.
    Payout(PayoutCommand),
    /// Say which wallet there is and where earnings go.
    Show(ShowCommand),
    /// Say what there is on every chain.
    Balances(ShowCommand),
    /// Say what jobs have brought: paid, fee, share, transaction.
    Receipts(ShowCommand),
    /// Take money.
    Withdraw(WithdrawCommand),
    /// Say what was withdrawn.
    History(ShowCommand),
}

#[derive(Debug, Args)]
pub(crate) struct CreateCommand {
    /// Words of the phrase.
    #[arg(long, default_value = "12", value_parser = ["12", "24"])]
    pub(super) words: String,
    /// Print the phrase even where it does not go to a terminal.
    #[arg(long)]
    pub(super) show: bool,
    #[command(flatten)]
    pub(super) keep: Keep,
}

#[derive(Debug, Args)]
pub(crate) struct Keep {
    /// Read the password from the first line of standard input.
    #[arg(long)]
    pub(super) password_stdin: bool,
    /// Keep the password in the keyring of the desktop.
    #[arg(long)]
    pub(super) remember: bool,
    /// Take the place of a wallet that is there; its file stays.
    #[arg(long)]
    pub(super) replace: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyCommand {
    /// Read the whole phrase from the next line of standard input, after the password if that comes there too.
    #[arg(long)]
    pub(super) phrase_stdin: bool,
    #[command(flatten)]
    pub(super) payout: PayoutCommand,
}

#[derive(Debug, Args)]
pub(crate) struct ImportCommand {
    #[command(flatten)]
    pub(super) keep: Keep,
}

#[derive(Debug, Args)]
pub(crate) struct WatchCommand {
    /// 0x and 40 digits, with its checksum.
    pub(super) address: String,
    /// Take the place of a wallet that is there; its file stays.
    #[arg(long)]
    pub(super) replace: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PayoutCommand {
    /// The chain stablecoin is paid on; the network's first if none is named.
    #[arg(long, value_name = "ID")]
    pub(super) chain: Option<u64>,
    /// Be paid in HFR where the operator has some.
    #[arg(long)]
    pub(super) hfr: bool,
    #[command(flatten)]
    pub(super) agree: Agree,
}

#[derive(Debug, Args)]
pub(crate) struct Agree {
    /// Agree to what is said without being asked.
    #[arg(long)]
    pub(super) yes: bool,
    /// Read the password from the first line of standard input.
    #[arg(long)]
    pub(super) password_stdin: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowCommand {
    /// Print it as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WithdrawCommand {
    /// On which chain.
    #[arg(long, value_name = "ID")]
    pub(super) chain: u64,
    /// What, by symbol or contract.
    #[arg(long)]
    pub(super) asset: String,
    /// Who gets it; the wallet itself if nobody is named.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) to: Option<String>,
    /// How much, such as 12.5; or all.
    #[arg(long, default_value = "all")]
    pub(super) amount: String,
    /// Take earnings, or what is in the wallet already.
    #[arg(long, value_enum, default_value = "earnings")]
    pub(super) from: From,
    /// Pay for gas from the wallet instead of having a relayer send it.
    #[arg(long)]
    pub(super) own_gas: bool,
    /// Accept a hazard that is warned of; may be given several times.
    #[arg(long, value_enum, value_name = "HAZARD")]
    pub(super) accept: Vec<Accept>,
    /// Do not stay until it is final; the agent goes on with it either way.
    #[arg(long)]
    pub(super) no_wait: bool,
    #[command(flatten)]
    pub(super) agree: Agree,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum From {
    /// Earned and not yet taken.
    Earnings,
    /// In the wallet.
    Wallet,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Accept {
    /// The address has no checksum.
    NoChecksum,
    /// A contract lives there.
    Contract,
    /// It is a token's own contract.
    Token,
    /// The fee is a large part of it.
    HighFee,
}

#[derive(Debug, Args)]
pub(crate) struct SpendCommand {
    /// Dollars, such as 12.5.
    pub(super) amount: String,
    /// Whose account gets the credit, as `cus_…`.
    #[arg(long)]
    pub(super) customer: String,
}
