//! What xtask says of its own doings: on stderr, since stdout is for results.

/// Says one line, as `eprintln!` does.
#[macro_export]
macro_rules! say {
    ($($message:tt)*) => {
        $crate::say::line(&format!($($message)*))
    };
}

/// Says one line.
#[expect(clippy::print_stderr, reason = "this is the one place for it")]
pub(crate) fn line(message: &str) {
    eprintln!("xtask: {message}");
}

/// Passes on a line of a program that xtask runs.
#[expect(clippy::print_stderr, reason = "this is the one place for it")]
pub(crate) fn raw(line: &str) {
    eprintln!("{line}");
}
