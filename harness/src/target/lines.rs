//! From the bytes that a target writes to reports, and what to say of bytes that are none.

use protocol::{MAX_LINE, Report};

use super::Read;
use crate::error::TargetFailure;

/// How much of a line is shown.
const SHOWN: usize = 160;

/// The beginning of a line whose end has not come yet.
#[derive(Debug, Default)]
pub(super) struct Lines {
    partial: Vec<u8>,
    /// Until the target says `attached`, what cannot be read is the rest of what another harness had begun to read.
    awaits_attached: bool,
}

impl Lines {
    /// Those of a target that another harness has talked to.
    pub(super) fn until_attached() -> Self {
        Self { awaits_attached: true, ..Self::default() }
    }

    /// The reports that are whole now.
    pub(super) fn reports(&mut self, bytes: &[u8]) -> Read {
        let mut reports = Vec::new();
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|b| *b == b'\n') {
            let (line, after) = rest.split_at(end);
            rest = &after[1..];
            let parsed = if self.partial.is_empty() {
                parse(line)
            } else {
                self.partial.extend_from_slice(line);
                let parsed = parse(&self.partial);
                self.partial.clear();
                parsed
            };
            match parsed {
                Ok(Some(report)) => {
                    self.awaits_attached &= !matches!(report, Report::Attached { .. });
                    reports.push(report);
                }
                Ok(None) => {}
                Err(_) if self.awaits_attached => {}
                Err(failure) => return Read::Failed(reports, failure),
            }
        }
        self.partial.extend_from_slice(rest);
        if self.partial.len() > MAX_LINE {
            return Read::Failed(reports, nonsense(&self.partial, too_long(self.partial.len())));
        }
        Read::Reports(reports)
    }
}

fn parse(line: &[u8]) -> Result<Option<Report>, TargetFailure> {
    if line.len() > MAX_LINE {
        return Err(nonsense(line, too_long(line.len())));
    }
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(line).map(Some).map_err(|e| nonsense(line, likely(line, &e)))
}

fn too_long(length: usize) -> String {
    format!("{length} bytes without a newline; a line has at most {MAX_LINE}")
}

fn likely(line: &[u8], error: &serde_json::Error) -> String {
    match serde_json::from_slice::<serde_json::Value>(line) {
        Err(_) if line.first() == Some(&b'{') => format!("it is not whole JSON: {error}"),
        Err(_) => {
            "standard output is for reports only, one JSON object a line; what a target logs belongs on \
                   standard error"
                .to_owned()
        }
        Ok(_) => format!("it is JSON but no report of the control protocol: {error}"),
    }
}

/// The failure that shows a line and says what is likely wrong with it.
fn nonsense(line: &[u8], likely: String) -> TargetFailure {
    // One character has four bytes at most; one more shows that there is more.
    let text = String::from_utf8_lossy(&line[..line.len().min(4 * (SHOWN + 1))]);
    TargetFailure::Nonsense { line: shown(&text, SHOWN), likely }
}

/// What a target wrote, fit to be shown and kept: at most so many characters, and none that a terminal would obey.
pub(crate) fn shown(text: &str, most: usize) -> String {
    let mut shown: String =
        text.chars().take(most).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(most).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn failure(bytes: &[u8]) -> String {
        match Lines::default().reports(bytes) {
            Read::Failed(_, failure) => failure.to_string(),
            _ => "no failure".to_owned(),
        }
    }

    #[test]
    fn what_is_no_report_is_shown_with_the_likely_cause() {
        insta::assert_snapshot!(failure(b"Listening on port 80\n"), @"
        the target answered nonsense: Listening on port 80
          standard output is for reports only, one JSON object a line; what a target logs belongs on standard error
        ");
        insta::assert_snapshot!(failure(b"{\"hello\":{\"protocol\"\n"), @"
        the target answered nonsense: {\"hello\":{\"protocol\"
          it is not whole JSON: EOF while parsing an object at line 1 column 20
        ");
        let unknown = failure(b"{\"hallo\":{}}\n");
        assert!(
            unknown.starts_with("the target answered nonsense: {\"hallo\":{}}\n  it is JSON but no report")
        );
        assert!(unknown.contains("unknown variant `hallo`"), "{unknown}");
        let long = failure(&[&[0x1b, 0xff, b'x'][..], &[b'y'; 900], b"\n"].concat());
        assert!(long.contains("\u{fffd}\u{fffd}xyyy") && long.contains("yy…"), "{long}");
        assert!(!long.contains('\u{1b}') && long.len() < 500, "{long}");
        let endless = failure(&vec![b'z'; MAX_LINE + 1]);
        assert!(endless.contains("1048577 bytes without a newline; a line has at most 1048576"), "{endless}");
    }

    #[test]
    fn the_rest_of_a_line_that_another_harness_had_begun_to_read_is_passed_over() {
        let mut lines = Lines::until_attached();
        let Read::Reports(reports) =
            lines.reports(b"1,1,99]]}}\n{\"stopped\":{}}\n{\"attached\":{\"members\":[]}}\n")
        else {
            panic!("nothing is wrong with it")
        };
        assert_eq!(reports.len(), 2);
        assert!(matches!(lines.reports(b"boom\n"), Read::Failed(..)), "from then on it is");
    }

    #[test]
    fn reports_before_nonsense_count() {
        let Read::Failed(reports, _) = Lines::default().reports(b"{\"stopped\":{}}\n\nboom\n") else {
            panic!("it is nonsense")
        };
        assert_eq!(reports, [Report::Stopped {}]);
    }

    proptest! {
        /// However the bytes are cut, the same reports come out.
        #[test]
        fn cuts_do_not_matter(cuts in prop::collection::vec(1_usize..40, 0..30)) {
            let text = b"{\"quiesced\":{}}\n{\"drained\":{\"outstanding\":3}}\n{\"stopped\":{}}\n".repeat(4);
            let mut lines = Lines::default();
            let mut rest = text.as_slice();
            let mut got = Vec::new();
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                rest = after;
                let Read::Reports(reports) = lines.reports(piece) else { panic!("nothing is wrong with it") };
                got.extend(reports);
            }
            prop_assert_eq!(got.len(), 12);
        }

        /// No bytes make it panic.
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            let _ = Lines::default().reports(&bytes);
        }
    }
}
