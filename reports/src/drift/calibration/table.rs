//! The rows as a table, and what in them is outside the bounds.

use std::fmt::Write as _;

use super::Row;

/// The greatest share of leak-free series in which growth may be found.
pub const FALSE_ALARMS: f64 = 0.02;

/// The least share of series in which the smallest visible drift must be found.
pub const FOUND: f64 = 0.8;

/// The greatest share of series that may pass a gate of half of what was planted.
pub const WRONG_GO: f64 = 0.02;

/// The table in Markdown.
#[must_use]
pub fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "| series | n | growth found, % | smallest visible, sd | GO at it, % | found at it, % | found at twice, % | GO wrongly, % | interval holds, % |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for row in rows {
        let percent = |share: f64| format!("{:.1}", 100.0 * share);
        let holds = if row.kind.has_a_truth() { percent(row.coverage) } else { "–".to_owned() };
        let visible = if row.visible.is_finite() { format!("{:.2}", row.visible) } else { "none".to_owned() };
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {visible} | {} | {} | {} | {} | {holds} |",
            row.kind.name(),
            row.n,
            percent(row.alarms),
            percent(row.go),
            percent(row.found),
            percent(row.found_twice),
            percent(row.wrong_go),
        );
    }
    text
}

/// What lies outside the bounds, one line each, allowing for the chance in `reps` repetitions: a share is outside
/// only if three standard errors do not reach the bound.
#[must_use]
pub fn shortcomings(rows: &[Row]) -> Vec<String> {
    let mut lines = Vec::new();
    for row in rows {
        let mut check = |what: &str, share: f64, bound: f64, at_most: bool| {
            let beyond = if at_most { share - bound } else { bound - share };
            if beyond > chance(bound, row.reps) {
                let word = if at_most { "more than" } else { "less than" };
                lines.push(format!(
                    "{} of {} samples: {what} in {:.1} %, {word} {:.0} %",
                    row.kind.name(),
                    row.n,
                    100.0 * share,
                    100.0 * bound
                ));
            }
        };
        if row.kind.growth() <= 0.0 {
            check("growth found where there is none", row.alarms, FALSE_ALARMS, true);
        }
        if row.kind.has_a_truth() {
            check("the smallest visible drift found", row.found, FOUND, false);
        }
        check("twice that passed a gate of half of it", row.wrong_go, WRONG_GO, true);
    }
    lines
}

#[expect(clippy::cast_precision_loss, reason = "counts of series")]
fn chance(bound: f64, reps: usize) -> f64 {
    3.0 * (bound * (1.0 - bound) / reps as f64).sqrt()
}
