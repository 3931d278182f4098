//! What a page that somebody has taken over could still do: ask for what the page asks for anyway, and nothing else. Each way out is tried
//! from inside the page of the real window.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

use serde_json::{Value, json};

use crate::stage::{Stage, Window, built};

/// Commands of Tauri and of its plug-ins, those we have and those we have not, and some that nobody has. With something they could take.
const COMMANDS: &[&str] = &[
    "plugin:event|emit",
    "plugin:event|emit_to",
    "plugin:window|close",
    "plugin:window|create",
    "plugin:window|set_title",
    "plugin:window|set_fullscreen",
    "plugin:window|get_all_windows",
    "plugin:window|internal_toggle_maximize",
    "plugin:webview|create_webview_window",
    "plugin:webview|create_webview",
    "plugin:webview|get_all_webviews",
    "plugin:webview|internal_toggle_devtools",
    "plugin:webview|clear_all_browsing_data",
    "plugin:app|version",
    "plugin:app|app_hide",
    "plugin:path|resolve_directory",
    "plugin:path|resolve",
    "plugin:menu|new",
    "plugin:tray|new",
    "plugin:image|from_path",
    "plugin:resources|close",
    "plugin:window-state|save_window_state",
    "plugin:window-state|restore_state",
    "plugin:fs|read_text_file",
    "plugin:fs|write_text_file",
    "plugin:shell|open",
    "plugin:shell|execute",
    "plugin:opener|open_path",
    "plugin:opener|open_url",
    "plugin:process|exit",
    "plugin:http|fetch",
    "plugin:clipboard-manager|read_text",
    "plugin:dialog|open",
    "plugin:updater|check",
    "quit",
    "eval",
    "read_file",
    "../present",
    "",
];

/// Tries every command, and answers those that were not refused.
const ASK: &str = "
    const taken = [];
    for (const command of given[0]) {
        const args = {
            label: 'main', value: 'taken', options: { label: 'second', url: 'https://example.org' }, event: 'present', target: { kind: 'Any' },
            payload: {}, path: '/etc/passwd', url: 'https://example.org', program: '/bin/sh', args: [], directory: 1, paths: [], rid: 0, kind: 'x',
        };
        const refused = await window.__TAURI_INTERNALS__.invoke(command, args).then(() => false, () => true);
        if (!refused) taken.push(command);
    }
    return taken;
";

/// Every way of a page to run what is only text, by name; answers those that ran.
const RUN: &str = r#"
    window.__ran = [];
    const ran = (way) => () => window.__ran.push(way);
    window.__mark = (way) => window.__ran.push(way);
    const tries = {
        eval: () => (0, eval)("__mark('eval')"),
        function: () => new Function("__mark('function')")(),
        timer: () => setTimeout("__mark('timer')", 0),
        inline: () => {
            const script = document.createElement('script');
            script.textContent = "__mark('inline')";
            document.head.append(script);
        },
        handler: () => {
            const image = document.createElement('div');
            image.innerHTML = `<img src="x" onerror="__mark('handler')">`;
            document.body.append(image);
        },
        elsewhere: () => {
            const script = document.createElement('script');
            script.src = given[0] + '/script.js';
            script.onload = ran('elsewhere');
            document.head.append(script);
        },
        data: () => {
            const script = document.createElement('script');
            script.src = "data:text/javascript,__mark('data')";
            document.head.append(script);
        },
        module: () => import("data:text/javascript,window.__mark('module')"),
        worker: () => {
            const code = new Blob(['postMessage(1)'], { type: 'text/javascript' });
            new Worker(URL.createObjectURL(code)).onmessage = ran('worker');
        },
        link: () => {
            const link = document.createElement('a');
            link.href = "javascript:__mark('link')";
            document.body.append(link);
            link.click();
        },
        frame: () => {
            const frame = document.createElement('iframe');
            frame.srcdoc = "<script>parent.__mark('frame')<\/script>";
            document.body.append(frame);
        },
    };
    for (const act of Object.values(tries)) {
        try { await Promise.race([act(), new Promise((go) => setTimeout(go, 500))]); } catch { /* refused */ }
    }
    await new Promise((go) => setTimeout(go, 1_500));
    return window.__ran;
"#;

/// Every way of a page to reach a server; answers those that came to an end other than a refusal.
const REACH: &str = r#"
    const there = given[0];
    const reached = [];
    const within = (promise) => Promise.race([promise, new Promise((_, no) => setTimeout(no, 2_000))]);
    const loads = (element, attribute, value) => new Promise((yes, no) => {
        element.onload = yes;
        element.onerror = no;
        element[attribute] = value;
        document.body.append(element);
    });
    const tries = {
        fetch: () => fetch(there),
        opaque: () => fetch(there, { mode: 'no-cors' }),
        xhr: () => new Promise((yes, no) => {
            const request = new XMLHttpRequest();
            request.onload = yes;
            request.onerror = no;
            request.open('GET', there);
            request.send();
        }),
        socket: () => new Promise((yes, no) => {
            const socket = new WebSocket(there.replace('http', 'ws'));
            socket.onopen = yes;
            socket.onerror = no;
        }),
        events: () => new Promise((yes, no) => {
            const events = new EventSource(there);
            events.onopen = yes;
            events.onerror = no;
        }),
        image: () => loads(new Image(), 'src', there + '/image.png'),
        // A frame that is refused is empty, and tells that it has loaded. Whether anybody came is seen from outside.
        frame: () => loads(document.createElement('iframe'), 'src', there).then(() => Promise.reject()),
        style: () => {
            const link = document.createElement('link');
            link.rel = 'stylesheet';
            return loads(link, 'href', there + '/style.css');
        },
        media: () => new Promise((yes, no) => {
            const media = new Audio(there + '/sound.ogg');
            media.oncanplay = yes;
            media.onerror = no;
        }),
        form: () => {
            const form = document.createElement('form');
            form.action = there;
            document.body.append(form);
            form.submit();
            return Promise.reject();
        },
    };
    for (const [way, act] of Object.entries(tries)) {
        try { await within(act()); reached.push(way); } catch { /* refused */ }
    }
    try { navigator.sendBeacon(there, 'taken'); } catch { /* refused */ }
    return reached;
"#;

/// Every way of a page to be somewhere else. What becomes of it is seen from outside.
const LEAVE: &str = r#"
    const wait = () => new Promise((go) => setTimeout(go, 400));
    const places = [given[0], 'file:///etc/passwd', 'data:text/html,taken', 'about:blank', 'tauri://elsewhere/'];
    for (const place of places) {
        try { window.location.assign(place); } catch { /* refused */ }
        await wait();
        const link = document.createElement('a');
        link.href = place;
        link.target = '_blank';
        document.body.append(link);
        link.click();
        await wait();
    }
    const refresh = document.createElement('meta');
    refresh.httpEquiv = 'refresh';
    refresh.content = '0;url=' + given[0];
    document.head.append(refresh);
    await wait();
    const opened = window.open(given[0]);
    await wait();
    return opened === null;
"#;

#[tokio::test]
async fn a_page_that_was_taken_over_can_neither_command_nor_leave() {
    let server = Listening::start();
    let stage = Stage::set(built("examples/scripted_agent"));
    let window = stage.open().await;
    window.page.press("Set up later").await;
    window.page.reads("Not started yet").await;

    assert_eq!(window.page.tries(ASK, vec![json!(COMMANDS)]).await, json!([]), "these commands are not the page's");
    // And what it may ask for, it may not ask for in any way it likes.
    let wild =
        "return window.__TAURI_INTERNALS__.invoke('pause', { args: { minutes: 'taken' } }).then(() => 'done', () => 'refused')";
    assert_eq!(window.page.tries(wild, vec![]).await, "refused");
    // The ways that are tried exist: one that is allowed is not refused.
    let asked =
        "return window.__TAURI_INTERNALS__.invoke('present').then(() => 'done', (error) => 'refused: ' + JSON.stringify(error))";
    assert_eq!(window.page.tries(asked, vec![]).await, "done");

    assert_eq!(window.page.tries(RUN, vec![json!(server.url)]).await, json!([]), "no text is run");
    assert_eq!(window.page.tries(REACH, vec![json!(server.url)]).await, json!([]), "nothing is reached");

    let home = window.page.address().await;
    assert_eq!(window.page.tries(LEAVE, vec![json!(server.url)]).await, Value::Bool(true), "no window is opened");
    assert_eq!(window.page.address().await, home, "the page is where it was");
    // It is also alive, and still the page of its owner.
    window.page.press("Start").await;
    window.page.reads("Working on a job").await;
    assert_eq!(server.asked(), [""; 0], "nobody came");

    a_log_stays_text(&window).await;
}

/// A job prints markup; it can be read as it was printed, and is nothing else.
async fn a_log_stays_text(window: &Window) {
    window.page.press("Log of scripted transcode 1").await;
    window.page.reads("<img src=x onerror=").await;
    window.page.reads("<script>document.title=").await;
    let elements = "return document.querySelectorAll('[role=log] :not(pre)').length";
    assert_eq!(window.page.tries(elements, vec![]).await, 0, "a log is lines and nothing else");
    let title = window.page.tries("return document.title", vec![]).await;
    assert!(title.as_str().is_some_and(|title| !title.contains("taken")), "{title}");
}

/// A server that writes down what it was asked for. The web engine makes a connection before it asks whether it may go there, and hangs up
/// without a word when it may not: whoever says nothing is not counted.
struct Listening {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Listening {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&asked);
        thread::spawn(move || {
            for guest in listener.incoming().flatten() {
                let told = Arc::clone(&told);
                thread::spawn(move || {
                    let mut line = String::new();
                    BufReader::new(guest).read_line(&mut line).ok();
                    if !line.is_empty() {
                        told.lock().expect("nobody panics with it").push(line);
                    }
                });
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panics with it").clone()
    }
}
