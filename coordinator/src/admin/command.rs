//! From the words of the command line to acts, and from what came of them to what is shown.

use std::time::Duration;

use headframe_protocol::Micros;
use serde_json::json;
use url::Url;

use super::{
    AccountCommand, AuditCommand, Command, CustomerCommand, ImageCommand, JobCommand, KeyCommand, NetworkCommand, Observer,
    PayoutCommand, RigCommand,
    acts::{self, ActError, By},
    images, proofs,
    table::{Shown, bytes, when},
};
use crate::{
    Config,
    profile::OperatorKey,
    store::{Store, audit, customers, grants::Given, images as image_rows, prices, rigs},
};

/// Does one command. `by` is asked for only by those that change something.
pub(super) async fn carry_out(
    config: &Config,
    store: &Store,
    command: Command,
    by: impl Fn() -> Result<By, ActError>,
) -> anyhow::Result<Shown> {
    match command {
        Command::Customer(command) => customer(config, store, command, by).await,
        Command::Key(command) => key(store, command, by).await,
        Command::Grant { customer, amount, key } => {
            let given = acts::grant(store, &by()?, customer, amount, &key).await?;
            said_given(given, amount, &format!("to {customer}"))
        }
        Command::Image(command) => image(store, command, by).await,
        Command::Account(command) => account(store, command, by).await,
        Command::Job(JobCommand::Kill { job }) => {
            let rules = config.rules();
            acts::kill_job(store, &rules, &by()?, job).await?;
            Ok(Shown::said(&json!({ "job": job }), format!("Job {job} is being ended."))?)
        }
        Command::Rig(command) => rig(config, store, command, by).await,
        Command::Refund { job, amount, key } => {
            let given = acts::refund(store, &by()?, job, amount, &key).await?;
            said_given(given, amount, &format!("for job {job}"))
        }
        Command::Network(command) => network(config, store, command, by).await,
        Command::Audit(command) => trail(store, command).await,
        Command::Payout(command) => payout(store, command, by).await,
        Command::Price { observer, picos } => {
            let source = match observer {
                Observer::Twap => prices::Source::Twap,
                Observer::Oracle => prices::Source::Oracle,
            };
            acts::observe_price(store, &by()?, source, picos).await?;
            Ok(Shown::said(&json!({ "observer": source.as_str(), "picos": picos }), "The price is written down.")?)
        }
        Command::Registry(command) => images::carry_out(config, store, command, by).await,
    }
}

fn said_given(given: Given, amount: Micros, to: &str) -> anyhow::Result<Shown> {
    let text = match given {
        Given::Now => format!("Gave {amount} {to}."),
        Given::Before | Given::Otherwise | Given::NotCovered => {
            format!("{amount} was given {to} under this key before; nothing changed.")
        }
    };
    Ok(Shown::said(&json!({ "amount": amount, "new": given == Given::Now }), text)?)
}

async fn customer(
    config: &Config,
    store: &Store,
    command: CustomerCommand,
    by: impl Fn() -> Result<By, ActError>,
) -> anyhow::Result<Shown> {
    match command {
        CustomerCommand::Create { name, namespace } => {
            let made = acts::create_customer(store, &config.limits, &by()?, &name, namespace.as_deref()).await?;
            let text = format!("Customer {} is open. Its part of the registry is `{}`.", made.id, made.namespace);
            Ok(Shown::said(&made, text)?)
        }
        CustomerCommand::List => {
            let all = customers::list(&mut *store.read().await?).await?;
            Ok(Shown::rows(&all, ["CUSTOMER", "NAME", "NAMESPACE", "STORAGE", "OF", "SUSPENDED", "OPENED"], |customer| {
                [
                    customer.id.to_string(),
                    customer.name.clone(),
                    customer.namespace.clone(),
                    bytes(customer.storage_bytes_used),
                    bytes(customer.storage_bytes_max),
                    when(customer.suspended_ms),
                    when(Some(customer.created_ms)),
                ]
            })?)
        }
    }
}

async fn key(store: &Store, command: KeyCommand, by: impl Fn() -> Result<By, ActError>) -> anyhow::Result<Shown> {
    match command {
        KeyCommand::Create { customer, label, spend_max } => {
            let made = acts::create_limited_key(store, &by()?, customer, &label, spend_max).await?;
            let text = format!("{}\nThis is key {}. It is shown this once and kept nowhere.", made.key, made.id);
            Ok(Shown::said(&made, text)?)
        }
        KeyCommand::List { customer } => {
            let all = customers::keys(&mut *store.read().await?, customer).await?;
            Ok(Shown::rows(&all, ["KEY", "LABEL", "MADE", "REVOKED", "PER DAY"], |key| {
                let limit = key.spend_max.map_or_else(String::new, |limit| limit.to_string());
                [key.id.to_string(), key.label.clone(), when(Some(key.created_ms)), when(key.revoked_ms), limit]
            })?)
        }
        KeyCommand::Limit { key, spend_max } => {
            acts::limit_key(store, &by()?, key, spend_max).await?;
            let text = match spend_max {
                Some(limit) => format!("Key {key} may spend {limit} in any 24 hours."),
                None => format!("Key {key} may spend what its account has."),
            };
            Ok(Shown::said(&json!({ "key": key, "spendMax": spend_max }), text)?)
        }
        KeyCommand::Revoke { key } => {
            acts::revoke_key(store, &by()?, key).await?;
            Ok(Shown::said(&json!({ "key": key }), format!("Key {key} is no good any more."))?)
        }
    }
}

async fn image(store: &Store, command: ImageCommand, by: impl Fn() -> Result<By, ActError>) -> anyhow::Result<Shown> {
    match command {
        ImageCommand::Approve { digest } => {
            acts::approve_image(store, &by()?, digest).await?;
            Ok(Shown::said(&json!({ "digest": digest }), format!("Image sha256:{digest} may run."))?)
        }
        ImageCommand::Revoke { digest } => {
            acts::revoke_image(store, &by()?, digest).await?;
            let text = format!(
                "Image sha256:{digest} must not run. Connected rigs stop it within seconds, others when their lease ends."
            );
            Ok(Shown::said(&json!({ "digest": digest }), text)?)
        }
        ImageCommand::List => {
            let all = image_rows::list(&mut *store.read().await?).await?;
            Ok(Shown::rows(&all, ["DIGEST", "APPROVED", "REVOKED", "REASON"], |image| {
                [image.digest.to_string(), when(image.approved_ms), when(image.revoked_ms), image.reason.clone()]
            })?)
        }
    }
}

async fn account(store: &Store, command: AccountCommand, by: impl Fn() -> Result<By, ActError>) -> anyhow::Result<Shown> {
    match command {
        AccountCommand::Suspend { customer } => {
            acts::suspend(store, &by()?, customer).await?;
            let text = format!("Account {customer} is suspended. Its open jobs are cancelled within seconds.");
            Ok(Shown::said(&json!({ "customer": customer }), text)?)
        }
        AccountCommand::Resume { customer } => {
            acts::resume(store, &by()?, customer).await?;
            Ok(Shown::said(&json!({ "customer": customer }), format!("Account {customer} works again."))?)
        }
    }
}

async fn rig(
    config: &Config,
    store: &Store,
    command: RigCommand,
    by: impl Fn() -> Result<By, ActError>,
) -> anyhow::Result<Shown> {
    match command {
        RigCommand::List => {
            let all = rigs::list(&mut *store.read().await?).await?;
            Ok(Shown::rows(&all, ["RIG", "NAME", "TRUST", "COUNTRY", "QUARANTINED", "FIRST SEEN", "LAST SEEN"], |rig| {
                let (first, last) = (when(Some(rig.first_seen_ms)), when(Some(rig.last_seen_ms)));
                let country = rig.country.clone().unwrap_or_default();
                [rig.device.to_string(), rig.name.clone(), rig.trust.to_string(), country, when(rig.quarantined_ms), first, last]
            })?)
        }
        RigCommand::Attest { device, trust, country } => {
            acts::attest(store, &by()?, device, trust, country).await?;
            Ok(Shown::said(
                &json!({ "device": device }),
                format!("What was said of rig {device} counts from its next sign-in on."),
            )?)
        }
        RigCommand::Quarantine { device } => {
            acts::quarantine(store, &by()?, device).await?;
            Ok(Shown::said(&json!({ "device": device }), format!("Rig {device} is out of work."))?)
        }
        RigCommand::Release { device } => {
            acts::release(store, &by()?, device).await?;
            Ok(Shown::said(&json!({ "device": device }), format!("Rig {device} may work again."))?)
        }
        RigCommand::Pardon { device } => {
            let pardoned = acts::pardon(store, &by()?, device).await?;
            let (text, works) = match pardoned {
                acts::Pardoned::Worked => (format!("What rig {device} did until now does not count any more."), true),
                acts::Pardoned::WorksAgain => {
                    (format!("What rig {device} did until now does not count any more, and it may work again."), true)
                }
                acts::Pardoned::StillHeld => {
                    let text = format!(
                        "What rig {device} did until now does not count any more. It stays out of work: it was quarantined for something else too."
                    );
                    (text, false)
                }
            };
            Ok(Shown::said(&json!({ "device": device, "works": works }), text)?)
        }
        RigCommand::Challenge { device } => {
            acts::challenge(store, &by()?, device).await?;
            Ok(Shown::said(&json!({ "device": device }), format!("Rig {device} is challenged as soon as it is free."))?)
        }
        RigCommand::Challenges { device, limit } => proofs::challenges(store, device, limit).await,
        RigCommand::Cards { device } => proofs::cards(config, store, device).await,
    }
}

async fn payout(store: &Store, command: PayoutCommand, by: impl Fn() -> Result<By, ActError>) -> anyhow::Result<Shown> {
    let (account, held) = match command {
        PayoutCommand::Hold { account } => (account, true),
        PayoutCommand::Release { account } => (account, false),
        PayoutCommand::Undo { chain } => {
            let epoch = acts::undo_payout(store, &by()?, chain).await?;
            let text = format!("Payout {epoch} of chain {chain} is taken back. It is made anew within minutes.");
            return Ok(Shown::said(&json!({ "chain": chain, "epoch": epoch }), text)?);
        }
    };
    acts::hold_payout(store, &by()?, account, held).await?;
    let text = if held {
        format!("{account} gets no new payout until it is released. What it can claim already it can claim all the same.")
    } else {
        format!("{account} is paid again, with all that waited.")
    };
    Ok(Shown::said(&json!({ "account": account, "held": held }), text)?)
}

async fn network(
    config: &Config,
    store: &Store,
    command: NetworkCommand,
    by: impl Fn() -> Result<By, ActError>,
) -> anyhow::Result<Shown> {
    match command {
        NetworkCommand::Stop => {
            acts::stop_network(store, &by()?).await?;
            Ok(Shown::said(&json!({ "stopped": true }), "The network is stopped: no job is taken or given out.")?)
        }
        NetworkCommand::Start => {
            acts::start_network(store, &by()?).await?;
            Ok(Shown::said(&json!({ "stopped": false }), "The network goes on.")?)
        }
        NetworkCommand::Profile { days } => {
            let life = Duration::from_secs(u64::from(days) * 24 * 60 * 60);
            let key = OperatorKey::open(&config.data_dir, &config.network)?;
            let signed = key.issue(&config.network, &dialled(config)?, (store.now(), life))?;
            // On standard output is the link alone, to be sent on.
            tracing::info!(operator.key = %signed.profile.key, "Publish this fingerprint: {}", signed.profile.key.0);
            Ok(Shown::said(&signed, signed.link())?)
        }
    }
}

/// What agents dial, as the coordinator itself would have it.
fn dialled(config: &Config) -> anyhow::Result<Url> {
    match &config.public_url {
        Some(url) => Ok(url.clone()),
        None if config.listen.port() == 0 => anyhow::bail!("set `public_url`: without it nobody knows what to dial"),
        None => Ok(format!("http://{}", config.listen).parse()?),
    }
}

async fn trail(store: &Store, command: AuditCommand) -> anyhow::Result<Shown> {
    match command {
        AuditCommand::List { after, limit } => {
            let rows = audit::list(&mut *store.read().await?, after, limit).await?;
            Ok(Shown::rows(&rows, ["NO", "WHEN", "WHO", "WHAT", "TO", "DETAIL", "WHY"], |row| {
                let (what, to, detail) = (row.act.clone(), row.subject.clone(), row.detail.clone());
                [row.sequence.to_string(), when(Some(row.at_ms)), row.actor.clone(), what, to, detail, row.reason.clone()]
            })?)
        }
        AuditCommand::Verify => {
            let verdict = audit::verify(&mut *store.read().await?).await?;
            match verdict.broken_at {
                None => Ok(Shown::said(&verdict, format!("All {} rows are as they were written.", verdict.rows))?),
                Some(row) => {
                    anyhow::bail!("the audit trail is broken at row {row}: it, or the row before it, was changed or taken out")
                }
            }
        }
    }
}
