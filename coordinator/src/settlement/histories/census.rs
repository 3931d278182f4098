//! What histories came to, for whoever wants to know whether they are worth telling.

use std::{cell::RefCell, collections::BTreeMap, fmt};

use anyhow::Result;

use super::scene::World;

/// How often things have happened.
#[derive(Debug, Default)]
pub(super) struct Census(RefCell<BTreeMap<String, u64>>);

impl Census {
    pub(super) async fn count(&self, world: &World, acts: usize) -> Result<()> {
        let mut connection = world.app.store.read().await?;
        let mut found = vec![("histories".to_owned(), 1), ("acts".to_owned(), acts as i64)];
        for sql in [
            "SELECT 'event ' || name, COUNT(*) FROM chain_event GROUP BY name",
            "SELECT 'transfer ' || kind, COUNT(*) FROM transfer GROUP BY kind",
            "SELECT 'payout ' || state, COUNT(*) FROM payout GROUP BY state",
            "SELECT 'job paid from ' || pot || ' in ' || asset || ' of chain ' || chain, COUNT(*) FROM job WHERE charged > 0
             GROUP BY pot, asset, chain",
            "SELECT 'rig paid on chain ' || entry.chain || ' for ' || job.asset || ' of chain ' || job.chain, COUNT(*)
             FROM entry JOIN transfer ON transfer.id = entry.transfer_id JOIN job ON job.id = transfer.job_id
             WHERE transfer.kind = 'capture' AND entry.account LIKE 'rig:%' GROUP BY entry.chain, job.asset, job.chain",
            "SELECT 'card ' || state, COUNT(*) FROM fiat_payment GROUP BY state",
            "SELECT 'earnings of ' || basis || ' ' || state, COUNT(*) FROM earning_hold GROUP BY basis, state",
            "SELECT 'earnings carried, ' || state, COUNT(*) FROM step WHERE id LIKE 'carry:%' GROUP BY state",
            "SELECT 'step ' || state, COUNT(*) FROM step GROUP BY state",
            "SELECT 'HFR owed', COUNT(*) FROM account WHERE account LIKE 'account:%' AND asset = 'HFR'",
        ] {
            let rows: Vec<(String, i64)> = sqlx::query_as(sql).fetch_all(&mut *connection).await?;
            found.extend(rows);
        }
        let mut counts = self.0.borrow_mut();
        for (what, count) in found {
            *counts.entry(what).or_default() += count.unsigned_abs();
        }
        Ok(())
    }
}

impl fmt::Display for Census {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.borrow().iter().try_for_each(|(what, count)| writeln!(f, "{count:>9} {what}"))
    }
}
