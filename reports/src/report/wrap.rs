//! Text for a terminal that is so many columns wide. What is no terminal has no width, and nothing is wrapped: there
//! one reason is one line, by which it is found.

use textwrap::{Options, WordSplitter};

/// How far the lines after the first are set in.
const HANGING: usize = 2;

/// The lines of a text.
pub(crate) fn lines(text: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width else { return vec![text.to_owned()] };
    textwrap::wrap(&tied(text), options(width)).into_iter().map(|line| untied(&line)).collect()
}

/// A text that begins so far in, with its other lines two further in; ends with a new line.
pub(crate) fn paragraph(text: &str, indent: usize, width: Option<usize>) -> String {
    let first = " ".repeat(indent);
    let Some(width) = width else { return format!("{first}{text}\n") };
    let others = " ".repeat(indent + HANGING);
    let options = options(width).initial_indent(&first).subsequent_indent(&others);
    format!("{}\n", untied(&textwrap::fill(&tied(text), options)))
}

/// The length of the longest part of a text that is not taken apart, in characters.
pub(crate) fn longest_part(text: &str) -> usize {
    tied(text).split(' ').map(|part| part.chars().count()).max().unwrap_or(0)
}

/// A space at which no line ends.
const TIE: char = '\u{a0}';

/// A number stays with its unit, and a comparison with its number.
fn tied(text: &str) -> String {
    let mut before = ' ';
    let tie = |c: char| {
        let ties = c == ' ' && (before.is_ascii_digit() || "<>=".contains(before));
        before = c;
        if ties { TIE } else { c }
    };
    text.chars().map(tie).collect()
}

fn untied(text: &str) -> String {
    text.replace(TIE, " ")
}

/// Names and commands are not taken apart at their hyphens.
fn options(width: usize) -> Options<'static> {
    Options::new(width).word_splitter(WordSplitter::NoHyphenation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_hangs_below_its_beginning_and_is_one_line_where_there_is_no_terminal() {
        let reason = "messages.lost == 0: 12.3 ms is not == 0; see first-go and --out";
        assert_eq!(paragraph(reason, 0, None), format!("{reason}\n"));
        insta::assert_snapshot!(paragraph(reason, 2, Some(24)), @r"
          messages.lost == 0:
            12.3 ms is not == 0;
            see first-go and
            --out
        ");
        assert_eq!(lines("first-go and --out", Some(10)), ["first-go", "and --out"]);
    }
}
