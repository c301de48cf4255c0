//! One attempt: its verdict, its waterfall over the boundaries, what shows it, what to do next.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::cells::{cut, task};
use super::theme::Theme;
use super::{State, waterfall};
use crate::report::{Attempt, Errnos};
use crate::sink::escape;
use crate::sink::text::clock::Clock;
use crate::sink::text::{told, words};
use crate::tui::state::AttemptRow;

/// Columns that a name gets at most.
const NAME: usize = 31;
/// How the line begins that says what to do.
const NEXT: &str = "    next:";

/// Everything.
pub(super) fn lines(state: &State, theme: Theme, width: usize) -> Vec<Line<'static>> {
    let Some((_, row)) = state.attempts.selected() else { return Vec::new() };
    let (mut above, details) = parts(row, &state.overview.clock, theme, width);
    above.extend(details.into_iter().map(|line| styled(line, theme)));
    above
}

/// As much as there is room for, and always what to do next.
pub(super) fn preview(state: &State, theme: Theme, width: usize, rows: usize) -> Vec<Line<'static>> {
    let Some((_, row)) = state.attempts.selected() else {
        return vec![Line::from("  No attempt has these letters. esc shows all.")];
    };
    let (mut all, details) = parts(row, &state.overview.clock, theme, width);
    let at = details.iter().position(|line| line.starts_with(NEXT)).unwrap_or(details.len());
    let (details, next) = details.split_at(at);
    let next: Vec<Line<'static>> = next.iter().map(|line| styled(line.clone(), theme)).collect();
    all.extend(details.iter().map(|line| styled(line.clone(), theme)));
    let room = rows.saturating_sub(next.len());
    if all.len() > room {
        all.truncate(room.saturating_sub(1));
        all.push(Line::styled("    ... (enter shows all)", theme.faint()));
    }
    all.extend(next);
    all
}

/// The headline with the waterfall, and the lines of text.
fn parts(row: &AttemptRow, clock: &Clock, theme: Theme, width: usize) -> (Vec<Line<'static>>, Vec<String>) {
    let attempt = &row.attempt;
    let mut above = vec![headline(row, clock, theme, width)];
    above.extend(waterfall::lines(attempt, theme, width));
    above.extend(errnos(attempt).map(|line| Line::from(cut(&line, width))));
    (above, told::details(attempt, width))
}

fn headline(row: &AttemptRow, clock: &Clock, theme: Theme, width: usize) -> Line<'static> {
    let attempt = &row.attempt;
    let (tone, verdict) = told::verdict(attempt);
    let name = attempt.interface.name().map_or_else(|| "-".to_owned(), |name| escape::word(name, NAME));
    let who = format!("{}  {name}  ", task(attempt.process.pid, &attempt.process.comm, NAME));
    let loops = if row.count > 1 { format!(", {} time", words::ordinal(row.count)) } else { String::new() };
    let when = format!(
        "  {}  {}{loops}",
        clock.time_of(attempt.started),
        told::plain(&words::duration(attempt.duration_ns)),
    );
    let verdict = verdict.to_uppercase();
    let used = escape::width(&who) + verdict.len();
    Line::from(vec![
        Span::styled(cut(&who, width), Theme::strong()),
        Span::styled(verdict, theme.tone(tone)),
        Span::raw(cut(&when, width.saturating_sub(used))),
    ])
}

/// From what the kernel's own function said to what the program was told.
fn errnos(attempt: &Attempt) -> Option<String> {
    let Errnos { user, kernel } = attempt.errno;
    let kernel = kernel.map(|errno| format!("the kernel's function said {}", words::errno(errno)));
    let user = user.map(|errno| format!("the program was told {}", words::errno(errno)));
    let chain: Vec<String> = kernel.into_iter().chain(user).collect();
    (!chain.is_empty()).then(|| format!("errno     {}", chain.join(" -> ")))
}

fn styled(line: String, theme: Theme) -> Line<'static> {
    let style = if line.starts_with(NEXT) { Theme::strong() } else { Style::new() };
    if line.starts_with("    kernel:") {
        Line::styled(line, theme.faint())
    } else {
        Line::styled(line, style)
    }
}
