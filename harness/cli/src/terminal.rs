//! What a person or a script reads: results on standard output, everything else on standard error.
//!
//! A reader that goes away (`| head -1`, a terminal that was closed) ends no run and changes no verdict. A
//! result that could not be written for another reason, such as a full disk, is not passed over in silence.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;

/// Why a result did not reach standard output, the first time.
static UNWRITTEN: OnceLock<String> = OnceLock::new();

/// Writes to standard output, at once.
pub(crate) fn say(text: Arguments<'_>) {
    let mut out = io::stdout().lock();
    if let Err(e) = out.write_fmt(text).and_then(|()| out.flush())
        && e.kind() != ErrorKind::BrokenPipe
    {
        UNWRITTEN.get_or_init(|| e.to_string());
    }
}

/// The same for what goes on and on; whether there still is somebody who reads it.
pub(crate) fn written(text: Arguments<'_>) -> bool {
    let mut out = io::stdout().lock();
    out.write_fmt(text).and_then(|()| out.flush()).is_ok()
}

/// Writes to standard error. What nobody can read there is not worth failing for.
pub(crate) fn note(text: Arguments<'_>) {
    let _ = io::stderr().write_fmt(text);
}

/// Why results are missing on standard output; `None` if all were written, or their reader went away.
pub(crate) fn unwritten() -> Option<&'static str> {
    UNWRITTEN.get().map(String::as_str)
}

/// Writes results that are made for so many columns as the terminal has to which they go; `None` if they go elsewhere.
pub(crate) fn say_fitted(text: impl FnOnce(Option<usize>) -> String) {
    let width = terminal_size::terminal_size_of(io::stdout()).map(|(columns, _)| usize::from(columns.0));
    say(format_args!("{}", text(width)));
}

/// What makes room for a line where the progress stands; empty if that is not shown on a terminal.
pub(crate) fn clear_line() -> &'static str {
    if io::stderr().is_terminal() { "\r\x1b[2K" } else { "" }
}

/// A line of results.
macro_rules! say {
    ($($text:tt)*) => { $crate::terminal::say(format_args!("{}\n", format_args!($($text)*))) };
}

/// A line for whoever looks on.
macro_rules! note {
    ($($text:tt)*) => { $crate::terminal::note(format_args!("{}\n", format_args!($($text)*))) };
}
