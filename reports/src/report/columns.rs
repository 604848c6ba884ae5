//! Plain text in columns.

use super::wrap;

/// To how many characters a column is narrowed, at least.
const LEAST: usize = 12;

/// How rows are laid out.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Layout<'a> {
    /// Columns that are aligned to the right.
    pub(crate) right: &'a [usize],
    /// Columns whose cells are wrapped where a row would be wider than the terminal, the widest first.
    pub(crate) wrapped: &'a [usize],
    /// The width of the terminal; absent where it is none.
    pub(crate) width: Option<usize>,
}

/// Rows with every column as wide as its widest cell, two spaces apart, indented by two.
pub(crate) fn columns(rows: &[Vec<String>], layout: &Layout<'_>) -> String {
    let widths = fitted(rows, layout);
    let rows: Vec<Vec<Vec<String>>> = rows.iter().map(|row| cut(row, &widths)).collect();
    let widest = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).flatten().map(|line| length(line)).max()
    };
    let widths: Vec<usize> = (0..widths.len()).map(|column| widest(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in &rows {
        let height = row.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..height {
            text.push_str(one(row, line, &widths, layout).trim_end());
            text.push('\n');
        }
    }
    text
}

/// How wide every column may be; `None` where it is as wide as it is. Names are taken apart only where nothing else
/// gives way any more.
fn fitted(rows: &[Vec<String>], layout: &Layout<'_>) -> Vec<Option<usize>> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let most = |column: usize, of: fn(&str) -> usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| of(cell)).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> = (0..count).map(|column| most(column, length)).collect();
    let all: usize = widths.iter().map(|width| width + 2).sum();
    let mut beyond = layout.width.map_or(0, |width| all.saturating_sub(width));
    let mut narrowed = vec![None; count];
    let whole_names = |column: usize| most(column, wrap::longest_part).max(LEAST);
    for least in [&whole_names as &dyn Fn(usize) -> usize, &|_| LEAST] {
        let wide =
            |column: &usize, widths: &[usize]| widths.get(*column).is_some_and(|w| *w > least(*column));
        while beyond > 0 {
            let can = layout.wrapped.iter().copied().filter(|column| wide(column, &widths));
            let Some(column) = can.max_by_key(|column| widths[*column]) else { break };
            widths[column] -= 1;
            narrowed[column] = Some(widths[column]);
            beyond -= 1;
        }
    }
    narrowed
}

/// The cells of a row, each in its lines.
fn cut(row: &[String], widths: &[Option<usize>]) -> Vec<Vec<String>> {
    row.iter().zip(widths).map(|(cell, width)| wrap::lines(cell, *width)).collect()
}

/// One line of a row.
fn one(row: &[Vec<String>], line: usize, widths: &[usize], layout: &Layout<'_>) -> String {
    let mut text = String::new();
    for (column, cell) in row.iter().enumerate() {
        let part = cell.get(line).map_or("", String::as_str);
        let space = " ".repeat(widths[column].saturating_sub(part.chars().count()));
        let (before, after) =
            if layout.right.contains(&column) { (space.as_str(), "") } else { ("", space.as_str()) };
        text.push_str("  ");
        text.push_str(before);
        text.push_str(part);
        text.push_str(after);
    }
    text
}

fn length(cell: &str) -> usize {
    cell.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<String>> {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        vec![
            row(["outcome", "gate", "n"]),
            row(["GO", "memory.private.max[worker] < 512KiB during hold", "12"]),
            row(["NO-GO", "messages.lost == 0", "3,400"]),
        ]
    }

    #[test]
    fn a_table_that_is_too_wide_for_a_terminal_is_wrapped_within_its_cells() {
        let layout = Layout { right: &[2], wrapped: &[1], width: Some(50) };
        insta::assert_snapshot!(columns(&rows(), &layout), @"
          outcome  gate                            n
          GO       memory.private.max[worker]     12
                   < 512KiB during hold
          NO-GO    messages.lost == 0          3,400
        ");
    }

    #[test]
    fn a_table_is_left_as_it_is_where_there_is_room_or_no_terminal() {
        let of = |width| columns(&rows(), &Layout { right: &[2], wrapped: &[1], width });
        assert_eq!(of(None), of(Some(80)));
        assert_eq!(of(None).lines().count(), 3);
        assert!(of(Some(5)).lines().all(|line| line.chars().count() <= LEAST + 18), "{}", of(Some(5)));
    }
}
