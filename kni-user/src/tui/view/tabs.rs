//! The tabs beside the attempts: tables and lines to scroll through.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::cells::{cut, fill, right, task};
use super::theme::Theme;
use super::{State, Tab, lines, scrolled};
use crate::inventory::{Age, Alive};
use crate::sink::escape;
use crate::sink::text::told;
use crate::tui::state::ProcessState;

/// Columns of a process, an interface, and how far one came.
const PROCESS: usize = 17;
const INTERFACE: usize = 9;
const NUMBER: usize = 8;
const STATE: usize = 5;

pub(super) fn draw(state: &mut State, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let width = usize::from(area.width);
    let (heading, rows) = match state.screen.tab {
        Tab::Processes => processes(state, theme, width),
        Tab::Interfaces => interfaces(state, width),
        Tab::Probes => {
            (None, told::hooks(&state.probes, &state.sources, width).into_iter().map(Line::from).collect())
        }
        Tab::Attempts | Tab::Events => (None, events(state, width)),
    };
    let head = u16::from(heading.is_some());
    lines(heading.map(|heading| Line::styled(cut(&heading, width), theme.faint())), area, buffer);
    let below = Rect { y: area.y + head, height: area.height - head, ..area };
    scrolled(state, rows, below, buffer);
}

type Table = (Option<String>, Vec<Line<'static>>);

fn processes(state: &State, theme: Theme, width: usize) -> Table {
    let rows = state.processes.rows();
    if rows.is_empty() {
        return (None, vec![Line::from("  No process is known to use KNI.")]);
    }
    let rest = width.saturating_sub(PROCESS + INTERFACE + 2 * NUMBER + STATE + 5);
    let cells = |process: &str, interface: &str, came: &str, attempts: &str, restarts: &str, state: &str| {
        let before = format!("{} {} ", fill(process, PROCESS), fill(interface, INTERFACE));
        let after =
            format!(" {} {} {}", right(attempts, NUMBER), right(restarts, NUMBER), fill(state, STATE));
        (before, fill(came, rest), after)
    };
    let (before, came, after) =
        cells("PROCESS", "INTERFACE", "HOW FAR IT CAME", "ATTEMPTS", "RESTARTS", "STATE");
    let line = |row: &crate::tui::state::Process| {
        let name =
            row.interface.as_ref().map_or_else(|| "-".to_owned(), |name| escape::word(name, INTERFACE));
        let alive = match row.state {
            ProcessState::Runs => "runs",
            ProcessState::Ended => "ended",
            ProcessState::Unknown => "-",
        };
        let (before, came, after) = cells(
            &task(row.pid, &row.comm, PROCESS),
            &name,
            &row.furthest,
            &row.attempts.to_string(),
            &row.restarts.to_string(),
            alive,
        );
        let came = row
            .tone
            .map_or_else(|| Span::raw(came.clone()), |tone| Span::styled(came.clone(), theme.tone(tone)));
        Line::from(vec![Span::raw(before), came, Span::raw(after)])
    };
    (Some(format!("{before}{came}{after}")), rows.iter().map(line).collect())
}

fn interfaces(state: &State, width: usize) -> Table {
    let interfaces = &state.interfaces;
    let passed = state.overview.now().saturating_sub(interfaces.looked);
    let older = |alive: &Alive| {
        let age = alive.age.map(|age| Age { ns: age.ns.saturating_add(passed), ..age });
        Alive { age, ..alive.clone() }
    };
    let alive: Vec<Alive> = interfaces.alive.iter().map(older).collect();
    let all = told::alive(&alive, &interfaces.unseen);
    let mut all = all.into_iter().map(|line| cut(&line, width));
    let heading = if alive.is_empty() { None } else { all.next() };
    (heading, all.map(Line::from).collect())
}

fn events(state: &State, width: usize) -> Vec<Line<'static>> {
    if state.events.is_empty() {
        return vec![Line::from("  Nothing has happened beside attempts.")];
    }
    state.events.iter().map(|line| Line::from(cut(line, width))).collect()
}
