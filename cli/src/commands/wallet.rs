//! Wallets: a new key, and whose it is.

use headframe_protocol::spending::Wallet;
use serde_json::json;

use super::purse::{key_of, prove};
use crate::{
    Client,
    args::money::{WalletArgs, WalletCommand},
    clock,
    error::{Error, MoneyError},
    output::{Output, age, table},
    wallet::WalletKey,
};

pub(super) async fn wallet(
    client: impl FnOnce() -> Result<Client, Error>,
    command: WalletCommand,
    out: &Output,
) -> Result<(), Error> {
    match command {
        WalletCommand::New { out: path } => {
            let address = WalletKey::create(&path).map_err(MoneyError::Wallet)?.address().to_checksum(None);
            out.remark(format_args!(
                "The key is in {}, readable by you only. Keep a copy of it: nobody can restore it, and who has it has the money.",
                path.display()
            ));
            out.answer(&json!({ "address": address, "file": path }), |_| address.clone())
        }
        WalletCommand::Add { wallet } => add(&client()?, &wallet, out).await,
        WalletCommand::List => list(&client()?, out).await,
    }
}

async fn add(client: &Client, wallet: &WalletArgs, out: &Output) -> Result<(), Error> {
    let key = key_of(wallet)?;
    prove(client, &key, out).await?;
    let address = key.address().to_checksum(None);
    out.answer(&json!({ "wallet": address }), |_| address.clone())
}

async fn list(client: &Client, out: &Output) -> Result<(), Error> {
    out.answer(&client.wallets().await?, |wallets| {
        if wallets.is_empty() {
            return "The network knows no wallet of yours.".to_owned();
        }
        let now = clock::now();
        let row = |Wallet { wallet, created_ms }: &Wallet| vec![wallet.to_checksum(None), age(*created_ms, now)];
        table(&["WALLET", "KNOWN SINCE"], &wallets.iter().map(row).collect::<Vec<_>>())
    })
}
