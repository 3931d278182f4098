//! A whole session of the real program with everything logged, and then a search for what must never be written.

use std::{
    fs::{self, File},
    io::BufRead as _,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use coins_bip32::ecdsa::SigningKey;
use coins_bip39::{English, Mnemonic};
use headframe_control::AgentPaths;
use headframe_protocol::control::{CONTROL_VERSION, WalletState};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
    time::timeout,
};

use crate::{
    coordinator::PATIENCE,
    wallet::{FRIEND, Guest, home_of, soon},
    wallet_chain::{CHAIN_ID, USDC},
    wallet_office::Office,
    wallet_process::Process,
};

/// In no file by chance.
pub(crate) const PASSWORD: &str = "Zw4nzig-Eulen/fliegen";
const WRONG_PASSWORD: &str = "Zw4nzig-Dohlen/laufen";

/// The phrase as `create` prints it, one numbered word a line.
pub(crate) fn phrase_of(printed: &str) -> String {
    let numbered = printed.lines().filter_map(|line| line.trim_start().split_once("  "));
    let words = numbered.filter(|(number, _)| number.parse::<u8>().is_ok()).map(|(_, word)| word.trim());
    words.collect::<Vec<_>>().join(" ")
}

fn key_of(phrase: &str) -> Vec<u8> {
    let mnemonic: Mnemonic<English> = phrase.parse().expect("a phrase");
    let key = mnemonic.derive_key("m/44'/60'/0'/0/0", None).expect("a key");
    AsRef::<SigningKey>::as_ref(&key).to_bytes().to_vec()
}

/// What must be found nowhere.
pub(crate) struct Needles {
    /// Bytes as they are.
    raw: Vec<(String, Vec<u8>)>,
    /// Three words in a row, whatever stands between them.
    runs: Vec<String>,
}

impl Needles {
    pub(crate) fn of(phrases: &[String], passwords: &[&str]) -> Self {
        let mut raw: Vec<_> = passwords.iter().map(|password| ("a password".to_owned(), password.as_bytes().to_vec())).collect();
        let mut runs = Vec::new();
        for phrase in phrases {
            let key = key_of(phrase);
            raw.push(("a phrase".to_owned(), phrase.as_bytes().to_vec()));
            raw.push(("a key".to_owned(), key.clone()));
            raw.push(("a key in hex".to_owned(), hex::encode(&key).into_bytes()));
            raw.push(("a key in capital hex".to_owned(), hex::encode_upper(&key).into_bytes()));
            raw.push(("a key as a list".to_owned(), format!("{key:?}").trim_matches(['[', ']']).as_bytes().to_vec()));
            let words: Vec<&str> = phrase.split(' ').collect();
            runs.extend(words.windows(3).map(|three| format!(" {} ", three.join(" "))));
        }
        Self { raw, runs }
    }

    fn found_in(&self, bytes: &[u8]) -> Vec<String> {
        let has = |needle: &[u8]| stands_in(bytes, needle);
        let mut found: Vec<String> = self.raw.iter().filter(|(_, needle)| has(needle)).map(|(name, _)| name.clone()).collect();
        let text = plain(bytes);
        found.extend(self.runs.iter().filter(|run| text.contains(run.as_str())).map(|run| format!("three words:{run}")));
        found
    }

    /// What stands where below `folder`.
    pub(crate) fn found_below(&self, folder: &Path) -> Vec<(PathBuf, Vec<String>)> {
        files(folder)
            .into_iter()
            .map(|file| (file.clone(), self.found_in(&fs::read(&file).expect("read"))))
            .filter(|(_, found)| !found.is_empty())
            .collect()
    }
}

/// Steps from one first byte to the next with the standard library's own fast search.
fn stands_in(bytes: &[u8], needle: &[u8]) -> bool {
    let mut rest = bytes;
    while rest.skip_until(needle[0]).is_ok_and(|skipped| skipped > 0) {
        let from = bytes.len() - rest.len() - 1;
        if bytes[from..].starts_with(needle) {
            return true;
        }
    }
    false
}

/// Words with one space between them, and nothing else.
fn plain(bytes: &[u8]) -> String {
    let mut text = String::from(" ");
    for byte in bytes {
        let letter = byte.to_ascii_lowercase();
        match letter {
            b'a'..=b'z' => text.push(char::from(letter)),
            _ if !text.ends_with(' ') => text.push(' '),
            _ => {}
        }
    }
    text + " "
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("listed") {
        let entry = entry.expect("an entry");
        let kind = entry.file_type().expect("its kind");
        if kind.is_dir() {
            found.extend(files(&entry.path()));
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    found
}

/// Says things no program of ours would, with secrets in them.
async fn babble(paths: &AgentPaths, phrase: &str) {
    let mut stream = BufReader::new(UnixStream::connect(paths.socket()).await.expect("the agent listens"));
    let lines = [
        format!(r#"{{"id":1,"request":{{"kind":"hello","version":{CONTROL_VERSION}}}}}"#),
        format!(
            r#"{{"id":2,"request":{{"kind":"wallet","ask":{{"kind":"create","words":"{phrase}","password":"{PASSWORD}"}}}}}}"#
        ),
        format!(r#"{{"id":3,"request":{{"kind":"wallet","ask":{{"kind":"{PASSWORD}"}}}}}}"#),
        format!(
            r#"{{"id":4,"request":{{"kind":"wallet","ask":{{"kind":"import","phrase":"{phrase} {phrase}","password":"{PASSWORD}"}}}}}}"#
        ),
        format!("{PASSWORD} {phrase}"),
    ];
    for line in lines {
        stream.write_all(format!("{line}\n").as_bytes()).await.expect("said");
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_line(&mut answer)).await.expect("an answer").expect("a line");
        assert!(answer.contains("hello") || answer.contains("bad_request") || answer.contains("refused"), "{answer}");
    }
}

/// Plays everything an owner can do. The phrases that there were.
async fn session(office: &Office, home: &TempDir) -> Vec<String> {
    let agent = Process::begin(home.path()).await;
    let printed = agent.does(&["create", "--words", "24", "--show", "--password-stdin"], &[PASSWORD]).await;
    let first = phrase_of(&printed);
    assert_eq!(first.split(' ').count(), 24, "{printed}");
    let to_a_file = agent.wallet(&["create", "--password-stdin", "--replace"], &[PASSWORD]).await;
    assert!(!to_a_file.status.success(), "a phrase goes to a terminal or not at all");
    let half = first.split(' ').take(12).collect::<Vec<_>>().join(" ");
    assert!(!agent.wallet(&["verify", "--phrase-stdin"], &[&half]).await.status.success());
    agent.does(&["verify", "--phrase-stdin", "--password-stdin", "--yes"], &[PASSWORD, &first]).await;

    let printed = agent.does(&["create", "--show", "--password-stdin", "--replace"], &[PASSWORD]).await;
    let second = phrase_of(&printed);
    assert_eq!(second.split(' ').count(), 12);
    agent.does(&["import", "--password-stdin", "--replace"], &[PASSWORD, &second]).await;
    agent.does(&["payout", "--yes", "--password-stdin"], &[PASSWORD]).await;
    let mut guest = Guest::of(home.path()).await;
    let WalletState::Local { address, .. } = guest.shown().await.state else { panic!("a wallet") };
    office.owe(address.parse().expect("an address"), USDC, 12_500_000);
    assert!(agent.does(&["balances"], &[]).await.contains("12.50 ready"));
    let chain = CHAIN_ID.to_string();
    let withdraw = ["withdraw", "--chain", &chain, "--asset", "USDC", "--to", FRIEND, "--yes", "--password-stdin", "--no-wait"];
    let wrong = agent.wallet(&withdraw, &[WRONG_PASSWORD]).await;
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("not the password"));
    agent.does(&withdraw, &[PASSWORD]).await;
    if cfg!(target_os = "linux") {
        let needles = Needles::of(&[first.clone(), second.clone()], &[PASSWORD, WRONG_PASSWORD]);
        assert_eq!(found_in_memory(agent.child.id(), &needles), [""; 0], "all of it was overwritten after its use");
        let own = found_in_memory(std::process::id(), &needles);
        assert!(own.contains(&"a phrase".to_owned()), "this search can fail: the test itself does not overwrite its copy");
    }
    babble(&agent.paths(), &second).await;
    // Killed in the middle of it, and it goes on.
    drop(agent);
    let agent = Process::begin(home.path()).await;
    soon("relayed", || !office.books().relays.is_empty()).await;
    office.relay_all();
    office.chain.mine(5);
    office.finish_all();
    let done = async {
        while !agent.does(&["history"], &[]).await.contains("final in block") {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, done).await.expect("final");
    assert!(agent.does(&["show"], &[]).await.contains(&address));
    assert!(agent.does(&["receipts"], &[]).await.contains("customer paid $1.00, fee $0.10, yours $0.90"));
    vec![first, second]
}

/// What stands in the memory that a process of ours may write to.
fn found_in_memory(process: u32, needles: &Needles) -> Vec<String> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).expect("our own process");
    let memory = File::open(format!("/proc/{process}/mem")).expect("our own process");
    let mut found = Vec::new();
    for line in maps.lines() {
        let mut parts = line.split_whitespace();
        let (range, rights) = (parts.next().expect("a range"), parts.next().expect("rights"));
        let (from, to) = range.split_once('-').expect("from and to");
        let (from, to) = (u64::from_str_radix(from, 16).expect("hex"), u64::from_str_radix(to, 16).expect("hex"));
        let mut bytes = vec![0; usize::try_from(to - from).expect("small")];
        // Some of it goes away while we look.
        if rights.starts_with("rw") && memory.read_exact_at(&mut bytes, from).is_ok() {
            found.extend(needles.found_in(&without_empty_pages(&bytes)));
        }
    }
    found
}

fn without_empty_pages(bytes: &[u8]) -> Vec<u8> {
    const PAGE: usize = 4096;
    bytes.chunks(PAGE).filter(|page| **page != [0; PAGE]).flatten().copied().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_ever_holds_phrase_key_or_password() {
    let office = Office::open().await;
    let home = home_of(&office);
    let phrases = session(&office, &home).await;
    let needles = Needles::of(&phrases, &[PASSWORD, WRONG_PASSWORD]);
    let read = files(home.path());
    let named = |ending: &str| read.iter().filter(|file| file.to_string_lossy().ends_with(ending)).count();
    assert!(named("agent.db-wal") == 1 && named(".log") >= 1 && named(".json") == 2 && named("stderr.txt") == 1, "{read:?}");
    let log = fs::read_to_string(home.path().join("log/headframe-agent.log")).expect("a log");
    assert!(log.contains("TRACE") && log.contains("is signed"), "everything was logged");
    assert_eq!(needles.found_below(home.path()), []);

    // The search can fail: each needle, planted, is found.
    let planted = home.path().join("planted.txt");
    for (name, needle) in &needles.raw {
        fs::write(&planted, [b"x", needle.as_slice(), b"y"].concat()).expect("planted");
        assert!(needles.found_below(home.path())[0].1.contains(name), "{name}");
    }
    for three in phrases[0].split(' ').collect::<Vec<_>>().windows(3) {
        fs::write(&planted, serde_json::to_string(three).expect("words")).expect("planted");
        assert_eq!(needles.found_below(home.path())[0].1.len(), 1, "{three:?}");
    }
}
