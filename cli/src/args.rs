//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;
use headframe_protocol::{JobId, api::PayIn, job::JobState};

pub mod money;

use money::{AuditCommand, DepositArgs, SpendArgs, WalletCommand, WithdrawArgs};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the job failed or was cancelled, or the audit has found something
  2  the command line, the job file or the request is not right
  3  there is no such thing
  4  no API key, a wrong one, or not allowed
  5  the balance is too low
  6  the coordinator or a chain cannot be reached or does not serve now
  7  stopped by Ctrl-C, or by a no; what was begun goes on
  8  refused for another reason: a conflict, an image that is not approved, storage used up
  9  a local file could not be read or written, or fetched bytes are not what they should be

With --json, a question that is answered once prints one JSON document; watch, logs, submit, deposit and
withdraw print one JSON document per line, each with a field `event`. Failures, also to understand the command line, are a JSON
document on standard error.";

/// Rent idle computers: submit jobs, watch them, fetch their results.
#[derive(Debug, Parser)]
#[command(name = "headframe", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub struct Args {
    /// The coordinator's address; otherwise the one you logged in to.
    #[arg(long, global = true, env = "HEADFRAME_URL", hide_env_values = true)]
    pub url: Option<String>,
    /// Answer in JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Keep an API key for later commands. Asks for it, or reads it from standard input.
    Login {
        /// The coordinator's address.
        address: Option<String>,
    },
    /// Forget the API key.
    Logout,
    /// Submit the jobs of a file.
    Submit(SubmitArgs),
    /// List jobs, newest first.
    Jobs {
        /// Only jobs in this state.
        #[arg(long)]
        state: Option<JobState>,
        /// How many at most.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// Show everything about a job.
    Show {
        /// The job.
        job: JobId,
    },
    /// List a job's attempts, oldest first.
    Attempts {
        /// The job.
        job: JobId,
    },
    /// Follow a job to its end. Exits 0 if it succeeds and 1 if it does not.
    Watch {
        /// The job.
        job: JobId,
    },
    /// Print a job's log.
    Logs {
        /// Go on until the job has ended.
        #[arg(short, long)]
        follow: bool,
        /// The job.
        job: JobId,
    },
    /// Fetch a job's result and verify it.
    Fetch {
        /// The job.
        job: JobId,
        /// The folder; otherwise one named after the job.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Replace files that are there and differ.
        #[arg(long)]
        force: bool,
    },
    /// End a job.
    Cancel {
        /// The job.
        job: JobId,
    },
    /// Say what the jobs of a file would cost. Nothing is set aside.
    Quote {
        /// The job file, YAML or JSON; `-` reads standard input.
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
    },
    /// Show the account's money.
    Balance,
    /// Pay in from your wallet, and let the network spend it. Broken off, the same command goes on.
    Deposit(DepositArgs),
    /// Let the network spend what your wallet has paid in.
    Spend(SpendArgs),
    /// Take money out that is yours alone, with your own key.
    Withdraw(WithdrawArgs),
    /// List what is reserved on chains for your jobs.
    Tabs,
    /// List what your wallets have allowed to be reserved for your jobs.
    Orders,
    /// Make a wallet's key, or show the network which wallets are yours.
    #[command(subcommand)]
    Wallet(WalletCommand),
    /// List what was charged for each job, newest first.
    Receipts {
        /// How many jobs at most.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        /// Only jobs that ended within this many days.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3_650))]
        days: u32,
    },
    /// Show what was used and charged.
    Usage {
        /// Over how many days until now.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3_650))]
        days: u32,
    },
    /// Show what the network has now and from which price.
    Offers,
    /// Check what the network publishes. Needs no API key.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Print completions for a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

/// How jobs are submitted.
#[derive(Debug, clap::Args)]
pub struct SubmitArgs {
    /// The job file, YAML or JSON; `-` reads standard input.
    #[arg(short, long, value_name = "FILE")]
    pub file: PathBuf,
    /// Wait until the jobs have ended. Exits 1 if one does not succeed.
    #[arg(long)]
    pub wait: bool,
    /// Fetch the results into this folder; several jobs get a folder each. Implies --wait.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace files that are there and differ.
    #[arg(long, requires = "out")]
    pub force: bool,
    /// What to call the job, instead of what the file says.
    #[arg(long)]
    pub name: Option<String>,
    /// What to pay in: dollars, or HFR for less. `headframe quote` says whether HFR is taken now.
    #[arg(long, value_name = "COIN", default_value = "usd")]
    pub pay: Coin,
    /// A text of your own that makes this submission happen once, however often it is sent.
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
}

/// What jobs are paid in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Coin {
    /// Dollars: granted, earned, paid by card, or a chain's stablecoin.
    Usd,
    /// The network's token.
    Hfr,
}

impl From<Coin> for PayIn {
    fn from(coin: Coin) -> Self {
        match coin {
            Coin::Usd => Self::Usd,
            Coin::Hfr => Self::Hfr,
        }
    }
}

impl Args {
    /// How answers are to be written.
    #[must_use]
    pub const fn form(&self) -> crate::output::Form {
        if self.json { crate::output::Form::Json } else { crate::output::Form::Text }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
