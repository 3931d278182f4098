//! Looks what the owner may want to be told, and has the desktop tell him. A task of its own: neither a wallet that takes its time nor a
//! desktop that does not answer keeps the tray waiting, and where there is no tray he is told all the same.

use std::{path::Path, sync::Arc, time::Duration};

use headframe_agent::{Handle, clock, settings::notices, tasks::apart};
use headframe_control::{AgentPaths, Client};
use headframe_protocol::control::{JobsArgs, MoneyNews, Notices, Snapshot, ToldArgs, WalletAnswer, WalletRequest};
use tokio::time::MissedTickBehavior;
use tracing::info;

use super::{About, News, Seen, of_desktop, tell};
use crate::reminder::{self, Reminder};

/// How often to look whether the owner is to be told something.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// Jobs that are looked at when the history has changed: more end in a minute on no rig.
const NEWEST: u32 = 50;

/// Tells for as long as it is let live. It may be dropped at any await.
pub(crate) async fn tell_on(agent: Handle, paths: AgentPaths) {
    let snapshots = agent.snapshots();
    let dir = paths.data_dir().to_owned();
    let told = apart(move || reminder::told_before(&dir)).await.flatten();
    let mut herald = Herald { news: News::new(of_desktop(), Reminder::after(told)), history: None, is_deaf: false };
    let mut look = tokio::time::interval(LOOK_EVERY);
    // After a slow look the next one has time as well.
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        let snapshot = Arc::clone(&snapshots.borrow());
        herald.look(&snapshot, &paths).await;
    }
}

struct Herald {
    news: News,
    /// The history that was looked at last; none before the first look.
    history: Option<u32>,
    /// The desktop took nothing when it was tried last: it is said once, and tried again at each look.
    is_deaf: bool,
}

impl Herald {
    async fn look(&mut self, snapshot: &Snapshot, paths: &AgentPaths) {
        let dir = paths.data_dir().to_owned();
        let wanted = match apart(move || notices::page(&dir)).await {
            Some(Ok(page)) => page.notices,
            Some(Err(error)) => return info!("Nobody is told anything: {error}"),
            None => return,
        };
        self.look_at_jobs(snapshot, paths, wanted).await;
        let untold = ask_money(paths, WalletRequest::News).await;
        if wanted.paid {
            self.news.money(untold);
        } else if !untold.is_empty() {
            // Whoever wants to hear of it later does not want to hear of what was before.
            self.know(paths, untold.into_iter().map(|news| news.id).collect()).await;
        }
        self.news.clock(snapshot.clock);
        self.tell_what_is_due(snapshot, paths, wanted).await;
    }

    async fn look_at_jobs(&mut self, snapshot: &Snapshot, paths: &AgentPaths, wanted: Notices) {
        if self.history == Some(snapshot.history) {
            return;
        }
        // As any guest: the history is in the agent's store, and its door is the socket.
        let asked = async { Client::connect(paths).await?.jobs(JobsArgs { after: None, limit: NEWEST }).await };
        if let Ok(page) = asked.await {
            self.news.jobs(&page.jobs, wanted);
            self.history = Some(snapshot.history);
        }
    }

    async fn tell_what_is_due(&mut self, snapshot: &Snapshot, paths: &AgentPaths, wanted: Notices) {
        let Some(due) = self.news.due(Seen::of(snapshot), clock::now(), wanted) else { return };
        if let Err(error) = tell(&due.item).await {
            if !self.is_deaf {
                info!("Nobody could be told: {error}; it is tried again");
            }
            self.is_deaf = true;
            return;
        }
        self.is_deaf = false;
        let now = clock::now();
        self.news.told(&due.about, now);
        match due.about {
            About::Money(id) => self.know(paths, vec![id]).await,
            About::Pause => note(paths.data_dir(), now).await,
            About::Trouble | About::Job => {}
        }
    }

    /// The owner knows of this money.
    async fn know(&mut self, paths: &AgentPaths, ids: Vec<String>) {
        self.news.knows(&ids);
        self.news.money(ask_money(paths, WalletRequest::Told(ToldArgs { ids })).await);
    }
}

async fn note(data_dir: &Path, now: clock::Now) {
    let dir = data_dir.to_owned();
    if let Some(Err(error)) = apart(move || reminder::note_told(&dir, now.wall)).await {
        info!("That the owner was told of the pause could not be written down, and is told again after a restart: {error}");
    }
}

/// Money the owner does not know of. Without an answer there is none, for now.
async fn ask_money(paths: &AgentPaths, ask: WalletRequest) -> Vec<MoneyNews> {
    let asked = async { Client::connect(paths).await?.wallet(ask).await };
    match asked.await {
        Ok(WalletAnswer::News { news }) => news,
        Ok(_) | Err(_) => Vec::new(),
    }
}
