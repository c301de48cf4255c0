//! The keys, on top of everything else.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget as _};

use super::cells::{cut, fill};
use super::lines;
use super::theme::Theme;

const KEYS: [(&str, &str); 12] = [
    ("up, down, k, j", "select an attempt, scroll"),
    ("page up, page down", "the same by pages"),
    ("home, end, g, G", "the newest, which is then followed; the oldest"),
    ("enter", "open the selected attempt, close it"),
    ("tab, shift-tab", "the next tab, the one before"),
    ("/", "show only attempts with these letters (enter keeps)"),
    ("esc", "close, give up the filter"),
    ("p", "hold the list still, go on"),
    ("e", "write the selected attempt as a page (HTML) here"),
    ("?", "this help"),
    ("^L, ^Z", "draw anew; back to the shell (fg returns)"),
    ("q, ^C", "quit"),
];
/// Columns of the keys.
const NAME: usize = 18;
const WIDTH: u16 = 76;

pub(super) fn draw(theme: Theme, area: Rect, buffer: &mut Buffer) {
    let width = WIDTH.min(area.width);
    let height = u16::try_from(KEYS.len() + 2).unwrap_or(u16::MAX).min(area.height);
    let area = Rect { x: area.x + (area.width - width) / 2, width, height, ..area };
    Clear.render(area, buffer);
    let width = usize::from(width);
    let inside = width.saturating_sub(4);
    let rule = || Line::styled(format!("+{}+", "-".repeat(width.saturating_sub(2))), theme.faint());
    let keys = KEYS.iter().map(|(key, does)| {
        Line::from(format!("| {} |", fill(&cut(&format!("{}  {does}", fill(key, NAME)), inside), inside)))
    });
    lines(std::iter::once(rule()).chain(keys).chain(std::iter::once(rule())), area, buffer);
}
