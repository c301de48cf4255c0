//! The waterfall: a bar for each step, boundary by boundary, on the attempt's own time.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::cells::{cut, fill, right};
use super::theme::Theme;
use crate::report::{Attempt, Boundary};
use crate::sink::text::told::{self, Tone};
use crate::sink::text::words;
use crate::waterfall::{self, Ending, Lane, Reach, Waterfall};

/// Columns of a boundary's name, and of a time.
const BOUNDARY: usize = 8;
const TOOK: usize = 7;

/// A line for each span, and one for each boundary without any.
pub(super) fn lines(attempt: &Attempt, theme: Theme, width: usize) -> Vec<Line<'static>> {
    let waterfall = Waterfall::of(attempt);
    let drawing = Drawing { theme, width, whole: waterfall.length_ns, room: (width / 4).max(8) };
    waterfall.lanes.iter().flat_map(|lane| drawing.lane(lane)).collect()
}

/// How bars are drawn.
#[derive(Clone, Copy)]
struct Drawing {
    theme: Theme,
    width: usize,
    /// Nanoseconds that all bars' columns stand for.
    whole: u64,
    /// Those columns.
    room: usize,
}

impl Drawing {
    fn lane(self, lane: &Lane) -> Vec<Line<'static>> {
        let name = match lane.boundary {
            Boundary::Library => "library",
            Boundary::Syscall => "syscall",
            Boundary::Module => "module",
            Boundary::Network => "network",
        };
        if lane.spans.is_empty() {
            let said = match lane.reach {
                Reach::Reached => "reached",
                Reach::NotReached => "not reached",
                Reach::NotKnown => "not known: nothing was seen of it",
            };
            let text = format!("{}| {said}", fill(name, BOUNDARY));
            return vec![Line::styled(cut(&text, self.width), self.theme.faint())];
        }
        // A name stands beside the first of its bars alone.
        let names = std::iter::once(name).chain(std::iter::repeat(""));
        names.zip(&lane.spans).map(|(name, span)| self.line(name, span)).collect()
    }

    fn line(self, name: &str, span: &waterfall::Span) -> Line<'static> {
        let took = match (span.took_ns(), span.ending) {
            (Some(took), _) => told::plain(&words::duration(took)),
            (None, Ending::Inside) => "...".to_owned(),
            (None, _) => String::new(),
        };
        let rest = self.width.saturating_sub(BOUNDARY + self.room + TOOK + 4);
        let said = format!("{}{}", "  ".repeat(span.depth), told::span(span));
        // Where colour can't be seen, the words can.
        let said = if span.failed { cut(&format!("FAILED {said}"), rest) } else { cut(&said, rest) };
        let style = if span.failed { self.theme.tone(Tone::Bad) } else { Style::new() };
        Line::from(vec![
            Span::raw(format!("{}|", fill(name, BOUNDARY))),
            Span::styled(self.bar(span), style),
            Span::raw(format!("| {} ", right(&took, TOOK))),
            Span::styled(said, style),
        ])
    }

    /// `=` for as long as it took, at least one; an `x` where it failed, a `>` where it goes on.
    fn bar(self, span: &waterfall::Span) -> String {
        let at = |ns: u64| {
            let column = u128::from(ns) * self.room as u128 / u128::from(self.whole.max(1));
            usize::try_from(column).unwrap_or(self.room)
        };
        let from = at(span.start_ns).min(self.room.saturating_sub(1));
        let to = at(span.end_ns).clamp(from + 1, self.room.max(from + 1));
        let end = match (span.failed, span.ending) {
            (true, _) => 'x',
            (_, Ending::Inside) => '>',
            (_, Ending::Moment) => '.',
            (_, Ending::Returned(_) | Ending::Unseen) => '=',
        };
        fill(&format!("{}{}{end}", " ".repeat(from), "=".repeat(to - from - 1)), self.room)
    }
}
