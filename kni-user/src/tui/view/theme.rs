//! Colour as a second signal: what it says, words say too.

use ratatui::style::{Color, Modifier, Style};

use crate::sink::text::told::Tone;

/// Whether there is colour.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Theme {
    /// Else bold and reversed alone set things off.
    pub color: bool,
}

impl Theme {
    pub(super) fn tone(self, tone: Tone) -> Style {
        let color = match tone {
            Tone::Good => Color::Green,
            Tone::Bad => Color::Red,
            Tone::Doubtful => Color::Yellow,
        };
        let style = Style::new().add_modifier(Modifier::BOLD);
        if self.color { style.fg(color) } else { style }
    }

    /// What frames the rest: headings, rules, keys.
    pub(super) fn faint(self) -> Style {
        if self.color { Style::new().fg(Color::Cyan) } else { Style::new() }
    }

    pub(super) fn strong() -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(super) fn selected() -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }
}
