//! A web server on this machine, to which the notice is posted: HTTP without encryption, and nowhere else.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::WITHIN;

/// As much of an answer as is read.
const MAX_ANSWER: usize = 4096;

/// Posts the line; what came of it: the status of the answer, which is an error unless it is 2xx, or why there is none.
pub(super) async fn tell(url: &str, line: &str) -> Result<String, String> {
    let Some((address, path)) = parse(url) else {
        return Err(format!("{url} is no http://ADDRESS:PORT/PATH on this machine"));
    };
    match tokio::time::timeout(WITHIN, post(address, path, line)).await {
        Ok(Ok(found)) if found.starts_with('2') => Ok(found),
        Ok(Ok(found)) => Err(found),
        Ok(Err(e)) => Err(e.to_string()),
        Err(_) => Err(format!("no answer within {} s", WITHIN.as_secs())),
    }
}

/// The address and the path of a URL of this machine.
fn parse(url: &str) -> Option<(SocketAddr, &str)> {
    let rest = url.strip_prefix("http://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let address: SocketAddr = match authority.strip_prefix("localhost:") {
        Some(port) => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port.parse().ok()?),
        None => authority.parse().ok()?,
    };
    // A line break in the path would be another header.
    let plain = path.chars().all(|c| c.is_ascii_graphic());
    (address.ip().is_loopback() && plain).then_some((address, if path.is_empty() { "/" } else { path }))
}

async fn post(address: SocketAddr, path: &str, line: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let length = line.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{line}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    while answer.len() < MAX_ANSWER && !answer.contains(&b'\n') {
        let mut part = [0; 512];
        match stream.read(&mut part).await? {
            0 => break,
            read => answer.extend_from_slice(&part[..read]),
        }
    }
    Ok(status(&answer).unwrap_or_else(|| "an answer that is no HTTP".to_owned()))
}

/// The status of an answer: `HTTP/1.1 204 No Content` has 204.
fn status(answer: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(answer.split(|b| *b == b'\n').next()?).ok()?;
    let code = line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.trim();
    (code.len() == 3 && code.bytes().all(|b| b.is_ascii_digit())).then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_posted_to() {
        for (url, expected) in [
            ("http://127.0.0.1:9000/soak", Some(("127.0.0.1:9000", "/soak"))),
            ("http://127.0.0.1:9000", Some(("127.0.0.1:9000", "/"))),
            ("http://localhost:80/a?b=c", Some(("127.0.0.1:80", "/a?b=c"))),
            ("http://[::1]:9000/x", Some(("[::1]:9000", "/x"))),
            ("http://10.0.0.1:9000/soak", None),
            ("http://example.org:80/", None),
            ("https://127.0.0.1:9000/soak", None),
            ("http://127.0.0.1/soak", None),
            ("http://127.0.0.1:9000/a\r\nX: y", None),
        ] {
            let found = parse(url).map(|(address, path)| (address.to_string(), path));
            assert_eq!(found.as_ref().map(|(a, p)| (a.as_str(), *p)), expected, "{url}");
        }
    }

    #[tokio::test]
    async fn what_the_server_answers_is_told_and_what_it_got_is_the_line() {
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/soak", server.local_addr().unwrap());
        let serve = async {
            let (mut stream, _) = server.accept().await.unwrap();
            let mut got = vec![0; 4096];
            let read = stream.read(&mut got).await.unwrap();
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            String::from_utf8_lossy(&got[..read]).into_owned()
        };
        let (found, got) = tokio::join!(tell(&url, r#"{"about":"x"}"#), serve);
        assert_eq!(found, Ok("204".to_owned()));
        assert!(got.starts_with("POST /soak HTTP/1.1\r\n"), "{got}");
        assert!(got.ends_with("Content-Length: 13\r\nConnection: close\r\n\r\n{\"about\":\"x\"}"), "{got}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_takes_the_notice_and_never_answers_is_given_up_and_that_is_told() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", server.local_addr().unwrap());
        // On a thread of its own, as long as which works the paused clock stands still.
        let takes = tokio::task::spawn_blocking(move || {
            let (stream, _) = server.accept().unwrap();
            let mut got = String::new();
            let mut reader = std::io::BufReader::new(stream);
            while !got.ends_with("{\"about\":\"x\"}") {
                let mut byte = [0];
                std::io::Read::read_exact(&mut reader, &mut byte).unwrap();
                got.push(char::from(byte[0]));
            }
            // Left open.
            reader.into_inner()
        });
        let (found, open) = tokio::join!(tell(&url, r#"{"about":"x"}"#), takes);
        assert_eq!(found, Err("no answer within 10 s".to_owned()));
        drop(open.unwrap());
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_told() {
        let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let found = tell(&format!("http://{free}/"), "{}").await.unwrap_err();
        assert!(found.contains("refused"), "{found}");
    }
}
