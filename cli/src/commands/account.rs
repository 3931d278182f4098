//! Who the customer is, what he has and what it costs.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use console::Term;
use headframe_protocol::api::{Account, OfferList, Usage};
use serde_json::json;

use crate::{
    ApiKey, Client, clock,
    credentials::{self, Credentials, CredentialsError},
    error::Error,
    output::{Output, duration, table},
};

/// Milliseconds in a day.
const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

pub(super) async fn login(address: Option<String>, out: &Output) -> Result<(), Error> {
    let address = address.ok_or_else(|| Error::Usage("to which coordinator? `headframe login https://…`".to_owned()))?;
    let url = credentials::parse_url(&address)?;
    let key = read_key()?;
    let credentials = Credentials { url, key };
    let account = credentials.client()?.account().await.map_err(CredentialsError::Rejected)?;
    let path = credentials.save()?;
    out.remark(format_args!("The key is kept in {}, readable by you only.", path.display()));
    out.answer(&account, |account| {
        let Account { customer, name, registry, network: _ } = account;
        let push = registry.as_ref().map(|registry| format!("\nPush images to {registry}/…")).unwrap_or_default();
        format!("Logged in as {name} ({customer}).{push}")
    })
}

/// More than any key is long.
const KEY_LINE_BYTES_MAX: u64 = 4_096;

/// From the person at the terminal without showing it, or the first line of what is piped in. Where the answers go has no say:
/// a script may keep them and still have the person type.
fn read_key() -> Result<ApiKey, Error> {
    let unread = |source| Error::Read { path: "standard input".into(), source };
    let text = if io::stdin().is_terminal() {
        let terminal = [Term::stderr(), Term::stdout()].into_iter().find(Term::is_term);
        let terminal = terminal.ok_or_else(|| Error::Usage("there is nowhere to ask for the key; pipe it in".to_owned()))?;
        terminal.write_str("API key (not shown): ").map_err(unread)?;
        terminal.read_secure_line().map_err(unread)?
    } else {
        let mut line = String::new();
        io::stdin().lock().take(KEY_LINE_BYTES_MAX).read_line(&mut line).map_err(unread)?;
        line
    };
    Ok(ApiKey::parse(&text).ok_or(CredentialsError::MalformedKey)?)
}

pub(super) fn logout(out: &Output) -> Result<(), Error> {
    let forgotten = credentials::forget()?;
    out.answer(&json!({ "forgotten": forgotten }), |_| {
        if forgotten { "The key is forgotten here. It stays valid until it is revoked." } else { "There was no key here." }
            .to_owned()
    })
}

pub(super) async fn usage(client: &Client, days: u32, out: &Output) -> Result<(), Error> {
    let to = clock::now();
    out.answer(&client.usage(to.before(DAY * days), to).await?, |usage| {
        let Usage { from_ms: _, to_ms: _, jobs, charged_ms, charged } = usage;
        let ran = duration(u128::from(*charged_ms));
        format!("Last {days} days\nJobs ended  {jobs}\nRan         {ran}\nCharged     {charged}")
    })
}

pub(super) async fn offers(client: &Client, out: &Output) -> Result<(), Error> {
    out.answer(&client.offers().await?, |OfferList { classes }| {
        if classes.is_empty() {
            return "No rig is connected now.".to_owned();
        }
        let row = |class: &headframe_protocol::api::ClassOffer| {
            let price = class.price_per_hour_min.map_or_else(|| "-".to_owned(), |price| price.to_string());
            let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            vec![
                class.class.clone(),
                or_dash(class.architecture.clone()),
                or_dash(class.compute_capability.map(|capability| capability.to_string())),
                if class.fu > 0 { format!("{}+", class.fu) } else { "-".to_owned() },
                class.os.to_string(),
                class.trust.to_string(),
                or_dash(class.country.clone()),
                class.ready.to_string(),
                class.connected.to_string(),
                price,
            ]
        };
        table(
            &["CLASS", "GENERATION", "CAPABILITY", "FU", "SYSTEM", "TRUST", "COUNTRY", "READY", "CONNECTED", "FROM, PER HOUR"],
            &classes.iter().map(row).collect::<Vec<_>>(),
        )
    })
}
