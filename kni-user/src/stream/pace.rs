//! How often time passes in the stream: in small steps while something goes on, in larger ones while nothing does.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// A step while something goes on.
const STEP: Duration = Duration::from_millis(100);
/// A step while nothing does: who leaves kniwatch open all day must not pay for it. Whatever comes ends it at once.
const IDLE_STEP: Duration = Duration::from_millis(500);
/// So long after the last news steps stay small: longer than anything is that a short silence concludes.
const ALERT: Duration = Duration::from_secs(3);

/// The steps, one after the other.
#[derive(Debug)]
pub(super) struct Pace {
    due: Instant,
    alert_until: Instant,
}

impl Pace {
    /// The first step is due at once.
    pub(super) fn new(now: Instant) -> Self {
        Self { due: now, alert_until: now + ALERT }
    }

    /// Waits until a step is due.
    pub(super) async fn step(&self) {
        sleep_until(self.due).await;
    }

    /// Something has happened.
    pub(super) fn news(&mut self, now: Instant) {
        self.alert_until = now + ALERT;
        self.due = self.due.min(now + STEP);
    }

    /// A step is taken.
    pub(super) fn stepped(&mut self, now: Instant) {
        self.due = now + if now < self.alert_until { STEP } else { IDLE_STEP };
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::{ALERT, IDLE_STEP, Pace, STEP};

    #[test]
    fn steps_are_small_as_long_as_there_are_news_and_a_while_after() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert_eq!(pace.due, start);
        for (at, is_news, next) in [
            (start, false, STEP),
            (start + ALERT - STEP, false, STEP),
            (start + ALERT, false, IDLE_STEP),
            (start + 2 * ALERT, true, STEP),
            (start + 3 * ALERT - STEP, false, STEP),
            (start + 3 * ALERT, false, IDLE_STEP),
        ] {
            if is_news {
                pace.news(at);
            }
            pace.stepped(at);
            assert_eq!(pace.due, at + next, "{:?}", at - start);
        }
    }

    #[test]
    fn news_end_a_large_step_and_put_off_no_small_one() {
        let start = Instant::now();
        let idle = start + ALERT;
        let mut pace = Pace::new(start);
        pace.stepped(idle);
        pace.news(idle + STEP);
        assert_eq!(pace.due, idle + 2 * STEP);
        for batch in 1..10 {
            pace.news(idle + STEP + batch * STEP / 10);
        }
        assert_eq!(pace.due, idle + 2 * STEP, "a flood stops no time");
    }
}
