//! What the program says on the terminal: answers on standard output, problems on standard error.

use std::io::Write;

/// Prints one line of an answer. A reader that went away is no reason to fail.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Prints one line for people, of what others wrote: without the characters that a terminal obeys, or that turn its direction.
pub(crate) fn foreign(text: &str) {
    let obeyed = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    line(&text.replace(obeyed, "\u{fffd}"));
}

/// Prints what is for people alone, beside an answer that programs read.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints what went wrong.
pub(crate) fn problem(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "admin: {text}");
}
