//! Which images we brought onto this PC, and which of them leave first when the owner's space is full.
//!
//! Only images named here are ever removed: what the owner pulled himself is his.

use std::{
    path::{Path, PathBuf},
    sync::Mutex,
};

use bollard::{Docker, query_parameters::RemoveImageOptionsBuilder};
use headframe_protocol::{ImageRef, Sha256, rig::IMAGES_MAX};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// The images of this rig.
#[derive(Debug)]
pub(in crate::runner) struct Shelf {
    path: PathBuf,
    cap_bytes: u64,
    rows: Mutex<Rows>,
    present: watch::Sender<Vec<Sha256>>,
}

/// The file `images.json`. Most recently used first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Rows {
    images: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    image: ImageRef,
    bytes: u64,
}

impl Shelf {
    /// Reads what is known, and drops what the engine no longer has.
    pub(in crate::runner) async fn open(data_dir: &Path, cap_bytes: u64, docker: &Docker) -> Self {
        let path = data_dir.join("images.json");
        // An unreadable file only means that old images are not ours to remove any more.
        let text = tokio::fs::read(&path).await.unwrap_or_default();
        let mut rows: Rows = serde_json::from_slice(&text).unwrap_or_default();
        let mut here = Vec::new();
        for row in rows.images.drain(..) {
            if docker.inspect_image(&row.image.to_string()).await.is_ok() {
                here.push(row);
            }
        }
        rows.images = here;
        let (present, _) = watch::channel(rows.digests());
        Self { path, cap_bytes, rows: Mutex::new(rows), present }
    }

    pub(in crate::runner) fn present(&self) -> watch::Receiver<Vec<Sha256>> {
        self.present.subscribe()
    }

    /// Notes that `image` was used just now.
    pub(in crate::runner) async fn used(&self, image: &ImageRef, bytes: u64) {
        let changed = self.change(|rows| {
            let row = Row { image: image.clone(), bytes };
            let first = rows.images.first() == Some(&row);
            if !first {
                rows.images.retain(|row| row.image != *image);
                rows.images.insert(0, row);
            }
            !first
        });
        if changed {
            self.save().await;
        }
    }

    /// Removes least recently used images until the rest fit. One that a container still uses stays.
    pub(in crate::runner) async fn make_room(&self, docker: &Docker) {
        for image in self.over_the_cap() {
            let name = image.to_string();
            match docker.remove_image(&name, Some(RemoveImageOptionsBuilder::new().build()), None).await {
                Ok(_) => {
                    tracing::info!(image.digest = %image.digest(), "Removed image {name}: least recently used, and the space for images is full")
                }
                Err(error) => {
                    tracing::debug!(%error, "Image {name} stays: {error}");
                    continue;
                }
            }
            self.change(|rows| {
                rows.images.retain(|row| row.image != image);
                true
            });
            self.save().await;
        }
    }

    /// What has to leave, least recently used first. The most recent one always stays: it is the one about to run.
    fn over_the_cap(&self) -> Vec<ImageRef> {
        let rows = self.lock();
        let mut total: u64 = rows.images.iter().map(|row| row.bytes).sum();
        let mut leave = Vec::new();
        for row in rows.images.iter().skip(1).rev() {
            if total <= self.cap_bytes {
                break;
            }
            total = total.saturating_sub(row.bytes);
            leave.push(row.image.clone());
        }
        leave
    }

    fn change(&self, change: impl FnOnce(&mut Rows) -> bool) -> bool {
        let mut rows = self.lock();
        let changed = change(&mut rows);
        if changed {
            self.present.send_replace(rows.digests());
        }
        changed
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Rows> {
        // Nothing panics while holding it; if something did, the list is still a list.
        self.rows.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn save(&self) {
        let rows = self.lock().clone();
        let Ok(text) = serde_json::to_vec_pretty(&rows) else { return };
        let new = self.path.with_extension("json.new");
        let saved = async {
            tokio::fs::write(&new, text).await?;
            tokio::fs::rename(&new, &self.path).await
        };
        if let Err(error) = saved.await {
            tracing::warn!(%error, "Could not write {}; images pulled now may stay for good", self.path.display());
        }
    }
}

impl Rows {
    fn digests(&self) -> Vec<Sha256> {
        self.images.iter().take(IMAGES_MAX).map(|row| row.image.digest()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(letter: char) -> ImageRef {
        format!("127.0.0.1:5000/a/{letter}@sha256:{}", Sha256::of(letter.to_string().as_bytes())).parse().expect("an image")
    }

    #[tokio::test]
    async fn the_least_recently_used_leave_first_and_the_newest_stays() {
        let dir = tempfile::tempdir().expect("a folder");
        let (present, _) = watch::channel(Vec::new());
        let shelf = Shelf { path: dir.path().join("images.json"), cap_bytes: 100, rows: Mutex::default(), present };
        for letter in ['a', 'b', 'c', 'a'] {
            shelf.used(&image(letter), 60).await;
        }
        assert_eq!(*shelf.present().borrow(), [image('a').digest(), image('c').digest(), image('b').digest()]);
        assert_eq!(shelf.over_the_cap(), [image('b'), image('c')]);
        let saved: Rows = serde_json::from_slice(&std::fs::read(&shelf.path).expect("saved")).expect("JSON");
        assert_eq!(saved, *shelf.lock());
    }
}
