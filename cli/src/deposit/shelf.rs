//! Where deposits lie that are not finished: a file for each wallet on each chain, next to the credentials.

use std::{
    fs::{File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use alloy_primitives::Address;

use super::Deposit;

/// Why what is not finished cannot be kept or found.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// The file cannot be read or written.
    #[error("could not use {path}, where an unfinished deposit is kept")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is not what is written there.
    #[error("{path} cannot be understood; if no deposit of this wallet is under way, remove it")]
    Garbled {
        /// Which.
        path: PathBuf,
    },
    /// Somebody else is at it.
    #[error("another `headframe` is at work with this wallet")]
    Taken,
}

/// The place of one wallet on one chain. Nobody else has it at the same time.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    _lock: File,
}

impl Place {
    /// Takes the place.
    ///
    /// # Errors
    /// [`ShelfError::Taken`] if somebody else has it.
    pub fn take(folder: &Path, chain_id: u64, wallet: Address) -> Result<Self, ShelfError> {
        let path = folder.join(format!("deposit-{chain_id}-{wallet:#x}.json"));
        let failed = |source| ShelfError::File { path: path.clone(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let lock = File::create(path.with_extension("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(ShelfError::Taken),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// What is not finished, if anything is.
    ///
    /// # Errors
    /// [`ShelfError`].
    pub fn unfinished(&self) -> Result<Option<Deposit>, ShelfError> {
        match std::fs::read(&self.path) {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|_| ShelfError::Garbled { path: self.path.clone() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.failed(source)),
        }
    }

    /// Keeps how far it is. After a power cut there is this or what was there before.
    ///
    /// # Errors
    /// [`ShelfError`].
    pub fn keep(&self, deposit: &Deposit) -> Result<(), ShelfError> {
        self.write(deposit).map_err(|source| self.failed(source))
    }

    /// Forgets it: it is finished.
    ///
    /// # Errors
    /// [`ShelfError`].
    pub fn clear(&self) -> Result<(), ShelfError> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn write(&self, deposit: &Deposit) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut aside = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut aside, deposit)?;
        aside.write_all(b"\n")?;
        aside.as_file().sync_all()?;
        aside.persist(&self.path)?;
        Ok(())
    }

    fn failed(&self, source: io::Error) -> ShelfError {
        ShelfError::File { path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use headframe_protocol::Micros;

    use super::*;
    use crate::deposit::Terms;

    #[test]
    fn a_wallet_has_one_deposit_at_a_time_and_it_outlives_the_program() {
        let folder = tempfile::tempdir().expect("a folder");
        let wallet = Address::repeat_byte(2);
        let place = Place::take(folder.path(), 1, wallet).expect("a free place");
        assert!(matches!(Place::take(folder.path(), 1, wallet), Err(ShelfError::Taken)));
        Place::take(folder.path(), 2, wallet).expect("another chain is another place");
        assert_eq!(place.unfinished().expect("readable"), None);

        let [market, asset] = [1, 3].map(Address::repeat_byte);
        let deposit = Deposit::new(Terms { chain_id: 1, market, wallet, asset, amount: Micros::new(1) }, true);
        place.keep(&deposit).expect("writable");
        drop(place);
        let place = Place::take(folder.path(), 1, wallet).expect("free again");
        assert_eq!(place.unfinished().expect("readable"), Some(deposit));
        place.clear().expect("removable");
        place.clear().expect("nothing is there, which is what was wanted");
        assert_eq!(place.unfinished().expect("readable"), None);
    }

    #[test]
    fn a_file_that_cannot_be_understood_is_not_thrown_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place::take(folder.path(), 1, Address::ZERO).expect("a free place");
        std::fs::write(&place.path, "{").expect("writable");
        assert!(matches!(place.unfinished(), Err(ShelfError::Garbled { .. })));
        assert!(place.path.exists());
    }
}
