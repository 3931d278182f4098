//! Which images we brought onto this PC, and which of them leave first when the owner's space is full.
//!
//! Only images named here are ever removed: what the owner pulled himself is his.

use std::{
    path::{Path, PathBuf},
    sync::Mutex,
};

use bollard::{Docker, errors::Error as EngineError, query_parameters::RemoveImageOptionsBuilder};
use headframe_protocol::{ImageRef, Sha256, rig::IMAGES_MAX};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::bytes_of;
use crate::fault;

/// The images of this rig.
#[derive(Debug)]
pub(in crate::runner) struct Shelf {
    path: PathBuf,
    cap_bytes: u64,
    rows: Mutex<Rows>,
    present: watch::Sender<Vec<Sha256>>,
    /// Images about to be used, each as often as there is a use.
    held: Mutex<Vec<ImageRef>>,
    /// Taken while one is removed: an image is held either before its removal, which then is none, or after.
    removing: tokio::sync::Mutex<()>,
}

/// The file `images.json`. Most recently used first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Rows {
    images: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    image: ImageRef,
    /// None until it has arrived.
    bytes: Option<u64>,
    /// Whether we brought it. Files of earlier versions name only such.
    #[serde(default = "brought")]
    brought: bool,
}

const fn brought() -> bool {
    true
}

/// An image that is not removed for as long as this lives.
#[derive(Debug)]
pub(in crate::runner) struct Held<'a> {
    shelf: &'a Shelf,
    image: ImageRef,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut held = lock(&self.shelf.held);
        if let Some(at) = held.iter().position(|image| *image == self.image) {
            held.swap_remove(at);
        }
    }
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
            if let Ok(found) = docker.inspect_image(&row.image.to_string()).await {
                here.push(Row { bytes: Some(bytes_of(&found)), ..row });
            }
        }
        rows.images = here;
        Self::new(path, cap_bytes, rows)
    }

    fn new(path: PathBuf, cap_bytes: u64, rows: Rows) -> Self {
        let (present, _) = watch::channel(rows.digests());
        Self { path, cap_bytes, rows: Mutex::new(rows), present, held: Mutex::default(), removing: tokio::sync::Mutex::default() }
    }

    pub(in crate::runner) fn present(&self) -> watch::Receiver<Vec<Sha256>> {
        self.present.subscribe()
    }

    /// Keeps `image` from being removed until what is returned is dropped.
    pub(in crate::runner) async fn hold(&self, image: &ImageRef) -> Held<'_> {
        let _none_is_being_removed = self.removing.lock().await;
        lock(&self.held).push(image.clone());
        Held { shelf: self, image: image.clone() }
    }

    /// Notes that `image`, which is not here, is about to be: from now on it is ours to remove.
    pub(in crate::runner) async fn fetching(&self, image: &ImageRef) {
        self.put_first(Row { image: image.clone(), bytes: None, brought: true }).await;
    }

    /// Notes that `image` is here and was used just now. One that nobody noted before it came is the owner's.
    pub(in crate::runner) async fn used(&self, image: &ImageRef, bytes: u64) {
        self.put_first(Row { image: image.clone(), bytes: Some(bytes), brought: self.is_ours(image) }).await;
    }

    /// Whether we brought it, so that it counts against what the owner gives.
    pub(in crate::runner) fn is_ours(&self, image: &ImageRef) -> bool {
        lock(&self.rows).images.iter().any(|row| row.image == *image && row.brought)
    }

    pub(in crate::runner) const fn cap_bytes(&self) -> u64 {
        self.cap_bytes
    }

    async fn put_first(&self, row: Row) {
        let changed = self.change(|rows| {
            let first = rows.images.first() == Some(&row);
            if !first {
                rows.images.retain(|other| other.image != row.image);
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
        for image in self.unfinished() {
            self.settle(docker, image).await;
        }
        for image in self.over_the_cap() {
            let _removing = self.removing.lock().await;
            if self.is_held(&image) {
                continue;
            }
            let name = image.to_string();
            match docker.remove_image(&name, Some(RemoveImageOptionsBuilder::new().build()), None).await {
                Ok(_) => {
                    tracing::info!(image.digest = %image.digest(), "Removed image {name}: least recently used, and the space for images is full")
                }
                // Somebody else removed it.
                Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => {}
                Err(error) => {
                    tracing::debug!(%error, "Image {name} stays: {error}");
                    continue;
                }
            }
            self.forget(&image).await;
        }
    }

    /// What a fetch that did not come to its end has left.
    async fn settle(&self, docker: &Docker, image: ImageRef) {
        match docker.inspect_image(&image.to_string()).await {
            Ok(found) => {
                self.change(|rows| {
                    let row = rows.images.iter_mut().find(|row| row.image == image);
                    row.map(|row| row.bytes = Some(bytes_of(&found))).is_some()
                });
                self.save().await;
            }
            Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => self.forget(&image).await,
            Err(error) => tracing::debug!(%error, "Whether image {image} came is not known yet"),
        }
    }

    async fn forget(&self, image: &ImageRef) {
        self.change(|rows| {
            rows.images.retain(|row| row.image != *image);
            true
        });
        self.save().await;
    }

    /// Images that were being fetched and are not any more.
    fn unfinished(&self) -> Vec<ImageRef> {
        let rows = lock(&self.rows);
        let unfinished = rows.images.iter().filter(|row| row.bytes.is_none()).map(|row| row.image.clone());
        unfinished.filter(|image| !self.is_held(image)).collect()
    }

    fn is_held(&self, image: &ImageRef) -> bool {
        lock(&self.held).contains(image)
    }

    /// What has to leave, least recently used first. The most recent one stays if it fits at all: it is the one most likely to
    /// run next.
    fn over_the_cap(&self) -> Vec<ImageRef> {
        let rows = lock(&self.rows);
        let ours: Vec<_> =
            rows.images.iter().filter(|row| row.brought).filter_map(|row| Some((&row.image, row.bytes?))).collect();
        let mut total: u64 = ours.iter().map(|(_, bytes)| bytes).sum();
        let mut leave = Vec::new();
        let stays = usize::from(ours.first().is_some_and(|(_, bytes)| *bytes <= self.cap_bytes));
        for (image, bytes) in ours.into_iter().skip(stays).rev().filter(|(image, _)| !self.is_held(image)) {
            if total <= self.cap_bytes {
                break;
            }
            total = total.saturating_sub(bytes);
            leave.push(image.clone());
        }
        leave
    }

    fn change(&self, change: impl FnOnce(&mut Rows) -> bool) -> bool {
        let mut rows = lock(&self.rows);
        let changed = change(&mut rows);
        if changed {
            self.present.send_replace(rows.digests());
        }
        changed
    }

    async fn save(&self) {
        let rows = lock(&self.rows).clone();
        let Ok(text) = serde_json::to_vec_pretty(&rows) else { return };
        let new = self.path.with_extension("json.new");
        let saved = async {
            tokio::fs::write(&new, text).await?;
            tokio::fs::rename(&new, &self.path).await
        };
        if let Err(error) = saved.await {
            tracing::warn!(%error, "Could not write {}; images pulled now may stay for good", self.path.display());
        }
        fault::point("images.saved");
    }
}

impl Rows {
    fn digests(&self) -> Vec<Sha256> {
        self.images.iter().filter(|row| row.bytes.is_some()).take(IMAGES_MAX).map(|row| row.image.digest()).collect()
    }
}

fn lock<T>(list: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing panics while holding it; if something did, the list is still a list.
    list.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(letter: char) -> ImageRef {
        format!("127.0.0.1:5000/a/{letter}@sha256:{}", Sha256::of(letter.to_string().as_bytes())).parse().expect("an image")
    }

    fn shelf(dir: &tempfile::TempDir) -> Shelf {
        Shelf::new(dir.path().join("images.json"), 100, Rows::default())
    }

    async fn fetched(shelf: &Shelf, letter: char) {
        shelf.fetching(&image(letter)).await;
        shelf.used(&image(letter), 60).await;
    }

    #[tokio::test]
    async fn the_least_recently_used_leave_first_and_the_newest_stays() {
        let dir = tempfile::tempdir().expect("a folder");
        let shelf = shelf(&dir);
        for letter in ['a', 'b', 'c', 'a'] {
            fetched(&shelf, letter).await;
        }
        assert_eq!(*shelf.present().borrow(), [image('a').digest(), image('c').digest(), image('b').digest()]);
        assert_eq!(shelf.over_the_cap(), [image('b'), image('c')]);
        let saved: Rows = serde_json::from_slice(&std::fs::read(&shelf.path).expect("saved")).expect("JSON");
        assert_eq!(saved, *lock(&shelf.rows));
    }

    #[tokio::test]
    async fn one_that_never_fits_does_not_stay_for_being_the_newest() {
        let dir = tempfile::tempdir().expect("a folder");
        let shelf = shelf(&dir);
        shelf.fetching(&image('l')).await;
        shelf.used(&image('l'), 101).await;
        assert_eq!(shelf.over_the_cap(), [image('l')]);
    }

    #[tokio::test]
    async fn an_image_about_to_be_used_stays() {
        let dir = tempfile::tempdir().expect("a folder");
        let shelf = shelf(&dir);
        for letter in ['a', 'b', 'c'] {
            fetched(&shelf, letter).await;
        }
        let held = (shelf.hold(&image('a')).await, shelf.hold(&image('a')).await);
        assert_eq!(shelf.over_the_cap(), [image('b')]);
        drop(held.0);
        assert_eq!(shelf.over_the_cap(), [image('b')], "somebody still holds it");
        drop(held.1);
        assert_eq!(shelf.over_the_cap(), [image('a'), image('b')]);
    }

    #[tokio::test]
    async fn what_the_owner_pulled_himself_is_known_and_never_leaves() {
        let dir = tempfile::tempdir().expect("a folder");
        let shelf = shelf(&dir);
        shelf.used(&image('o'), 1_000).await;
        for letter in ['a', 'b'] {
            fetched(&shelf, letter).await;
        }
        assert!(shelf.present().borrow().contains(&image('o').digest()));
        assert_eq!(shelf.over_the_cap(), [image('a')]);
    }

    #[tokio::test]
    async fn an_image_on_its_way_is_noted_and_not_yet_here() {
        let dir = tempfile::tempdir().expect("a folder");
        let shelf = shelf(&dir);
        shelf.fetching(&image('a')).await;
        assert_eq!(*shelf.present().borrow(), []);
        let held = shelf.hold(&image('a')).await;
        assert_eq!(shelf.unfinished(), []);
        drop(held);
        assert_eq!(shelf.unfinished(), [image('a')], "the fetch was broken off, and what it left is ours");
    }

    #[test]
    fn a_list_of_an_earlier_version_is_read() {
        let text = format!(r#"{{"images":[{{"image":"{}","bytes":7}}]}}"#, image('a'));
        let rows: Rows = serde_json::from_str(&text).expect("JSON");
        assert_eq!(rows.images, [Row { image: image('a'), bytes: Some(7), brought: true }]);
    }
}
