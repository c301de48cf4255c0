//! Paragraphs of 80 columns, in colour or not.

use textwrap::{Options, WordSeparator, WordSplitter};

use super::words::BOUND;
use crate::report::Outcome;
use crate::sink::escape;

/// Columns of a line, on every terminal and in every file: a replay prints the same everywhere. Only the full-screen
/// view has others.
pub(super) const WIDTH: usize = 80;

/// Columns that evidence stands in.
const INDENT: &str = "    ";

/// Text in the making.
#[derive(Debug)]
pub(super) struct Page {
    text: String,
    color: bool,
    width: usize,
}

/// What a phrase says at a glance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Doubtful,
}

impl From<Outcome> for Tone {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Created => Self::Good,
            Outcome::CreatedElsewhere | Outcome::InProgress | Outcome::Inconclusive => Self::Doubtful,
            Outcome::CreatedDoomed | Outcome::Stopped | Outcome::Died | Outcome::NotAttempted => Self::Bad,
        }
    }
}

impl Page {
    pub(super) fn new(color: bool) -> Self {
        Self { text: String::new(), color, width: WIDTH }
    }

    /// Without colour, and of that width.
    pub(super) fn narrow(width: usize) -> Self {
        Self { width, ..Self::new(false) }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// `phrase` in the colour of its tone, if there is colour.
    pub(super) fn paint(&self, tone: Tone, phrase: &str) -> String {
        if !self.color {
            return phrase.to_owned();
        }
        let code = match tone {
            Tone::Good => 32,
            Tone::Bad => 31,
            Tone::Doubtful => 33,
        };
        format!("\u{1b}[1;{code}m{phrase}\u{1b}[0m")
    }

    /// A paragraph from the margin; what doesn't fit goes on, indented.
    pub(super) fn line(&mut self, text: &str) {
        self.wrapped(text, "", INDENT);
    }

    /// A row of a table, however wide it is.
    pub(super) fn row(&mut self, cells: &[String], widths: &[usize]) {
        let cells: Vec<String> = cells.iter().zip(widths).map(|(cell, width)| padded(cell, *width)).collect();
        let row = cells.join("  ");
        self.text.extend(row.trim_end().chars().map(|c| if c == BOUND { ' ' } else { c }));
        self.text.push('\n');
    }

    /// A line of evidence, indented; what doesn't fit goes on, indented further.
    pub(super) fn evidence(&mut self, text: &str) {
        self.wrapped(text, INDENT, "      ");
    }

    /// Lines of evidence.
    pub(super) fn evidence_lines(&mut self, lines: impl IntoIterator<Item = String>) {
        for line in lines {
            self.evidence(&line);
        }
    }

    /// A paragraph behind a mark of so many columns in the margin; what doesn't fit goes on below its first word.
    pub(super) fn hanging(&mut self, mark: &str, columns: usize, text: &str) {
        self.wrapped(text, mark, &" ".repeat(columns));
    }

    /// A blank line.
    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    fn wrapped(&mut self, text: &str, first: &str, rest: &str) {
        // Only at blanks: a break after a hyphen would tear `lib.memzone-missing` apart.
        let options = Options::new(self.width)
            .initial_indent(first)
            .subsequent_indent(rest)
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation);
        for line in textwrap::wrap(text, options) {
            self.text.extend(line.chars().map(|c| if c == BOUND { ' ' } else { c }));
            self.text.push('\n');
        }
    }
}

/// `text` with blanks behind it up to `columns`.
pub(super) fn padded(text: &str, columns: usize) -> String {
    let blanks = columns.saturating_sub(escape::width(text));
    format!("{text}{}", " ".repeat(blanks))
}

#[cfg(test)]
mod tests {
    use super::{Page, Tone, padded};

    #[test]
    fn lines_break_at_blanks_and_go_on_indented() {
        let mut page = Page::new(false);
        page.evidence(&format!("next: {} lib.memzone-missing", "x".repeat(60)));
        page.line(&"y".repeat(100));
        let (x, y) = ("x".repeat(60), "y".repeat(100));
        let (head, tail) = y.split_at(76);
        assert_eq!(
            page.into_text(),
            format!("    next: {x}\n      lib.memzone-missing\n{head}\n    {tail}\n")
        );
    }

    #[test]
    fn colour_takes_no_room() {
        let mut page = Page::new(true);
        let painted = page.paint(Tone::Good, "CREATED");
        assert_eq!(painted, "\u{1b}[1;32mCREATED\u{1b}[0m");
        page.line(&format!("{} {painted}", "x".repeat(72)));
        assert_eq!(page.into_text().lines().count(), 1);
    }

    #[test]
    fn columns_line_up_whatever_the_characters_width() {
        assert_eq!(padded("ab", 4), "ab  ");
        assert_eq!(padded("網", 4), "網  ");
        assert_eq!(padded("abcdef", 4), "abcdef");
    }
}
