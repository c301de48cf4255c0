//! Untrusted text made safe to show: the one place.
//!
//! A program may call itself or its interface anything, and a terminal obeys some of it. What
//! comes out of here is printable, one line, and as wide as it says. Escapes are visible: `\n`,
//! `\u{202e}` for a character, `\xff` for a byte that is no UTF-8, `\\` for a backslash.

use unicode_width::UnicodeWidthChar as _;

use crate::untrusted::Untrusted;

/// What marks text that was cut.
const CUT: &str = "...";

/// What else is escaped, beside what a terminal must not see.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Also {
    /// Nothing: free text up to the end of its line.
    Nothing,
    /// Quotes: the text stands between two.
    Quotes,
    /// Blanks and quotes: the text is one word among others, and must not pass for several.
    Blanks,
}

/// A word: for a column of its own. At most `width` columns; what is empty shows as `""`.
#[must_use]
pub fn word(text: &Untrusted, width: usize) -> String {
    if text.is_empty() { "\"\"".to_owned() } else { shown(text, width, Also::Blanks) }
}

/// Between quotes, which `width` includes.
#[must_use]
pub fn quoted(text: &Untrusted, width: usize) -> String {
    format!("\"{}\"", shown(text, width.saturating_sub(2), Also::Quotes))
}

/// Free text. At most `width` columns.
#[must_use]
pub fn line(text: &Untrusted, width: usize) -> String {
    shown(text, width, Also::Nothing)
}

/// Columns that escaped text takes on a terminal.
#[must_use]
pub fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

fn shown(text: &Untrusted, limit: usize, also: Also) -> String {
    let mut whole = String::new();
    let mut columns = 0;
    // How much of `whole` leaves room for the mark of a cut.
    let mut keep = 0;
    for piece in pieces(text.as_bytes(), also) {
        columns += width(&piece);
        if columns > limit {
            whole.truncate(keep);
            whole.extend(CUT.chars().take(limit));
            return whole;
        }
        whole.push_str(&piece);
        if columns + CUT.len() <= limit {
            keep = whole.len();
        }
    }
    whole
}

/// Each character as it is shown: never cut in the middle.
fn pieces(bytes: &[u8], also: Also) -> impl Iterator<Item = String> + '_ {
    bytes.utf8_chunks().flat_map(move |chunk| {
        let valid = chunk.valid().chars().map(move |c| character(c, also));
        valid.chain(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")))
    })
}

fn character(c: char, also: Also) -> String {
    match c {
        '\'' => c.to_string(),
        '\t' | '\n' | '\r' => c.escape_default().to_string(),
        '"' if also == Also::Nothing => c.to_string(),
        ' ' if also == Also::Blanks => "\\x20".to_owned(),
        // `escape_debug` leaves alone what Unicode calls printable and no combining mark; of those
        // a few still have no width of their own.
        _ if c.width().unwrap_or(0) == 0 => c.escape_unicode().to_string(),
        _ => c.escape_debug().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{line, quoted, width, word};
    use crate::untrusted::Untrusted;

    #[test]
    fn what_a_terminal_obeys_becomes_visible() {
        for (bytes, expected) in [
            (b"vEth0_0".as_slice(), "vEth0_0"),
            (b"\x1b[2Jgone", r"\u{1b}[2Jgone"),
            (b"a\r\n\tb", r"a\r\n\tb"),
            (b"del\x7f", r"del\u{7f}"),
            (b"\xff\xfe", r"\xff\xfe"),
            ("c1\u{9b}2J".as_bytes(), r"c1\u{9b}2J"),
            ("\u{202e}dne".as_bytes(), r"\u{202e}dne"),
            ("z\u{200b}\u{feff}\u{2060}w".as_bytes(), r"z\u{200b}\u{feff}\u{2060}w"),
            ("e\u{301}".as_bytes(), r"e\u{301}"),
            ("soft\u{ad}".as_bytes(), r"soft\u{ad}"),
            ("tag\u{e0041}".as_bytes(), r"tag\u{e0041}"),
            (r"back\slash".as_bytes(), r"back\\slash"),
            ("café 網路 it's".as_bytes(), "café 網路 it's"),
        ] {
            assert_eq!(line(&Untrusted::from(bytes), 80), expected);
        }
    }

    #[test]
    fn a_word_cannot_pass_for_several_and_quotes_cannot_be_left() {
        let hostile = Untrusted::from("x\"  CREATED");
        assert_eq!(word(&hostile, 80), r#"x\"\x20\x20CREATED"#);
        assert_eq!(quoted(&hostile, 80), r#""x\"  CREATED""#);
        assert_eq!(line(&hostile, 80), "x\"  CREATED");
        assert_eq!(word(&Untrusted::default(), 80), "\"\"");
    }

    #[test]
    fn a_cut_is_marked_and_no_escape_is_cut_in_the_middle() {
        let text = Untrusted::from("abcdef\u{1b}");
        assert_eq!(line(&text, 12), r"abcdef\u{1b}");
        assert_eq!(line(&text, 11), "abcdef...");
        assert_eq!(line(&text, 5), "ab...");
        assert_eq!(line(&text, 2), "..");
        assert_eq!(line(&Untrusted::from("網路網路"), 7), "網路...");
        assert_eq!(line(&Untrusted::from("網路網路"), 6), "網...");
    }

    proptest! {
        #[test]
        fn nothing_unprintable_passes_and_no_width_is_exceeded(
            bytes in hostile(), limit in 4_usize..100,
        ) {
            let text = Untrusted::from(bytes.as_slice());
            for shown in [word(&text, limit), quoted(&text, limit), line(&text, limit)] {
                prop_assert!(width(&shown) <= limit, "{shown:?}");
                for c in shown.chars() {
                    prop_assert!(!c.is_control(), "{shown:?}");
                    prop_assert!(!invisible(c), "{shown:?}");
                }
            }
            prop_assert!(!word(&text, limit).contains(' '));
            prop_assert!(!line(&text, usize::MAX).ends_with("...") || bytes.ends_with(b"..."));
        }
    }

    /// Controls of direction and width (Unicode 16, general category Cf, Zl and Zp).
    fn invisible(c: char) -> bool {
        matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0001}'..='\u{e007f}')
    }

    fn hostile() -> impl Strategy<Value = Vec<u8>> {
        let byte = any::<u8>().prop_map(|byte| vec![byte]);
        let character = any::<char>().prop_map(|c| c.to_string().into_bytes());
        let invisible = prop::sample::select(vec![
            '\u{200b}', '\u{202e}', '\u{2066}', '\u{9b}', '\u{1b}', '"', '\\', ' ',
        ])
        .prop_map(|c| c.to_string().into_bytes());
        prop::collection::vec(prop_oneof![byte, character, invisible], 0..40).prop_map(|parts| parts.concat())
    }
}
