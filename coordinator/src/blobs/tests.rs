use futures_util::stream;

use super::*;

fn store() -> (tempfile::TempDir, Blobs) {
    let folder = tempfile::tempdir().expect("a folder");
    let blobs = Blobs::local(folder.path()).expect("a store");
    (folder, blobs)
}

fn name() -> ObjectName {
    ObjectName::upload(UploadId::generate())
}

fn pieces(count: usize, size: usize) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send {
    stream::iter((0..count).map(move |at| Ok(Bytes::from(vec![at as u8; size]))))
}

const ANY: Expected = Expected { sha256: None, bytes_max: u64::MAX };

async fn all(blobs: &Blobs, name: &ObjectName, range: Option<Range<u64>>) -> Vec<u8> {
    let stream = blobs.read(name, range).await.expect("it is there");
    stream
        .try_fold(Vec::new(), |mut all, piece| async move {
            all.extend_from_slice(&piece);
            Ok(all)
        })
        .await
        .expect("readable")
}

#[tokio::test]
async fn large_bytes_come_back_as_they_went_in() {
    let (_folder, blobs) = store();
    let name = name();
    let written = blobs.put(&name, pieces(200, 65_536), ANY).await.expect("written");
    let bytes = all(&blobs, &name, None).await;
    assert_eq!((written.bytes, written.sha256), (bytes.len() as u64, Sha256::of(&bytes)));
    assert_eq!(all(&blobs, &name, Some(65_534..65_538)).await, [0, 0, 1, 1]);
}

#[tokio::test]
async fn nothing_exists_after_a_wrong_sum() {
    let (_folder, blobs) = store();
    for count in [1, 200] {
        let name = name();
        let expected = Expected { sha256: Some(Sha256::of(b"other")), bytes_max: u64::MAX };
        let refused = blobs.put(&name, pieces(count, 65_536), expected).await;
        assert!(matches!(refused, Err(PutError::Mismatch { .. })), "{refused:?}");
        assert_eq!(blobs.bytes_of(&name).await.expect("asked"), None);
    }
}

#[tokio::test]
async fn nothing_exists_after_too_many_bytes_or_a_broken_body() {
    let (folder, blobs) = store();
    let name = name();
    let refused = blobs.put(&name, pieces(200, 65_536), Expected { sha256: None, bytes_max: 10_000_000 }).await;
    assert!(matches!(refused, Err(PutError::TooLarge { bytes_max: 10_000_000 })), "{refused:?}");
    let broken = pieces(150, 65_536).chain(stream::iter([Err(std::io::Error::other("cable"))]));
    assert!(matches!(blobs.put(&name, broken, ANY).await, Err(PutError::Body(_))));
    assert_eq!(blobs.bytes_of(&name).await.expect("asked"), None);
    let left = std::fs::read_dir(folder.path().join("uploads")).map(|entries| entries.count()).unwrap_or(0);
    assert_eq!(left, 0, "parts of unfinished writes are removed");
}

#[tokio::test]
async fn a_sum_another_attempt_brought_is_not_ones_own() {
    let (_folder, blobs) = store();
    let (mine, other) = (AttemptId::generate(), AttemptId::generate());
    let sum = Sha256::of(b"result");
    blobs.write(&ObjectName::staged(mine, sum), Bytes::from_static(b"result")).await.expect("written");
    assert_eq!(blobs.contains_for_attempt(mine, sum).await.expect("asked"), Some(6));
    assert_eq!(blobs.contains_for_attempt(other, sum).await.expect("asked"), None);
    assert_eq!(ObjectName::staged(mine, sum).attempt(), Some(mine));
}

#[tokio::test]
async fn deleting_twice_is_deleting() {
    let (_folder, blobs) = store();
    let name = name();
    blobs.write(&name, Bytes::from_static(b"x")).await.expect("written");
    blobs.delete(&name).await.expect("deleted");
    blobs.delete(&name).await.expect("still deleted");
    assert!(matches!(blobs.read(&name, None).await.err(), Some(BlobError::Missing(_))));
}

#[tokio::test]
async fn what_a_crash_left_goes_and_what_is_being_written_stays() {
    let (folder, blobs) = store();
    let name = name();
    blobs.write(&name, Bytes::from_static(b"whole")).await.expect("written");
    let leftover = folder.path().join("uploads/upl_1#1");
    std::fs::write(&leftover, b"half").expect("written");
    assert_eq!(blobs.remove_leftovers(TimestampMs::from_millis(0)).await.expect("searched"), 0, "touched since");
    assert_eq!(blobs.remove_leftovers(TimestampMs::from_millis(i64::MAX)).await.expect("searched"), 1);
    assert!(!leftover.exists());
    assert_eq!(blobs.bytes_of(&name).await.expect("asked"), Some(5));
}
