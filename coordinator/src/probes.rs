//! What anybody may ask without a key, and that costs a look at the database: looked at once a second at most, however many
//! ask.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Mutex;

use crate::store::StoreError;

/// How old an answer may be. Those who ask by right do so every few seconds.
const AGE_MAX: Duration = Duration::from_secs(1);

/// The last answers.
#[derive(Debug, Default)]
pub struct Probes {
    /// What is not well, if anything.
    pub readiness: Recent<Option<&'static str>>,
    /// The figures as text.
    pub figures: Recent<Result<String, Arc<StoreError>>>,
}

/// An answer that is good for a second.
#[derive(Debug)]
pub struct Recent<T>(Mutex<Option<(Instant, T)>>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Recent<T> {
    /// The last answer, or a new one if it is too old. Those who ask meanwhile wait for that same one.
    pub async fn get<F: Future<Output = T>>(&self, look: impl FnOnce() -> F) -> T {
        let mut last = self.0.lock().await;
        if let Some((_, answer)) = last.as_ref().filter(|(at, _)| at.elapsed() < AGE_MAX) {
            return answer.clone();
        }
        let answer = look().await;
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn many_who_ask_at_once_are_one_look() {
        let (recent, looks) = (Recent::default(), std::sync::atomic::AtomicU32::new(0));
        let ask = || recent.get(|| std::future::ready(looks.fetch_add(1, std::sync::atomic::Ordering::Relaxed)));
        let answers = futures_util::future::join_all((0..50).map(|_| ask())).await;
        assert!(answers.iter().all(|answer| *answer == 0), "{answers:?}");
        assert_eq!(looks.into_inner(), 1);
    }
}
