//! `soak.notify.webhook`: an address of this host and nothing else.

use crate::problem::Problem;
use crate::reader::{Fields, Reader};
use crate::tree::shortened;

/// What every address begins with: a name such as `localhost` may be another host's.
const START: &str = "http://127.0.0.1:";

pub(super) fn read(notify: &Fields<'_>, reader: &mut Reader) -> Option<String> {
    let url = notify.text(reader, "webhook")?;
    match wrong(&url.value) {
        None => Some(url.value),
        Some(why) => {
            let what = format!("{} is \"{}\", {why}", notify.path("webhook"), shortened(&url.value));
            reader.problem(Problem::new(&url.place, what).help("write http://127.0.0.1:PORT/PATH"));
            None
        }
    }
}

/// Why this is no `http://127.0.0.1:PORT/PATH`.
fn wrong(url: &str) -> Option<&'static str> {
    let Some(rest) = url.strip_prefix(START) else {
        return Some("which is not an address of this host by its number");
    };
    let (port, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    if !digits || port.parse::<u16>().ok().is_none_or(|port| port == 0) {
        return Some("whose port is none from 1 to 65535");
    }
    // What stands here becomes a line of a request.
    let good = |b: u8| b.is_ascii_graphic() && b != b'#';
    (!path.bytes().all(good)).then_some("whose path has what no address can have")
}

#[cfg(test)]
mod tests {
    use super::wrong;

    #[test]
    fn only_this_host_by_its_number_is_an_address() {
        for good in ["http://127.0.0.1:9000", "http://127.0.0.1:1/", "http://127.0.0.1:65535/soak?of=a&b=%20"]
        {
            assert_eq!(wrong(good), None, "{good}");
        }
        for (bad, word) in [
            ("http://localhost:9000/", "this host"),
            ("https://127.0.0.1:9000/", "this host"),
            ("http://127.0.0.1.example.org:80/", "this host"),
            ("http://127.0.0.1/soak", "this host"),
            ("http://127.0.0.1:0/", "port"),
            ("http://127.0.0.1:65536/", "port"),
            ("http://127.0.0.1:+80/", "port"),
            ("http://127.0.0.1:80@example.org/", "port"),
            ("http://127.0.0.1:/", "port"),
            ("http://127.0.0.1:80/a b", "path"),
            ("http://127.0.0.1:80/a\r\nHost: b", "path"),
            ("http://127.0.0.1:80/a#b", "path"),
        ] {
            assert!(wrong(bad).is_some_and(|why| why.contains(word)), "{bad}: {:?}", wrong(bad));
        }
    }
}
