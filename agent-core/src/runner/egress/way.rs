//! The way out of one container: brings the relay up, and up again while that has a sense.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bollard::Docker;
use headframe_protocol::job::Egress;
use tokio::time::Instant;

use super::{
    EgressConfig,
    carry::Terms,
    relay,
    session::{self, Parted},
    traffic::Traffic,
};
use crate::runner::rate::Rate;

/// A relay that ends while its container runs was killed by the job, or with it by want of memory. It is brought up again so often.
const TRIES: u32 = 8;
const PAUSE: Duration = Duration::from_millis(250);

/// A relay whose door is not open by then will not open it.
const READY_MAX: Duration = Duration::from_secs(60);

/// How often what was exchanged is written down, so that an agent's restart gives no job its bytes again.
const WRITE_EVERY: Duration = Duration::from_secs(1);

/// One attempt's way out.
#[derive(Debug)]
pub(in crate::runner) struct Way {
    terms: Arc<Terms>,
    spent: PathBuf,
    /// Whether there was ever one. Then whatever ends it is the job's own doing.
    was_open: AtomicBool,
    lost: AtomicBool,
}

impl Way {
    /// For a fresh container.
    pub(in crate::runner) fn new(egress: &Egress, config: &EgressConfig, pace: &Arc<Rate>, folder: &Path) -> Self {
        Self::with(egress, config, pace, folder, 0)
    }

    /// For a container of an earlier life.
    pub(in crate::runner) async fn again(egress: &Egress, config: &EgressConfig, pace: &Arc<Rate>, folder: &Path) -> Self {
        let text = tokio::fs::read_to_string(spent_in(folder)).await.unwrap_or_default();
        let way = Self::with(egress, config, pace, folder, text.trim().parse().unwrap_or_default());
        way.was_open.store(true, Ordering::Relaxed);
        way
    }

    fn with(egress: &Egress, config: &EgressConfig, pace: &Arc<Rate>, folder: &Path, spent: u64) -> Self {
        let terms = Terms {
            allow: egress.allow.clone(),
            world: Arc::clone(&config.world),
            caps: config.caps.clone(),
            pace: Arc::clone(pace),
            opening: Rate::default(),
            traffic: Traffic::new(egress.max_bytes, spent),
        };
        Self { terms: Arc::new(terms), spent: spent_in(folder), was_open: AtomicBool::new(false), lost: AtomicBool::new(false) }
    }

    /// Keeps the way open for as long as it is let. The container must run.
    pub(in crate::runner) async fn keep_open(&self, docker: &Docker, container: &str) {
        tokio::join!(self.hold(docker, container), self.write_down());
    }

    /// Whether there is none and never was: the rig's engine is at fault, and the job waits for nothing.
    pub(in crate::runner) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// What stands at the end of the attempt's log.
    pub(in crate::runner) fn told(&self) -> String {
        self.terms.traffic.told()
    }

    async fn hold(&self, docker: &Docker, container: &str) {
        for _ in 0..TRIES {
            match relay::start(docker, container).await {
                Ok((from, to)) => {
                    if let Parted::Broken(breach) = self.speak(from, to).await {
                        self.terms.traffic.note(format!("The job has written into its way out, which is closed now: {breach}."));
                        return;
                    }
                }
                Err(error) => tracing::info!(%error, "The relay in {container} was not started"),
            }
            tokio::time::sleep(PAUSE).await;
        }
        if self.was_open.load(Ordering::Relaxed) {
            self.terms.traffic.note("The relay was ended again and again; the way out is closed now.".to_owned());
        } else {
            tracing::warn!("The engine does not keep a relay in {container}; the job cannot begin");
            self.lost.store(true, Ordering::Relaxed);
        }
    }

    async fn speak(
        &self,
        from: impl futures_util::Stream<Item = bytes::Bytes> + Unpin,
        to: impl tokio::io::AsyncWrite + Unpin,
    ) -> Parted {
        let opened = AtomicBool::new(false);
        let ready = || {
            opened.store(true, Ordering::Relaxed);
            self.was_open.store(true, Ordering::Relaxed);
        };
        let never_ready = async {
            tokio::time::sleep_until(Instant::now() + READY_MAX).await;
            if opened.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            parted = session::hold(&self.terms, from, to, ready) => parted,
            () = never_ready => Parted::Closed,
        }
    }

    async fn write_down(&self) {
        let mut written = 0;
        loop {
            tokio::time::sleep(WRITE_EVERY).await;
            let spent = self.terms.traffic.spent();
            if spent != written && tokio::fs::write(&self.spent, spent.to_string()).await.is_ok() {
                written = spent;
            }
        }
    }
}

fn spent_in(folder: &Path) -> PathBuf {
    folder.join("egress")
}
