//! One piece of a log file.

use std::{io, path::Path};

use headframe_protocol::control::LogChunk;
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _, SeekFrom},
};

/// The largest piece. As JSON, where control characters take six bytes each, it still fits the socket's longest line.
const PIECE_BYTES_MAX: u64 = 64 * 1024;

/// Reads from `offset` (from the end if negative). A file that is not there yet is empty, unless the attempt has `ended`.
pub(super) async fn piece(file: &Path, offset: i64, ended: bool) -> io::Result<LogChunk> {
    let mut open = match File::open(file).await {
        Ok(open) => open,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !ended => {
            return Ok(LogChunk { offset: 0, end: 0, text: String::new(), complete: false });
        }
        Err(error) => return Err(error),
    };
    let length = open.metadata().await?.len();
    let begin = match u64::try_from(offset) {
        Ok(offset) => offset.min(length),
        Err(_) => length.saturating_sub(offset.unsigned_abs()),
    };
    open.seek(SeekFrom::Start(begin)).await?;
    let mut bytes = Vec::new();
    open.take(PIECE_BYTES_MAX).read_to_end(&mut bytes).await?;
    let more_follows = begin + bytes.len() as u64 != length || !ended;
    let whole = if more_follows { whole_characters(&bytes) } else { bytes.len() };
    let end = begin + whole as u64;
    let text = String::from_utf8_lossy(&bytes[..whole]).into_owned();
    Ok(LogChunk { offset: begin, end, text, complete: ended && end >= length })
}

/// How many bytes make whole characters: one that is cut at the end is left for the next piece.
fn whole_characters(bytes: &[u8]) -> usize {
    let tail = bytes.len().saturating_sub(3);
    let cut = (tail..bytes.len()).find(|&at| {
        let needed = match bytes[at] {
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            0..=0xC1 | 0xF5..=0xFF => return false,
        };
        at + needed > bytes.len()
    });
    cut.unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn of(content: &[u8], offset: i64, ended: bool) -> LogChunk {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("x.log");
        std::fs::write(&file, content).expect("written");
        piece(&file, offset, ended).await.expect("read")
    }

    #[tokio::test]
    async fn a_log_is_read_in_pieces_to_its_end() {
        let chunk = of(b"one\ntwo\n", 4, true).await;
        assert_eq!((chunk.text.as_str(), chunk.offset, chunk.end, chunk.complete), ("two\n", 4, 8, true));
        let chunk = of(b"one\ntwo\n", -4, false).await;
        assert_eq!((chunk.text.as_str(), chunk.complete), ("two\n", false));
        assert_eq!(of(b"one", 99, true).await.text, "");
    }

    #[tokio::test]
    async fn a_character_is_never_cut_in_two() {
        let chunk = of("a€".as_bytes().get(..3).expect("cut"), 0, false).await;
        assert_eq!((chunk.text.as_str(), chunk.end), ("a", 1), "its rest is on the way");
        let chunk = of(&[b'a', 0xE2, 0x82], 0, true).await;
        assert_eq!((chunk.end, chunk.complete), (3, true), "the rest will never come");
    }

    #[tokio::test]
    async fn a_log_that_has_not_begun_is_empty() {
        let chunk = piece(Path::new("/nonexistent/x.log"), 0, false).await.expect("empty");
        assert!(!chunk.complete && chunk.text.is_empty());
    }
}
