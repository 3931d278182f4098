//! The chains of a network as this computer has last seen them: so that a customer comes to his money on a chain when the network
//! does not answer, and sees when it names other contracts than before.

use std::{collections::BTreeMap, fs, io, io::Write as _, path::Path};

use headframe_protocol::chain::ChainProfile;

use crate::{Client, credentials, error::Error, output::Output};

/// The file's name, next to the credentials.
const FILE_NAME: &str = "chains.json";

/// Chains by the address of their network.
type Networks = BTreeMap<String, Vec<ChainProfile>>;

/// The network's chains as it names them now, and as they were remembered. If the network does not answer, what is remembered
/// stands in for it.
///
/// # Errors
/// [`Error`] if it does not answer and nothing is remembered, or refuses.
pub async fn ask(client: &Client, out: &Output) -> Result<(Vec<ChainProfile>, Vec<ChainProfile>), Error> {
    let path = credentials::folder()?.join(FILE_NAME);
    let mut networks = read(&path);
    let before = networks.get(client.base().as_str()).cloned().unwrap_or_default();
    match client.chains().await {
        Ok(chains) => {
            if chains != before {
                networks.insert(client.base().to_string(), chains.clone());
                remember(&path, &networks, out);
            }
            Ok((chains, before))
        }
        Err(error) if error.may_pass() && !before.is_empty() => {
            out.remark("The network does not answer; its chains are taken as this computer remembers them.");
            Ok((before.clone(), before))
        }
        Err(error) => Err(error.into()),
    }
}

/// A file that cannot be read or understood is as good as none: it is written anew.
fn read(path: &Path) -> Networks {
    fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

fn remember(path: &Path, networks: &Networks, out: &Output) {
    if let Err(error) = write(path, networks) {
        out.remark(format_args!("The network's chains could not be remembered in {}: {error}", path.display()));
    }
}

fn write(path: &Path, networks: &Networks) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut aside = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer(&mut aside, networks)?;
    aside.write_all(b"\n")?;
    aside.as_file().sync_all()?;
    aside.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::tests::profile;

    #[test]
    fn what_was_seen_is_remembered_by_network() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep").join(FILE_NAME);
        assert!(read(&path).is_empty());
        let networks =
            Networks::from([("https://one.test/".to_owned(), vec![profile()]), ("https://two.test/".to_owned(), vec![])]);
        write(&path, &networks).expect("a writable folder");
        assert_eq!(read(&path), networks);
        fs::write(&path, "{").expect("writable");
        assert!(read(&path).is_empty(), "what cannot be understood is no reason to stop");
    }
}
