//! The lines above and below: where this is, what is observed, what was lost; which keys there are.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::cells::{apart, cut};
use super::theme::Theme;
use super::{Mode, State, Tab, lines};
use crate::event::Ledger;
use crate::sink::escape;
use crate::sink::text::told::Tone;
use crate::tui::state::Readiness;

pub(super) fn draw(state: &State, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let width = usize::from(area.width);
    let overview = &state.overview;
    let elapsed = Span::raw(elapsed(overview.elapsed_s()));
    let (word, tone) = readiness(overview.readiness());
    let coverage = cut(&format!(": {}", overview.coverage()), width.saturating_sub(word.len()));
    lines(
        [
            apart(&overview.place, elapsed, width),
            apart(&overview.module, losses(&overview.ledger, theme), width),
            Line::from(vec![Span::styled(word, theme.tone(tone)), Span::raw(coverage)]),
            tabs(state, theme, width),
        ],
        area,
        buffer,
    );
}

/// `00:01:23`; hours go on counting.
fn elapsed(seconds: u64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn readiness(readiness: Readiness) -> (&'static str, Tone) {
    match readiness {
        Readiness::Starting => ("STARTING", Tone::Doubtful),
        Readiness::Armed => ("ARMED", Tone::Good),
        Readiness::Idle => ("IDLE (no program uses KNI)", Tone::Good),
        Readiness::Blind => ("SYSTEM CALLS UNSEEN", Tone::Bad),
    }
}

/// Of what should be 0, what never is only when it isn't.
fn losses(ledger: &Ledger, theme: Theme) -> Span<'static> {
    let Ledger { emitted: _, filtered: _, lost, missed, displaced, unpaired: _, received: _, undecoded } =
        *ledger;
    let rare = [(displaced, "displaced"), (undecoded, "undecoded")];
    let rare =
        rare.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!(", {what} {number}"));
    let told = format!("lost {lost}, missed {missed}{}", rare.collect::<String>());
    let any = [lost, missed, displaced, undecoded].iter().any(|number| *number > 0);
    Span::styled(told, if any { theme.tone(Tone::Bad) } else { Style::new() })
}

fn tabs(state: &State, theme: Theme, width: usize) -> Line<'static> {
    let mut spans = Vec::new();
    let mut used = 0;
    for tab in Tab::ALL {
        let is_open = tab == state.screen.tab;
        // Where colour and reversed text can't be seen, brackets can.
        let text = if is_open { format!("[{}]", tab.name()) } else { format!(" {} ", tab.name()) };
        used += text.len();
        spans.push(Span::styled(text, if is_open { Theme::strong() } else { theme.faint() }));
    }
    let (paused, rest) = standing(state);
    let room = width.saturating_sub(used + 1);
    let rest = cut(&rest, room.saturating_sub(paused.len()));
    let blanks = room.saturating_sub(paused.len() + escape::width(&rest));
    spans.push(Span::raw(" ".repeat(blanks + 1)));
    spans.push(Span::styled(cut(&paused, room), theme.tone(Tone::Doubtful)));
    spans.push(Span::raw(rest));
    Line::from(spans)
}

/// How many attempts there are, and which of them are not shown.
fn standing(state: &State) -> (String, String) {
    let attempts = &state.attempts;
    let paused = match attempts.paused() {
        Some(0) => "PAUSED ".to_owned(),
        Some(waiting) => format!("PAUSED, {waiting} wait "),
        None => String::new(),
    };
    let dropped = match attempts.dropped() {
        0 => String::new(),
        dropped => format!(", {dropped} dropped"),
    };
    let shown = if attempts.filter().is_empty() {
        format!("{} listed{dropped}", attempts.len())
    } else {
        format!("{} of {} match{dropped}", attempts.count_shown(), attempts.len())
    };
    (paused, shown)
}

pub(super) fn footer(state: &State, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let width = usize::from(area.width);
    let line = match (&state.screen.mode, &state.screen.notice) {
        (Mode::Filter { typed, .. }, _) => {
            let typed = escape::line(&typed.as_str().into(), usize::MAX);
            // Of a long one the end is what is being typed.
            let room = width.saturating_sub("filter: _".len());
            let skipped = typed.chars().count().saturating_sub(room);
            let end: String = typed.chars().skip(skipped).collect();
            Line::styled(cut(&format!("filter: {end}_"), width), Theme::strong())
        }
        (_, Some(notice)) => {
            Line::styled(cut(&escape::line(&notice.as_str().into(), usize::MAX), width), Theme::strong())
        }
        (Mode::Help, None) => Line::styled("any key closes this", theme.faint()),
        (Mode::Browse, None) => Line::styled(cut(keys(state), width), theme.faint()),
    };
    lines([line], area, buffer);
}

fn keys(state: &State) -> &'static str {
    match (state.screen.tab, state.screen.is_open) {
        (Tab::Attempts, false) => {
            "j/k select  enter open  / filter  p pause  e export  tab more  ? help  q quit"
        }
        (Tab::Attempts, true) => "j/k scroll  enter close  e export  ? help  q quit",
        _ => "j/k scroll  tab more  p pause  ? help  q quit",
    }
}
