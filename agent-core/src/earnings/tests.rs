//! Earnings of an invented journal.

use std::borrow::Cow;

use headframe_protocol::{
    AttemptId, JobId, Micros,
    control::{EarningsSum, SheetOf, SheetPiece, Worker},
};
use sqlx::{
    SqlitePool,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};

use super::*;
use crate::{
    ledger,
    store::{self, FILE_NAME},
};

/// A card: energy in joules, for how long that was measured and priced, and what it cost.
type Card = (&'static str, Option<i64>, i64, i64, Option<i64>);

/// One attempt of the invented journal, settled at a time.
struct Row {
    settled: &'static str,
    credit: i64,
    running_ms: i64,
    cards: Option<i64>,
    drawn: Vec<Card>,
}

fn row(settled: &'static str, credit: i64) -> Row {
    Row { settled, credit, running_ms: 3_600_000, cards: Some(0), drawn: Vec::new() }
}

struct Book {
    _dir: tempfile::TempDir,
    store: Store,
    pool: SqlitePool,
}

impl Book {
    async fn of(rows: &[Row]) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let (store, _journal) = store::open(dir.path()).await.expect("opened");
        let pool = connect(dir.path()).await;
        for row in rows {
            insert(&pool, row).await;
        }
        Self { _dir: dir, store, pool }
    }

    async fn sums(&self, by: EarningsBy, count: u16, now: &str) -> Earnings {
        sums(&self.store, EarningsArgs { by, count }, &asked(now)).await.expect("sums")
    }

    async fn sheet(&self, of: SheetOf, after: Option<&str>) -> SheetPiece {
        sheet::piece(&self.store, of, after, &asked("2026-11-26T12:00:00+01:00")).await.expect("a piece")
    }
}

async fn connect(dir: &std::path::Path) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(dir.join(FILE_NAME)).create_if_missing(true);
    SqlitePoolOptions::new().max_connections(1).connect_with(options).await.expect("a file")
}

async fn insert(pool: &SqlitePool, row: &Row) -> String {
    let attempt = AttemptId::generate().to_string();
    sqlx::query(
        "INSERT INTO attempt (attempt, epoch, job, title, image, earns_per_hour, stage, running_ms, receipt_sequence, accepted_ms, renewed_ms,
            ended_ms, settled_ms, settled_state, credit, paid_ms, cards, network)
         VALUES ($1, 3, $2, 'a job', 'x', 1, 'uploading', $3, 2, $4, $4, $4, $4, 'succeeded', $5, $3, $6, 'testbed')",
    )
    .bind(&attempt)
    .bind(JobId::generate().to_string())
    .bind(row.running_ms)
    .bind(time(row.settled).as_millis())
    .bind(row.credit)
    .bind(row.cards)
    .execute(pool)
    .await
    .expect("a row");
    for (gpu, joules, measured_ms, priced_ms, cost) in &row.drawn {
        sqlx::query("INSERT INTO attempt_card VALUES ($1, $2, 'a card', $3, $4, $5, $6)")
            .bind(&attempt)
            .bind(gpu)
            .bind(joules.map(|joules| joules * 1_000))
            .bind(measured_ms)
            .bind(priced_ms)
            .bind(cost)
            .execute(pool)
            .await
            .expect("a card");
    }
    attempt
}

fn time(text: &str) -> TimestampMs {
    TimestampMs::from_millis(text.parse::<jiff::Timestamp>().expect("a time").as_millisecond())
}

fn berlin() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone")
}

fn asked(now: &str) -> Asked {
    let device = "0x5ae7c1f2b3d4e5f60718293a4b5c6d7e8f901234".parse().expect("a device");
    Asked { device, now: time(now), zone: berlin() }
}

fn jobs(earnings: &Earnings) -> Vec<i64> {
    earnings.buckets.iter().map(|bucket| bucket.sum.jobs.get()).collect()
}

fn hours(earnings: &Earnings) -> Vec<u64> {
    earnings.buckets.iter().map(|bucket| bucket.until_ms.since(bucket.from_ms).as_secs() / 3_600).collect()
}

#[tokio::test]
async fn a_day_is_as_long_as_the_calendar_says_and_nothing_falls_between_two() {
    let book = Book::of(&[
        row("2026-10-24T23:59:59.999+02:00", 1),
        row("2026-10-25T00:00:00+02:00", 2),
        row("2026-10-25T02:30:00+02:00", 4),
        row("2026-10-25T02:30:00+01:00", 8),
        row("2026-10-25T23:59:59.999+01:00", 16),
        row("2026-10-26T00:00:00+01:00", 32),
        // A clock that ran ahead: not yet.
        row("2026-10-27T00:00:00+01:00", 64),
    ])
    .await;
    let autumn = book.sums(EarningsBy::Day, 3, "2026-10-26T12:00:00+01:00").await;
    assert_eq!((jobs(&autumn), hours(&autumn)), (vec![1, 30, 32], vec![24, 25, 24]));
    assert_eq!((autumn.total.jobs, autumn.highest, autumn.total.attempts), (Micros::new(63), Micros::new(32), 6));
    let spring = book.sums(EarningsBy::Day, 2, "2026-03-30T00:00:00+02:00").await;
    assert_eq!(hours(&spring), [23, 24]);
    // The clock shows the hour from 2 to 3 twice, and these are two.
    let twice = book.sums(EarningsBy::Hour, 4, "2026-10-25T03:59:00+01:00").await;
    assert_eq!((jobs(&twice), hours(&twice)), (vec![0, 4, 8, 0], vec![1, 1, 1, 1]));
}

#[tokio::test]
async fn a_month_ends_at_the_midnight_of_the_pc() {
    let book = Book::of(&[
        row("2026-01-31T23:30:00+01:00", 1),
        row("2026-02-28T23:59:59.999+01:00", 2),
        row("2026-03-01T00:00:00+01:00", 4),
        row("2026-03-31T23:30:00+02:00", 8),
    ])
    .await;
    // The last of March: February has no such day.
    let months = book.sums(EarningsBy::Month, 3, "2026-03-31T23:45:00+02:00").await;
    assert_eq!((jobs(&months), months.years), (vec![1, 2, 12], vec![2026]));
    let year = sheet::piece(&book.store, SheetOf::Year { year: 2025 }, None, &asked("2026-03-31T23:45:00+02:00")).await;
    assert!(!year.expect("a piece").text.contains("attempt,2"), "another year has none of it");
}

#[tokio::test]
async fn power_is_what_was_measured_at_the_price_of_its_time_and_the_rest_is_told() {
    let whole = Row {
        cards: Some(1),
        drawn: vec![("GPU-1", Some(1_080_000), 3_599_000, 3_599_000, Some(90))],
        ..row("2026-11-26T08:00:00+01:00", 1_000)
    };
    let two = Row {
        cards: Some(2),
        drawn: vec![("GPU-1", Some(500), 3_600_000, 0, None), ("GPU-2", Some(700), 3_600_000, 0, None)],
        ..row("2026-11-26T09:00:00+01:00", 101)
    };
    // The agent was not there for half of it, the card told nothing, only the processor worked, an older agent wrote nothing down.
    let half = Row {
        cards: Some(1),
        drawn: vec![("GPU-2", Some(9), 1_800_000, 1_800_000, Some(3))],
        ..row("2026-11-26T10:00:00+01:00", 10)
    };
    let silent = Row { cards: Some(1), drawn: vec![("GPU-2", None, 0, 0, None)], ..row("2026-11-26T10:10:00+01:00", 20) };
    let old = Row { cards: None, ..row("2026-11-26T10:20:00+01:00", 30) };
    let book = Book::of(&[whole, two, half, silent, old, row("2026-11-26T10:30:00+01:00", 40)]).await;
    let day = book.sums(EarningsBy::Day, 1, "2026-11-26T12:00:00+01:00").await;
    let EarningsSum { jobs, power, net, energy_joules, attempts, unmeasured, unpriced, rewards, virtual_rigs, .. } = day.total;
    assert_eq!(
        (jobs.get(), power, net, energy_joules),
        (1_201, Some(Micros::new(93)), Some(Micros::new(1_108)), Some(1_081_209))
    );
    assert_eq!((attempts, unmeasured, unpriced, rewards, virtual_rigs), (6, 4, 1, None, None));
    let today = ledger::since(&book.store, time("2026-11-26T00:00:00+01:00")).await.expect("read");
    assert_eq!((today.sum, today.succeeded), (day.total, 6), "the snapshot tells the same of today");
    let card = |gpu: &str| Worker::Card { gpu: gpu.to_owned(), model: "a card".to_owned() };
    let parts: Vec<_> = day.workers.iter().map(|part| (part.worker.clone(), part.sum.jobs.get(), part.sum.power)).collect();
    assert_eq!(
        parts,
        [
            (card("GPU-1"), 1_051, Some(Micros::new(90))),
            (card("GPU-2"), 80, Some(Micros::new(3))),
            (Worker::Processor, 40, None),
            (Worker::Unknown, 30, None),
        ],
        "two cards share an attempt, and not a millionth is lost"
    );
    let hours = book.sums(EarningsBy::Hour, 3, "2026-11-26T12:00:00+01:00").await;
    assert_eq!(hours.buckets[1].sum, EarningsSum::default(), "an hour in which nothing was settled has no power of 0");
}

#[tokio::test]
async fn a_range_is_told_only_of_enough_of_the_past() {
    let days: Vec<Row> = [
        ("2026-11-19T12:00:00+01:00", 70),
        ("2026-11-20T12:00:00+01:00", 10),
        ("2026-11-21T12:00:00+01:00", 20),
        ("2026-11-22T12:00:00+01:00", 30),
        ("2026-11-23T12:00:00+01:00", 40),
        ("2026-11-24T12:00:00+01:00", 50),
        // Today is not over.
        ("2026-11-26T11:00:00+01:00", 9_999),
    ]
    .map(|(settled, credit)| row(settled, credit))
    .into();
    let book = Book::of(&days).await;
    let few = book.sums(EarningsBy::Day, 2, "2026-11-26T12:00:00+01:00").await.range;
    assert_eq!((few.basis, few.needed, few.p10, few.p90), (6, 7, None, None));
    insert(&book.pool, &row("2026-11-18T12:00:00+01:00", 60)).await;
    let enough = book.sums(EarningsBy::Day, 2, "2026-11-26T12:00:00+01:00").await.range;
    let figures = [enough.p10, enough.p50, enough.p90].map(|figure| figure.map(Micros::get));
    assert_eq!((enough.basis, figures), (7, [Some(10), Some(40), Some(70)]));
    // Of hours those count that jobs ran: a long one as often as it is long.
    let long = Row { running_ms: 13 * 3_600_000, ..row("2026-11-25T12:00:00+01:00", 13 * 35) };
    insert(&book.pool, &long).await;
    let hours = book.sums(EarningsBy::Hour, 2, "2026-11-26T12:00:00+01:00").await.range;
    assert_eq!((hours.basis, hours.p50), (21, Some(Micros::new(35))));
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let book = Book::of(&[row("2026-11-26T08:00:00+01:00", 1)]).await;
    let asked = asked("2026-11-26T12:00:00+01:00");
    let ask = |request| answer(&book.store, request, &asked);
    for (by, count) in [(EarningsBy::Hour, 0), (EarningsBy::Hour, 49), (EarningsBy::Day, 63), (EarningsBy::Month, u16::MAX)] {
        let refused = ask(EarningsRequest::Sums(EarningsArgs { by, count })).await;
        assert!(matches!(refused, Err(EarningsError::Count)), "{by:?} {count}");
    }
    let (min, max) = (TimestampMs::from_millis(i64::MIN), TimestampMs::from_millis(i64::MAX));
    let page = |from_ms, until_ms, after: Option<&str>, limit| {
        ask(EarningsRequest::Attempts(EarnedArgs { from_ms, until_ms, after: after.map(str::to_owned), limit }))
    };
    for limit in [0, 101, u32::MAX] {
        assert!(matches!(page(min, max, None, limit).await, Err(EarningsError::Page)), "{limit}");
    }
    assert!(matches!(page(max, min, None, 1).await, Err(EarningsError::Page)));
    let long = "x".repeat(100_000);
    for after in ["", "' OR 1=1 --", &long] {
        assert!(matches!(page(min, max, Some(after), 1).await, Err(EarningsError::After)), "{:.20}", after);
    }
    assert!(page(min, max, None, 1).await.is_ok());
    for year in [i16::MIN, 1969, 9_999, i16::MAX] {
        let of = SheetOf::Year { year };
        let refused = ask(EarningsRequest::Sheet(SheetArgs { of, after: None })).await;
        assert!(matches!(refused, Err(EarningsError::Year)), "{year}");
    }
    let nowhere = Asked { now: max, ..asked.clone() };
    let refused = sums(&book.store, EarningsArgs { by: EarningsBy::Day, count: 1 }, &nowhere).await;
    assert!(matches!(refused, Err(EarningsError::Calendar)));
}

#[tokio::test]
async fn a_page_of_a_bucket_has_what_proves_it() {
    let book = Book::of(&[row("2026-11-25T23:59:59.999+01:00", 1), row("2026-11-26T00:00:00+01:00", 2)]).await;
    sqlx::query("UPDATE attempt SET attempt = 'att_019abcde000070008000000000000001', job = 'job_019abcde000070008000000000000002' WHERE credit = 2")
        .execute(&book.pool)
        .await
        .expect("named");
    let (from_ms, until_ms) = (time("2026-11-26T00:00:00+01:00"), time("2026-11-27T00:00:00+01:00"));
    let args = EarnedArgs { from_ms, until_ms, after: None, limit: 10 };
    let page = attempts(&book.store, args, &asked("2026-11-26T12:00:00+01:00")).await.expect("a page");
    assert_eq!((page.attempts.len(), page.attempts[0].sum.jobs, page.next), (1, Micros::new(2), None));
    let receipt = page.attempts[0].receipt.as_deref().expect("a receipt was signed");
    // For ever: it is what the device key signed.
    assert_eq!(receipt, "0x2b0fb77b8bdf259116f46d9ad48dc3da20feea5164c55fc2ff0a70d909fb1689");
    sqlx::query("UPDATE attempt SET network = NULL").execute(&book.pool).await.expect("forgotten");
    let args = EarnedArgs { from_ms, until_ms, after: None, limit: 10 };
    let page = attempts(&book.store, args, &asked("2026-11-26T12:00:00+01:00")).await.expect("a page");
    assert_eq!(page.attempts[0].receipt, None, "a receipt of another name has another hash");
}

#[tokio::test]
async fn pieces_of_a_sheet_meet_without_gap_or_overlap() {
    let rows: Vec<Row> = (0..450).map(|credit| row("2026-11-26T08:00:00+01:00", credit)).collect();
    let book = Book::of(&rows).await;
    let (mut text, mut after, mut pieces) = (String::new(), None, 0);
    loop {
        let piece = book.sheet(SheetOf::Attempts, after.as_deref()).await;
        assert!(piece.text.ends_with("\r\n") && piece.file_name == "headframe-earnings-2026-11-26.csv");
        text.push_str(&piece.text);
        pieces += 1;
        after = piece.next;
        if after.is_none() {
            break;
        }
    }
    let earned: Vec<&str> = text.lines().skip(1).filter_map(|line| line.split(',').nth(12)).collect();
    let all: Vec<String> = (0..450).map(|credit| format!("0.{credit:06}")).collect();
    assert_eq!((pieces, earned), (3, all.iter().map(String::as_str).collect()));
}

#[tokio::test]
async fn a_year_says_what_it_is_month_by_month_and_attempt_by_attempt() {
    let measured = Row {
        cards: Some(1),
        drawn: vec![("GPU-1", Some(1_080_000), 3_600_000, 3_600_000, Some(90_000))],
        ..row("2026-11-26T08:00:00+01:00", 1_234_567)
    };
    let book = Book::of(&[row("2025-12-31T23:59:59+01:00", 5), row("2026-10-25T02:30:00+02:00", -40), measured]).await;
    sqlx::query(
        "UPDATE attempt SET attempt = 'a' || ordinal, job = 'j' || ordinal,
         title = CASE ordinal WHEN 3 THEN '=HYPERLINK(\"http://x\"),' || char(10) || 'b' ELSE title END",
    )
    .execute(&book.pool)
    .await
    .expect("named");
    sqlx::query("UPDATE attempt_card SET attempt = 'a3'").execute(&book.pool).await.expect("named");
    let piece = book.sheet(SheetOf::Year { year: 2026 }, None).await;
    assert_eq!(piece.file_name, "headframe-year-2026.csv");
    let golden = include_str!("golden/year-2026.csv");
    assert_eq!(piece.text.replace("\r\n", "\n"), golden, "what tools read of it does not change by accident");
    let columns = |line: &str| line.split(',').count();
    assert!(
        piece
            .text
            .lines()
            .filter(|line| line.starts_with("month"))
            .all(|line| columns(line) == columns(golden.lines().next().expect("a header")))
    );
}

#[tokio::test]
async fn an_older_agents_journal_is_read_and_says_less() {
    let dir = tempfile::tempdir().expect("a folder");
    let all = sqlx::migrate!("./migrations");
    let older: Vec<_> = all.iter().filter(|migration| migration.version < 6).cloned().collect();
    let pool = connect(dir.path()).await;
    Migrator { migrations: Cow::Owned(older), ..Migrator::DEFAULT }.run(&pool).await.expect("an older journal");
    sqlx::query(
        "INSERT INTO attempt (attempt, epoch, job, title, image, earns_per_hour, stage, running_ms, receipt_sequence, accepted_ms, renewed_ms,
            settled_ms, settled_state, credit) VALUES ('old', 1, 'job', 'a job', 'x', 1, 'running', 60000, 1, $1, $1, $1, 'succeeded', 7)",
    )
    .bind(time("2026-11-26T08:00:00+01:00").as_millis())
    .execute(&pool)
    .await
    .expect("a row");
    pool.close().await;
    let (store, _journal) = store::open(dir.path()).await.expect("brought up to date");
    let args = EarningsArgs { by: EarningsBy::Day, count: 1 };
    let day = sums(&store, args, &asked("2026-11-26T12:00:00+01:00")).await.expect("sums");
    let EarningsSum { jobs, power, net, energy_joules, attempts, unmeasured, .. } = day.total;
    assert_eq!((jobs, power, net, energy_joules, attempts, unmeasured), (Micros::new(7), None, None, None, 1, 1));
    assert_eq!(day.workers[0].worker, Worker::Unknown);
}
