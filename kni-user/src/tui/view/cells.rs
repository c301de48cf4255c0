//! Text in columns: cut or filled up to a width, as a terminal counts it.

use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthChar as _;

use crate::sink::escape;
use crate::untrusted::Untrusted;

/// What marks text that was cut.
const CUT: &str = "..";

/// `text`, which is safe to show, in at most `width` columns.
pub(super) fn cut(text: &str, width: usize) -> String {
    if escape::width(text) <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(CUT.len());
    let mut columns = 0;
    let kept = text.chars().take_while(|c| {
        columns += c.width().unwrap_or(0);
        columns <= room
    });
    kept.chain(CUT.chars().take(width)).collect()
}

/// `l3fwd-kni[4121]` in at most `width` columns: of a name that is too long the end goes, never the id.
pub(super) fn task(pid: u32, comm: &Untrusted, width: usize) -> String {
    let id = format!("[{pid}]");
    format!("{}{id}", cut(&escape::word(comm, usize::MAX), width.saturating_sub(id.len())))
}

/// `text` with blanks behind it up to `width` columns.
pub(super) fn fill(text: &str, width: usize) -> String {
    let cut = cut(text, width);
    let blanks = width.saturating_sub(escape::width(&cut));
    format!("{cut}{}", " ".repeat(blanks))
}

/// The same with the blanks before it.
pub(super) fn right(text: &str, width: usize) -> String {
    let cut = cut(text, width);
    format!("{}{cut}", " ".repeat(width.saturating_sub(escape::width(&cut))))
}

/// `left` from the left edge and `right` up to the right one, which comes first where both don't fit.
pub(super) fn apart<'a>(left: &str, right: Span<'a>, width: usize) -> Line<'a> {
    let room = width.saturating_sub(escape::width(&right.content) + 1);
    Line::from(vec![Span::raw(fill(left, room)), Span::raw(" "), right])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{cut, fill, right, task};
    use crate::sink::escape;

    #[test]
    fn a_cut_is_marked_and_wide_characters_are_not_halved() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 6), "abcd..");
        assert_eq!(fill("網路網路", 7), "網路.. ");
        assert_eq!(right("網", 4), "  網");
        assert_eq!(task(17, &"dpdk-testpmd".into(), 10), "dpdk..[17]");
        assert_eq!((cut("abc", 1), cut("abc", 0)), (".".to_owned(), String::new()));
    }

    proptest! {
        #[test]
        fn every_text_gets_its_columns(text in "[a-z網é ]{0,30}", width in 0_usize..40) {
            prop_assert_eq!(escape::width(&fill(&text, width)), width);
            prop_assert_eq!(escape::width(&right(&text, width)), width);
        }
    }
}
