//! Plain text in columns.

/// Rows with every column as wide as its widest cell, two spaces apart, indented by two. Columns named in
/// `right` are aligned to the right.
pub(crate) fn columns(rows: &[Vec<String>], right: &[usize]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let space = " ".repeat(widths[column].saturating_sub(cell.chars().count()));
            let (before, after) =
                if right.contains(&column) { (space, String::new()) } else { (String::new(), space) };
            line.push_str("  ");
            line.push_str(&before);
            line.push_str(cell);
            line.push_str(&after);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
