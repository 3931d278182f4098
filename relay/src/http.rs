//! The little of HTTP a proxy's client says before its bytes are its own. Pure.

use crate::frame::TARGET_BYTES_MAX;

/// The longest head of a request. Squid's own limit is four times this, and nobody meets either.
pub(crate) const HEAD_BYTES_MAX: usize = 16 * 1024;

/// What a client asks of the proxy.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// `host:port`.
    pub(crate) target: String,
    /// What the host gets first: nothing for a tunnel, the rewritten head for a plain request.
    pub(crate) first: Vec<u8>,
    /// Whether the client waits to hear that the tunnel is open.
    pub(crate) tunnel: bool,
}

/// How long the head in `bytes` is, with the empty line; nothing while it is not whole.
pub(crate) fn head_bytes(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// Reads a whole head.
///
/// # Errors
/// A sentence for the client.
pub(crate) fn parse(head: &[u8]) -> Result<Request, &'static str> {
    let head = std::str::from_utf8(head).map_err(|_| "The head of the request is not text.")?;
    let mut lines = head.trim_end_matches("\r\n").split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next()) else {
        return Err("This is not an HTTP request.");
    };
    if !version.starts_with("HTTP/1.") {
        return Err("The proxy speaks HTTP/1.1.");
    }
    if method == "CONNECT" {
        return bounded(target).map(|target| Request { target, first: Vec::new(), tunnel: true });
    }
    let Some(rest) = target.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://")).and_then(|_| target.get(7..)) else {
        return Err("This is a proxy: ask for CONNECT host:port, or for a whole http:// address.");
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    // Names of users would reach the host as part of its name.
    let host = authority.rsplit('@').next().unwrap_or_default();
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    let target = bounded(&if has_port { host.to_owned() } else { format!("{host}:80") })?;
    let slash = if path.starts_with('/') { "" } else { "/" };
    // One request for each connection: the next one may be for another host.
    let mut first = format!("{method} {slash}{path} {version}\r\nConnection: close\r\n");
    let hop = |line: &str| {
        let name = line.split(':').next().unwrap_or_default();
        ["connection", "proxy-connection", "proxy-authorization", "keep-alive"].iter().any(|hop| name.eq_ignore_ascii_case(hop))
    };
    for line in lines.filter(|line| !hop(line)) {
        first.push_str(line);
        first.push_str("\r\n");
    }
    first.push_str("\r\n");
    Ok(Request { target, first: first.into_bytes(), tunnel: false })
}

fn bounded(target: &str) -> Result<String, &'static str> {
    if (1..=TARGET_BYTES_MAX).contains(&target.len()) { Ok(target.to_owned()) } else { Err("The host's name is too long.") }
}

/// Says that the tunnel is open.
pub(crate) const OPENED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

/// Says no, as a page of one sentence.
pub(crate) fn refusal(status: u16, why: &str) -> Vec<u8> {
    let reason = match status {
        400 => "Bad Request",
        403 => "Forbidden",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Refused",
    };
    let bytes = why.len() + 1;
    format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {bytes}\r\nConnection: close\r\n\r\n{why}\n"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(head: &str) -> Result<(String, String), &'static str> {
        parse(head.as_bytes()).map(|request| (request.target, String::from_utf8(request.first).expect("text")))
    }

    #[test]
    fn a_tunnel_is_to_what_it_names() {
        let request = parse(b"CONNECT pypi.org:443 HTTP/1.1\r\nHost: pypi.org:443\r\n\r\n").expect("a request");
        assert_eq!(request, Request { target: "pypi.org:443".to_owned(), first: Vec::new(), tunnel: true });
    }

    #[test]
    fn a_plain_request_is_made_the_hosts_own() {
        let (target, sent) =
            first("GET http://a.org/x?y HTTP/1.1\r\nHost: a.org\r\nProxy-Connection: keep-alive\r\nAccept: */*\r\n\r\n")
                .expect("a request");
        assert_eq!(target, "a.org:80");
        assert_eq!(sent, "GET /x?y HTTP/1.1\r\nConnection: close\r\nHost: a.org\r\nAccept: */*\r\n\r\n");
        assert_eq!(first("GET http://u:p@a.org:81 HTTP/1.1\r\n\r\n").expect("a request").0, "a.org:81");
        assert_eq!(
            first("GET HTTP://a.org?q HTTP/1.1\r\n\r\n").expect("a request").1,
            "GET /?q HTTP/1.1\r\nConnection: close\r\n\r\n"
        );
    }

    #[test]
    fn what_is_no_proxy_request_is_told_so() {
        for head in [
            "GET / HTTP/1.1\r\n\r\n",
            "hello\r\n\r\n",
            "GET https://a.org/ HTTP/1.1\r\n\r\n",
            "CONNECT a.org:443 HTTP/2\r\n\r\n",
            "\r\n\r\n",
        ] {
            assert!(first(head).is_err(), "{head}");
        }
        assert!(first(&format!("CONNECT {}:443 HTTP/1.1\r\n\r\n", "a".repeat(300))).is_err());
        assert!(parse(b"CONNECT \xff HTTP/1.1\r\n\r\n").is_err());
    }

    #[test]
    fn a_head_ends_with_an_empty_line() {
        assert_eq!(head_bytes(b"a\r\n\r\nb"), Some(5));
        assert_eq!(head_bytes(b"a\r\nb\r\n"), None);
    }
}
