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

/// What lies outside the bounds, one line each. A share is held to its bound as it was measured, without any
/// allowance for chance: enough series are needed.
#[must_use]
pub fn shortcomings(rows: &[Row]) -> Vec<String> {
    rows.iter().flat_map(of_row).collect()
}

fn of_row(row: &Row) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |out: bool, what: &str, share: f64, bound: String| {
        if out {
            let share = 100.0 * share;
            lines.push(format!("{} of {} samples: {what} in {share:.1} %, {bound}", row.kind.name(), row.n));
        }
    };
    let most = |bound: f64| format!("more than {:.0} %", 100.0 * bound);
    let least = |bound: f64| format!("less than {:.0} %", 100.0 * bound);
    let false_alarms = row.kind.growth() <= 0.0 && row.alarms > FALSE_ALARMS;
    say(false_alarms, "growth found where there is none", row.alarms, most(FALSE_ALARMS));
    say(row.found < FOUND, "the smallest visible drift found", row.found, least(FOUND));
    say(row.wrong_go > WRONG_GO, "twice that passed a gate of half of it", row.wrong_go, most(WRONG_GO));
    lines
}
