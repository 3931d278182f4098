//! What the relay has sent for one connection and nobody has taken yet. Never more than the room it was given.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use headframe_relay::frame::{CONTENT_BYTES_MAX, WINDOW_BYTES};
use tokio::sync::Notify;

/// Filled by the session, emptied by the connection's own task.
#[derive(Debug)]
pub(super) struct Inbox {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Debug)]
struct State {
    bytes: BytesMut,
    /// How much more the relay may send.
    room: usize,
    end: Option<Next>,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// These, for the host.
    Bytes(Bytes),
    /// Nothing more; the other direction goes on.
    End,
    /// It is over at once.
    Reset,
}

/// The relay sends what it has no room for, or after it has said that nothing follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overrun;

impl Default for Inbox {
    fn default() -> Self {
        let state = State { bytes: BytesMut::new(), room: WINDOW_BYTES as usize, end: None };
        Self { state: Mutex::new(state), news: Notify::new() }
    }
}

impl Inbox {
    pub(super) fn fill(&self, bytes: &[u8]) -> Result<(), Overrun> {
        let mut state = self.lock();
        match &state.end {
            // Sent before the relay had heard of it.
            Some(Next::Reset) => return Ok(()),
            Some(Next::End | Next::Bytes(_)) => return Err(Overrun),
            None => {}
        }
        state.room = state.room.checked_sub(bytes.len()).ok_or(Overrun)?;
        state.bytes.extend_from_slice(bytes);
        drop(state);
        self.news.notify_one();
        Ok(())
    }

    pub(super) fn end(&self) {
        self.lock().end.get_or_insert(Next::End);
        self.news.notify_one();
    }

    pub(super) fn reset(&self) {
        self.lock().end = Some(Next::Reset);
        self.news.notify_one();
    }

    /// Waits for the next piece. Its bytes still take up room until [`Inbox::give_room`].
    pub(super) async fn next(&self) -> Next {
        loop {
            if let Some(next) = self.try_next() {
                return next;
            }
            self.news.notified().await;
        }
    }

    /// So many bytes have been passed on; the relay may send as many more, once it is told.
    pub(super) fn give_room(&self, bytes: usize) {
        self.lock().room += bytes;
    }

    fn try_next(&self) -> Option<Next> {
        let mut state = self.lock();
        if state.end == Some(Next::Reset) {
            return Some(Next::Reset);
        }
        if state.bytes.is_empty() {
            return state.end.clone();
        }
        let length = state.bytes.len().min(CONTENT_BYTES_MAX);
        Some(Next::Bytes(state.bytes.split_to(length).freeze()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_more_is_kept_than_there_is_room_for() {
        let inbox = Inbox::default();
        let piece = vec![7; CONTENT_BYTES_MAX];
        for _ in 0..WINDOW_BYTES as usize / CONTENT_BYTES_MAX {
            assert_eq!(inbox.fill(&piece), Ok(()));
        }
        assert_eq!(inbox.fill(&[7]), Err(Overrun));
        assert_eq!(inbox.next().await, Next::Bytes(piece.clone().into()));
        assert_eq!(inbox.fill(&[7]), Err(Overrun), "taken out is not passed on");
        inbox.give_room(CONTENT_BYTES_MAX);
        assert_eq!(inbox.fill(&piece), Ok(()));
    }

    #[tokio::test]
    async fn what_came_before_an_end_is_passed_on_and_before_a_reset_is_not() {
        let inbox = Inbox::default();
        inbox.fill(b"last").expect("room");
        inbox.end();
        assert_eq!(inbox.fill(b"x"), Err(Overrun));
        assert_eq!(inbox.next().await, Next::Bytes(Bytes::from_static(b"last")));
        assert_eq!(inbox.next().await, Next::End);
        inbox.reset();
        assert_eq!(inbox.next().await, Next::Reset);
        assert_eq!(inbox.fill(b"late"), Ok(()));
    }
}
