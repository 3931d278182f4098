//! Sends messages to customers' webhooks, signed after the Standard Webhooks specification.
//!
//! What is sent is written down in [`crate::store::outbox`], and when it is sent again is decided by
//! `reconcile::webhooks`. This module makes one try: it signs, and it never connects into a private network.

use std::{path::Path, sync::Arc, time::Duration};

use headframe_protocol::{CustomerId, TimestampMs};
use reqwest::{Client, StatusCode, header, redirect::Policy};
use url::Url;

use crate::{config::WebhooksConfig, store::outbox::Message};

mod address;
pub(crate) mod key;
mod signature;

pub use key::KeyError;
use key::ServerKey;
pub use signature::SigningSecret;

/// The file in the data directory from which all customers' secrets are derived. Replicas share it.
const KEY_FILE: &str = "webhooks.key";

/// Signs and sends. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Webhooks {
    client: Client,
    key: Arc<ServerKey>,
    private_addresses: bool,
}

/// Why messages cannot be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum WebhooksError {
    /// The key cannot be used.
    #[error("could not use the key of webhooks")]
    Key(#[source] KeyError),
    /// There is no client.
    #[error("could not set up a client for webhooks")]
    Client(#[source] reqwest::Error),
}

/// Why one try came to nothing. No variant holds the address: it may carry a token of the customer's.
#[derive(Debug, thiserror::Error)]
pub enum Undelivered {
    /// The address is not one to connect to.
    #[error("it leads to an address inside a private network")]
    Private,
    /// The address is no address.
    #[error("it is not a web address")]
    NotAnAddress,
    /// The receiver says that it wants no more of this.
    #[error("the receiver is gone for good")]
    Gone,
    /// The receiver answered something else than a success. Redirects are among these, for they are not followed.
    #[error("the receiver answered {0}")]
    Status(StatusCode),
    /// Nobody answered in time.
    #[error("the receiver could not be reached")]
    Unreachable(#[source] reqwest::Error),
}

impl Undelivered {
    /// Whether another try may do better.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Private | Self::NotAnAddress | Self::Gone => false,
            Self::Status(_) | Self::Unreachable(_) => true,
        }
    }
}

impl Webhooks {
    /// Reads the key from `data_dir`, or makes one. A try takes no longer than `timeout`.
    ///
    /// # Errors
    /// [`WebhooksError`] if the key cannot be used.
    pub fn open(data_dir: &Path, config: &WebhooksConfig, timeout: Duration) -> Result<Self, WebhooksError> {
        let key = ServerKey::open(&data_dir.join(KEY_FILE)).map_err(WebhooksError::Key)?;
        // No redirects: a public address could send us into a private network. No proxy: it would resolve names for us, and
        // the address that was looked at would not be the one connected to.
        let mut client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(timeout)
            .user_agent(concat!("headframe/", env!("CARGO_PKG_VERSION")));
        if !config.allow_private_addresses {
            client = client.dns_resolver(Arc::new(address::PublicOnly));
        }
        let client = client.build().map_err(WebhooksError::Client)?;
        Ok(Self { client, key: Arc::new(key), private_addresses: config.allow_private_addresses })
    }

    /// What the customer checks our messages with.
    #[must_use]
    pub fn secret_of(&self, customer: CustomerId) -> SigningSecret {
        self.key.secret_of(customer)
    }

    /// Sends a message once. The answer's body is nobody's business and is not read.
    ///
    /// # Errors
    /// [`Undelivered`] if the receiver did not say that it has it.
    pub async fn send(&self, customer: CustomerId, message: &Message, now: TimestampMs) -> Result<(), Undelivered> {
        let url = Url::parse(&message.url).map_err(|_| Undelivered::NotAnAddress)?;
        // Addresses written out never reach the resolver, so they are looked at here.
        if !self.private_addresses && headframe_protocol::address::is_written_out_and_private(&url) {
            return Err(Undelivered::Private);
        }
        let seconds = now.as_millis().div_euclid(1_000);
        let signature = self.secret_of(customer).sign(&message.id, seconds, &message.body);
        let request = self
            .client
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signature)
            .body(message.body.clone());
        let response = request.send().await.map_err(|error| {
            if address::is_refusal(&error) { Undelivered::Private } else { Undelivered::Unreachable(error.without_url()) }
        })?;
        match response.status() {
            status if status.is_success() => Ok(()),
            StatusCode::GONE => Err(Undelivered::Gone),
            status => Err(Undelivered::Status(status)),
        }
    }
}
