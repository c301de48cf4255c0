//! Releases that have left the mirrors.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read};

use crate::say;

/// A release that its mirror doesn't have any more.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Gone {
    /// The release's name.
    pub(crate) release: &'static str,
    /// What the mirror answered.
    pub(crate) answer: String,
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { release, answer } = self;
        write!(f, "the mirror has no Debian {release} any more: {answer}")
    }
}

impl std::error::Error for Gone {}

/// Passes on what apt says, line by line, and gives the first answer of a mirror that something isn't there.
pub(crate) fn listen(from: impl Read) -> Option<String> {
    let mut asked = None;
    let mut answer = None;
    for line in BufReader::new(from).lines().map_while(Result::ok) {
        say::raw(&line);
        if let Some(asked) = asked.take()
            && is_not_there(&line)
        {
            answer = answer.or_else(|| Some(format!("{asked}: {}", line.trim())));
        }
        // What it asked for in vain and can do without begins with `Ign:`.
        asked =
            line.strip_prefix("Err:").and_then(|line| line.split_once(' ')).map(|(_, what)| what.to_owned());
    }
    answer
}

/// `  404  Not Found [IP: ...]`. A mirror that doesn't answer, or that has a fault, may have it all the same.
fn is_not_there(line: &str) -> bool {
    ["404  Not Found", "410  Gone"].iter().any(|answer| line.trim_start().starts_with(answer))
}

#[cfg(test)]
mod tests {
    use super::listen;

    #[test]
    fn only_a_mirror_that_answers_lacks_something() {
        let refused =
            "Err:1 http://m/debian bullseye InRelease\n  404  Not Found [IP: 1.2.3.4 80]\nE: failed\n";
        assert_eq!(
            listen(refused.as_bytes()).unwrap(),
            "http://m/debian bullseye InRelease: 404  Not Found [IP: 1.2.3.4 80]"
        );
        for other in [
            "Ign:1 http://m/debian bullseye InRelease\n  404  Not Found [IP: 1.2.3.4 80]\nE: failed\n",
            "Err:1 http://m/debian bullseye InRelease\n  Could not resolve 'nohost.invalid'\n",
            "Err:1 http://m/debian bullseye InRelease\n  503  Service Unavailable [IP: 1.2.3.4 80]\n",
            "make: *** [Makefile:404: all] Error 2\n",
            "",
        ] {
            assert_eq!(listen(other.as_bytes()), None, "{other}");
        }
    }
}
