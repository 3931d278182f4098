//! The operator's acts: `headframe-coordinator admin …`.
//!
//! They work on the same database as the coordinator, from any machine, while it runs or not. Each act that changes
//! anything demands a reason and an actor, and writes one row of the audit trail in the transaction of its effect. What
//! must reach connected rigs (a revoked image, a suspended account, a quarantined rig) the running coordinators find
//! in the database within [`crate::Timers::operator`].

use std::io::Write;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use headframe_protocol::{ApiKeyId, CustomerId, DeviceId, JobId, Micros, Sha256, job::Trust};

use crate::{Config, market::Country, store::Store};

pub mod acts;
mod command;
mod images;
mod proofs;
mod table;

pub use acts::By;

/// What the operator wants done.
#[derive(Debug, Args)]
pub struct AdminArgs {
    /// Print JSON instead of tables.
    #[arg(long, global = true)]
    json: bool,
    /// Why. Every act that changes something needs it; it is kept for ever.
    #[arg(long, global = true, value_name = "TEXT")]
    reason: Option<String>,
    /// Who. By default the user of the operating system.
    #[arg(long, global = true, value_name = "NAME", env = "HEADFRAME_ADMIN_ACTOR")]
    actor: Option<String>,
    #[command(subcommand)]
    command: Command,
}

/// See [`AdminArgs`].
#[derive(Debug, Subcommand)]
enum Command {
    /// Accounts of those who submit jobs and pay.
    #[command(subcommand)]
    Customer(CustomerCommand),
    /// API keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Give a customer money.
    Grant {
        /// The account.
        customer: CustomerId,
        /// Dollars, such as 25 or 0.50.
        #[arg(value_parser = dollars)]
        amount: Micros,
        /// Names this grant. The same name again changes nothing, so that it can be repeated safely.
        #[arg(long)]
        key: String,
    },
    /// Images that may run, or must not.
    #[command(subcommand)]
    Image(ImageCommand),
    /// Suspend an account, or let it work again.
    #[command(subcommand)]
    Account(AccountCommand),
    /// Jobs.
    #[command(subcommand)]
    Job(JobCommand),
    /// Rigs.
    #[command(subcommand)]
    Rig(RigCommand),
    /// Give a customer back what a job was charged, or part of it, from the platform's fees. The rig keeps its pay.
    Refund {
        /// The job.
        job: JobId,
        /// Dollars, such as 25 or 0.50.
        #[arg(value_parser = dollars)]
        amount: Micros,
        /// Names this refund, if a job gets more than one.
        #[arg(long, default_value = "1")]
        key: String,
    },
    /// The whole network.
    #[command(subcommand)]
    Network(NetworkCommand),
    /// What operators have done.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// The image registry.
    #[command(subcommand)]
    Registry(images::RegistryCommand),
    /// Payouts to owners.
    #[command(subcommand)]
    Payout(PayoutCommand),
    /// What HFR is worth, as an observer saw it. Two observers must agree, and be fresh, before anybody pays or is paid in it.
    Price {
        /// `twap`, the average of a market over 30 minutes, or `oracle`.
        #[arg(value_enum)]
        observer: Observer,
        /// Dollars per HFR, in 10^-12: 10000000000 is a cent.
        picos: u64,
    },
}

#[derive(Debug, Subcommand)]
enum PayoutCommand {
    /// Make an account no new payout. What it can claim already it can claim all the same; the owner sees the reason.
    Hold {
        /// The account on the chain, 0x….
        account: alloy_primitives::Address,
    },
    /// Pay an account again, with all that waited.
    Release {
        /// The account on the chain, 0x….
        account: alloy_primitives::Address,
    },
    /// Take back the newest payout of a chain after a watcher has vetoed it. It is made anew from what is owed then.
    Undo {
        /// The chain's id.
        chain: u64,
    },
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Observer {
    /// The average of a market over 30 minutes.
    Twap,
    /// An oracle.
    Oracle,
}

#[derive(Debug, Subcommand)]
enum CustomerCommand {
    /// Open an account.
    Create {
        /// What it is called.
        name: String,
        /// Its part of the registry; by default made of the name.
        #[arg(long)]
        namespace: Option<String>,
    },
    /// Show all accounts.
    List,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Make an API key. It is shown once and kept nowhere.
    Create {
        /// Whose.
        customer: CustomerId,
        /// What it is for.
        #[arg(long, default_value = "")]
        label: String,
        /// Dollars it may spend in any 24 hours, such as 25; by default there is no limit.
        #[arg(long, value_parser = dollars)]
        spend_max: Option<Micros>,
    },
    /// Set what a key may spend in any 24 hours.
    Limit {
        /// Which, as listed.
        key: ApiKeyId,
        /// Dollars, such as 25; without it there is no limit any more.
        #[arg(value_parser = dollars)]
        spend_max: Option<Micros>,
    },
    /// Show the keys of a customer.
    List {
        /// Whose.
        customer: CustomerId,
    },
    /// Make a key no good.
    Revoke {
        /// Which, as listed.
        key: ApiKeyId,
    },
}

#[derive(Debug, Subcommand)]
enum ImageCommand {
    /// Let an image run.
    Approve {
        /// Digest of its manifest, with or without `sha256:`.
        #[arg(value_parser = digest)]
        digest: Sha256,
    },
    /// Stop an image everywhere and let it run no more.
    Revoke {
        /// Digest of its manifest, with or without `sha256:`.
        #[arg(value_parser = digest)]
        digest: Sha256,
    },
    /// Show what was said about images.
    List,
}

#[derive(Debug, Subcommand)]
enum AccountCommand {
    /// Refuse the account's keys and cancel its open jobs.
    Suspend {
        /// The account.
        customer: CustomerId,
    },
    /// Let the account work again.
    Resume {
        /// The account.
        customer: CustomerId,
    },
}

#[derive(Debug, Subcommand)]
enum JobCommand {
    /// End a job.
    Kill {
        /// Which.
        job: JobId,
    },
}

#[derive(Debug, Subcommand)]
enum RigCommand {
    /// Show all rigs that ever signed in.
    List,
    /// Say who stands behind a rig and where it stands. Counts from its next sign-in on.
    Attest {
        /// Its device id.
        device: DeviceId,
        /// community, partner or own.
        #[arg(long, value_parser = trust_of, required_unless_present = "country")]
        trust: Option<Trust>,
        /// Two capital letters, as in ISO 3166-1.
        #[arg(long, value_parser = country_of)]
        country: Option<Country>,
    },
    /// Take a rig out of work. What it runs goes elsewhere.
    Quarantine {
        /// Its device id.
        device: DeviceId,
    },
    /// Let a rig work again.
    Release {
        /// Its device id.
        device: DeviceId,
    },
    /// Count nothing any more that a rig did until now. Lifts its quarantine if nothing else holds it.
    Pardon {
        /// Its device id.
        device: DeviceId,
    },
    /// Have a rig's cards, and those of everybody who might be the same, prove now what they can do. It happens as soon as the rig is
    /// connected and free.
    Challenge {
        /// Its device id.
        device: DeviceId,
    },
    /// Show the newest challenges and how they ended.
    Challenges {
        /// Only of this rig.
        device: Option<DeviceId>,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Show what a rig's cards have proved: how far each is trusted, and what it did when it passed last.
    Cards {
        /// Its device id.
        device: DeviceId,
    },
}

#[derive(Debug, Subcommand)]
enum NetworkCommand {
    /// Take no jobs and give none out; what runs is ended and waits.
    Stop,
    /// Go on.
    Start,
    /// Print the signed profile of the network as a link: whoever has it can join, and sees before who runs the network and on which terms.
    Profile {
        /// How many days the link is good for. Who has joined by it stays.
        #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=730))]
        days: u16,
    },
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Show the trail, oldest first.
    List {
        /// Only rows after this one.
        #[arg(long, default_value_t = 0)]
        after: u64,
        /// At most this many rows.
        #[arg(long, default_value_t = 1_000)]
        limit: u32,
    },
    /// Look whether a row was changed or taken out.
    Verify,
}

/// Does what the operator wants and prints what came of it to `out`.
///
/// # Errors
/// What went wrong, for a person.
pub async fn run(config: &Config, args: AdminArgs, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
    std::fs::create_dir_all(&config.data_dir).context("could not make the data directory")?;
    let store = Store::open(config).await.context("could not open the database")?;
    let AdminArgs { json, reason, actor, command } = args;
    let by = || By::new(actor.clone().unwrap_or_else(os_user), reason.clone().unwrap_or_default());
    let shown = command::carry_out(config, &store, command, by).await;
    store.close().await;
    let shown = shown?;
    let text = if json { serde_json::to_string_pretty(&shown.json)? + "\n" } else { shown.text };
    out.write_all(text.as_bytes()).context("could not print")
}

/// Who runs this process, as far as the system says.
fn os_user() -> String {
    ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok()).unwrap_or_else(|| "unknown".to_owned())
}

/// Dollars with at most six decimals.
fn trust_of(text: &str) -> Result<Trust, String> {
    let all = [Trust::Community, Trust::Partner, Trust::Own];
    all.into_iter().find(|trust| trust.to_string() == text).ok_or_else(|| "community, partner or own".to_owned())
}

fn country_of(text: &str) -> Result<Country, String> {
    Country::parse(text).ok_or_else(|| "two capital letters, as in ISO 3166-1".to_owned())
}

fn dollars(text: &str) -> Result<Micros, String> {
    let wrong = || "dollars with at most six decimals, such as 25 or 0.50".to_owned();
    let plain = text.strip_prefix('$').unwrap_or(text);
    let (whole, rest) = plain.split_once('.').unwrap_or((plain, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || rest.len() > 6 || !digits(whole) || !digits(rest) {
        return Err(wrong());
    }
    let micros: i64 = format!("{whole}{rest:0<6}").parse().map_err(|_| wrong())?;
    if micros == 0 { Err("more than nothing".to_owned()) } else { Ok(Micros::new(micros)) }
}

fn digest(text: &str) -> Result<Sha256, String> {
    // A whole reference is what people have at hand.
    let digest = text.rsplit_once('@').map_or(text, |(_, digest)| digest);
    digest
        .strip_prefix("sha256:")
        .unwrap_or(digest)
        .parse()
        .map_err(|error: headframe_protocol::digest::ParseDigestError| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_read_exactly() {
        assert_eq!(dollars("25"), Ok(Micros::dollars(25)));
        assert_eq!(dollars("$0.50"), Ok(Micros::new(500_000)));
        assert_eq!(dollars("0.000001"), Ok(Micros::new(1)));
        for wrong in ["", ".5", "1.0000001", "-1", "1e3", "0", "0.00", "1,5", "99999999999999999999"] {
            assert!(dollars(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_digest_may_come_with_its_image() {
        let sum = Sha256::of(b"x");
        for text in [format!("{sum}"), format!("sha256:{sum}"), format!("127.0.0.1:5000/a/b@sha256:{sum}")] {
            assert_eq!(digest(&text), Ok(sum));
        }
        assert!(digest("latest").is_err());
    }
}
