//! The attempts, newest first, and what is to be said of the selected one.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::cells::{fill, right, task};
use super::theme::Theme;
use super::{State, detail, lines, scrolled};
use crate::cause::Cause;
use crate::sink::escape;
use crate::sink::text::clock::Clock;
use crate::sink::text::{told, words};
use crate::tui::state::AttemptRow;

/// From so many columns on there is room for more of everything.
const WIDE: usize = 110;

/// Columns of a row's parts.
#[derive(Clone, Copy)]
struct Widths {
    time: usize,
    /// How often; 0: nothing is told twice.
    count: usize,
    process: usize,
    interface: usize,
    verdict: usize,
    cause: usize,
    took: usize,
}

impl Widths {
    fn within(columns: usize, any_loop: bool) -> Self {
        let wide = columns >= WIDE;
        let count = if any_loop { 4 } else { 0 };
        let (time, interface, verdict, cause, took) =
            if wide { (12, 15, 27, 21, 8) } else { (8, 9 - count / 2, 17, 19, 6) };
        // The mark, and a blank between two parts.
        let gaps = 1 + 5 + usize::from(any_loop);
        let rest = columns.saturating_sub(gaps + time + count + interface + verdict + cause + took);
        Self { time, count, process: rest.clamp(10, 31), interface, verdict, cause, took }
    }
}

pub(super) fn draw(state: &mut State, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let width = usize::from(area.width);
    if state.attempts.len() == 0 {
        state.screen.page = 0;
        lines(nothing_yet(), area, buffer);
        return;
    }
    let open = state.screen.is_open;
    if open {
        let all = detail::lines(state, theme, width);
        scrolled(state, all, area, buffer);
        return;
    }
    // A third of the room, and no more than is needed, for the list.
    let rows = usize::from(area.height).saturating_sub(2);
    let wanted = state.attempts.count_shown().max(1);
    let listed = wanted.min((rows * 2 / 5).max(3));
    state.screen.page = listed;
    let heights = [1, listed, 1].map(|rows| u16::try_from(rows).unwrap_or(u16::MAX));
    let [head, list, rule] = heights;
    let visible = window(state, listed);
    let any_loop = visible.iter().any(|(_, row)| row.count > 1);
    let widths = Widths::within(width, any_loop);
    let selected = state.attempts.selected().map(|(place, _)| place);
    let clock = &state.overview.clock;
    let listed =
        visible.into_iter().map(|(place, row)| line(row, selected == Some(place), widths, clock, theme));
    lines([heading(widths, theme)], Rect { height: head, ..area }, buffer);
    lines(listed, Rect { y: area.y + head, height: list, ..area }, buffer);
    let rule_y = area.y + head + list;
    lines([Line::styled("-".repeat(width), theme.faint())], Rect { y: rule_y, height: rule, ..area }, buffer);
    let below = Rect { y: rule_y + rule, height: area.bottom().saturating_sub(rule_y + rule), ..area };
    let shown = detail::preview(state, theme, width, usize::from(below.height));
    lines(shown, below, buffer);
}

fn nothing_yet() -> Vec<Line<'static>> {
    [
        "",
        "  No attempt to create a KNI interface has been seen yet.",
        "  Start the program, or wait until it is restarted: its next one is shown here.",
    ]
    .map(Line::from)
    .to_vec()
}

/// The rows around the selected one, which stays in the middle once there is enough above it.
fn window(state: &State, rows: usize) -> Vec<(u64, &AttemptRow)> {
    let last = state.attempts.count_shown().saturating_sub(rows);
    let first = state.attempts.position().saturating_sub(rows / 2).min(last);
    state.attempts.window(first, rows).collect()
}

fn heading(widths: Widths, theme: Theme) -> Line<'static> {
    let Widths { time, count, process, interface, verdict, cause, took } = widths;
    let count = if count > 0 { format!("{} ", fill("N", count)) } else { String::new() };
    let line = format!(
        " {} {count}{} {} {} {} {}",
        fill("TIME", time),
        fill("PROCESS", process),
        fill(if interface < 9 { "IFNAME" } else { "INTERFACE" }, interface),
        fill("VERDICT", verdict),
        fill("CAUSE", cause),
        right("TOOK", took),
    );
    Line::styled(line, theme.faint())
}

fn line(row: &AttemptRow, is_selected: bool, widths: Widths, clock: &Clock, theme: Theme) -> Line<'static> {
    let attempt = &row.attempt;
    let (tone, verdict) = told::verdict(attempt);
    let name =
        attempt.interface.name().map_or_else(|| "-".to_owned(), |name| escape::word(name, widths.interface));
    let count = match (widths.count, row.count) {
        (0, _) => String::new(),
        (width, 1) => " ".repeat(width + 1),
        (width, count) => format!("{} ", fill(&format!("x{count}"), width)),
    };
    let mark = if is_selected { ">" } else { " " };
    let time: String = clock.time_of(attempt.started).chars().take(widths.time).collect();
    let process = task(attempt.process.pid, &attempt.process.comm, widths.process);
    let before = format!(
        "{mark}{} {count}{} {} ",
        fill(&time, widths.time),
        fill(&process, widths.process),
        fill(&name, widths.interface)
    );
    let took = told::plain(&words::duration(attempt.duration_ns));
    let after = format!(
        " {} {}",
        fill(attempt.cause.map_or("-", Cause::name), widths.cause),
        right(&took, widths.took),
    );
    let verdict = Span::styled(fill(short(verdict, widths.verdict), widths.verdict), theme.tone(tone));
    let line = Line::from(vec![Span::raw(before), verdict, Span::raw(after)]);
    if is_selected { line.style(Theme::selected()) } else { line }
}

/// The verdict in so many columns.
fn short(verdict: &'static str, width: usize) -> &'static str {
    if verdict.len() <= width {
        return verdict;
    }
    match verdict {
        "stopped in the library" => "stopped: library",
        "stopped at the system call" => "stopped: syscall",
        "stopped in the module" => "stopped: module",
        "stopped in the network core" => "stopped: network",
        "created, but doomed" => "created, doomed",
        "died in the library" => "died: library",
        "died in the system call" => "died: syscall",
        "died in the module" => "died: module",
        "died in the network core" => "died: network",
        "still in progress" => "in progress",
        other => other,
    }
}
