//! Backup while the coordinator works, restore into an empty database of either kind.

use headframe_coordinator::{
    Config,
    backup::{self, BackupError},
    store::{
        Store, ledger,
        portable::{self, TABLES},
    },
};
use serde_json::json;

use crate::support::{FakeAgent, TestApp, database};

async fn empty(folder: &std::path::Path, url: Option<String>) -> Store {
    let config = Config { database_url: url, ..Config::on_loopback(folder, 1) };
    Store::open(&config).await.expect("an empty database")
}

#[tokio::test]
async fn a_backup_under_load_restores_to_books_in_order() {
    let app = TestApp::start().await;
    let customer = app.customer(100).await;
    let mut rig = FakeAgent::connect(&app).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("backup.jsonl");
    let has_worked = tokio::sync::Notify::new();
    let load = async {
        for number in 0..30 {
            let job = customer.submit(json!({ "name": "größe \u{1F980}" })).await;
            let offer = rig.offer().await;
            rig.run(&offer).await;
            customer.in_state(job.id, headframe_protocol::job::JobState::Running).await;
            rig.succeed(&offer, 1).await;
            if number == 2 {
                has_worked.notify_one();
            }
        }
    };
    let copy = async {
        has_worked.notified().await;
        backup::backup(&app.app().store, &path).await.expect("a backup")
    };
    let ((), counts) = tokio::join!(load, copy);
    assert!(counts["job"] > 0 && counts["transfer"] > 0, "there was work: {counts:?}");

    let restored = empty(folder.path(), None).await;
    assert_eq!(backup::restore(&restored, &path).await.expect("restored"), counts);
    let mut connection = restored.read().await.expect("a connection");
    assert!(ledger::audit(&mut connection).await.expect("audited").is_clean());
    drop(connection);
    let again = folder.path().join("again.jsonl");
    backup::backup(&restored, &again).await.expect("a backup of the restored");
    let lines = |path| {
        std::fs::read_to_string(path)
            .expect("a file")
            .lines()
            .skip(1)
            .map(str::to_owned)
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(lines(&path), lines(&again), "nothing was lost or changed on the way");
    let refused = backup::restore(&restored, &path).await;
    assert!(matches!(refused, Err(BackupError::NotEmpty(_))), "{refused:?}");

    // And into a database of this test run's kind, which is PostgreSQL in one of its two runs.
    let other = database(folder.path()).await;
    if other.is_some() {
        let postgres = empty(folder.path(), other).await;
        assert_eq!(backup::restore(&postgres, &path).await.expect("restored"), counts);
    }
}

#[tokio::test]
async fn a_damaged_backup_leaves_the_database_empty() {
    let app = TestApp::start().await;
    app.customer(10).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("backup.jsonl");
    backup::backup(&app.app().store, &path).await.expect("a backup");
    let good = std::fs::read_to_string(&path).expect("a file");
    let last = good.lines().last().expect("an end");
    let damaged = [
        ("cut", good.strip_suffix(&format!("{last}\n")).expect("an end").to_owned()),
        ("not JSON", good.replacen('{', "", 1)),
        ("another schema", good.replacen("\"schema\":", "\"schema\":99", 1)),
        ("money from nowhere", good.replace("10000000", "20000000").replace("-20000000", "-10000000")),
        ("a row taken out", good.lines().filter(|line| !line.starts_with("[\"key_")).map(|line| format!("{line}\n")).collect()),
        ("empty", String::new()),
        ("a strange table", good.replacen("\"table\":\"customer\"", "\"table\":\"sqlite_master\"", 1)),
    ];
    let store = empty(folder.path(), None).await;
    for (what, text) in damaged {
        std::fs::write(&path, text).expect("written");
        assert!(backup::restore(&store, &path).await.is_err(), "{what}");
        let mut connection = store.read().await.expect("a connection");
        assert_eq!(portable::count(&mut connection, "customer").await.expect("counted"), 0, "{what}");
    }
    std::fs::write(&path, good).expect("written");
    backup::restore(&store, &path).await.expect("the good one restores");
}

#[tokio::test]
async fn every_table_is_in_a_backup() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = empty(folder.path(), None).await;
    let mut connection = store.read().await.expect("a connection");
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> '_sqlx_migrations' ORDER BY name",
    )
    .fetch_all(&mut *connection)
    .await
    .expect("the tables");
    let mut known = TABLES.map(str::to_owned);
    known.sort();
    assert_eq!(rows.into_iter().map(|(name,)| name).collect::<Vec<_>>(), known);
}
