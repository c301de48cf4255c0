//! The state on the screen. Nothing is decided here, and nothing is read.

mod cells;
mod detail;
mod header;
mod help;
mod list;
mod tabs;
mod theme;
mod waterfall;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::state::{Mode, State, Tab};

pub use theme::Theme;

/// Less than this can't be laid out.
const COLUMNS: u16 = 40;
const ROWS: u16 = 12;
/// Rows of the header with the tabs, and of the footer.
const HEADER: u16 = 4;
const FOOTER: u16 = 1;

/// Draws it. How far one can scroll is known only here: the state's place is put right on the way.
pub fn draw(state: &mut State, theme: Theme, frame: &mut Frame) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    if area.width < COLUMNS || area.height < ROWS {
        too_small(area, buffer);
        return;
    }
    let Rect { x, y, width, height } = area;
    let body = Rect { x, y: y + HEADER, width, height: height - HEADER - FOOTER };
    header::draw(state, theme, Rect { height: HEADER, ..area }, buffer);
    match state.screen.tab {
        Tab::Attempts => list::draw(state, theme, body, buffer),
        Tab::Processes | Tab::Interfaces | Tab::Probes | Tab::Events => {
            tabs::draw(state, theme, body, buffer);
        }
    }
    header::footer(state, theme, Rect { y: y + height - FOOTER, height: FOOTER, ..area }, buffer);
    if state.screen.mode == Mode::Help {
        help::draw(theme, body, buffer);
    }
}

fn too_small(area: Rect, buffer: &mut Buffer) {
    let text = [
        "too small for kniwatch:".to_owned(),
        format!("{}x{}, not {COLUMNS}x{ROWS}", area.width, area.height),
        "q quits".to_owned(),
    ];
    lines(text.into_iter().map(Line::from), area, buffer);
}

/// As many lines as there is room for.
fn lines<'a>(lines: impl IntoIterator<Item = Line<'a>>, area: Rect, buffer: &mut Buffer) {
    for (y, line) in (area.y..area.bottom()).zip(lines) {
        buffer.set_line(area.x, y, &line, area.width);
    }
}

/// The lines from the state's place on, which is put right: the last line doesn't leave the lower edge.
fn scrolled(state: &mut State, all: Vec<Line<'_>>, area: Rect, buffer: &mut Buffer) {
    let rows = usize::from(area.height);
    state.screen.page = rows;
    state.screen.top = state.screen.top.min(all.len().saturating_sub(rows));
    lines(all.into_iter().skip(state.screen.top), area, buffer);
}

#[cfg(test)]
mod tests;
