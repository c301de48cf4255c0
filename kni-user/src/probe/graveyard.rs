//! Attachments that are of no use any more. Letting go of one takes the kernel tens of milliseconds, and while it does
//! so, others can't be made: so it is done aside, one by one, and never while the module's are being made.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::attach::Link;

/// So many wait at most, some ten generations of the module's hooks; with more, who adds to them waits.
const WAITING_MAX: usize = 128;

/// Left to who waits for the peace, after each.
const BREATH: Duration = Duration::from_millis(1);

/// See the module.
#[derive(Debug)]
pub(super) struct Graveyard<T = Link> {
    waiting: Vec<T>,
    /// Held while one goes, and while none may.
    peace: Arc<Mutex<()>>,
    digger: Option<JoinHandle<()>>,
}

impl<T> Default for Graveyard<T> {
    fn default() -> Self {
        Self { waiting: Vec::new(), peace: Arc::default(), digger: None }
    }
}

impl<T: Send + 'static> Graveyard<T> {
    /// Takes what is to go. It stays until [`Graveyard::bury`].
    pub(super) fn take(&mut self, dead: impl IntoIterator<Item = T>) {
        self.waiting.extend(dead);
        if self.waiting.len() > WAITING_MAX {
            self.finish();
        }
    }

    /// Lets go of all that waits, aside. Does nothing while that is being done already.
    pub(super) fn bury(&mut self) {
        if self.waiting.is_empty() || self.digger.as_ref().is_some_and(|digger| !digger.is_finished()) {
            return;
        }
        let (dead, peace) = (std::mem::take(&mut self.waiting), Arc::clone(&self.peace));
        let dig = move || dead.into_iter().for_each(|dead| let_go(&peace, dead));
        self.digger = Some(std::thread::spawn(dig));
    }

    /// What keeps everything where it is as long as it is held; see [`keep`].
    pub(super) fn peace(&self) -> Arc<Mutex<()>> {
        Arc::clone(&self.peace)
    }

    /// Lets go of everything, and waits for it.
    fn finish(&mut self) {
        if let Some(digger) = self.digger.take() {
            // It closes descriptors, and can't panic.
            drop(digger.join());
        }
        self.waiting.clear();
    }
}

/// Keeps the peace until it is dropped.
pub(super) fn keep(peace: &Mutex<()>) -> MutexGuard<'_, ()> {
    // It guards no data.
    peace.lock().unwrap_or_else(PoisonError::into_inner)
}

fn let_go<T>(peace: &Mutex<()>, dead: T) {
    let held = keep(peace);
    drop(dead);
    drop(held);
    // The lock goes to who asks first, and that would be the next one here.
    std::thread::sleep(BREATH);
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::{Graveyard, WAITING_MAX, keep};

    /// Tells when it goes.
    struct Grave(mpsc::Sender<()>);

    impl Drop for Grave {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
        }
    }

    #[test]
    fn what_is_buried_goes_but_not_in_peace() {
        let (gone, told) = mpsc::channel();
        let mut graveyard = Graveyard::default();
        graveyard.take([Grave(gone.clone()), Grave(gone)]);
        let peace = graveyard.peace();
        let kept = keep(&peace);
        graveyard.bury();
        assert!(told.try_recv().is_err());
        drop(kept);
        assert_eq!(told.iter().count(), 2);
    }

    #[test]
    fn what_waits_is_bounded() {
        let (gone, told) = mpsc::channel();
        let mut graveyard = Graveyard::default();
        for _ in 0..=WAITING_MAX {
            graveyard.take([Grave(gone.clone())]);
        }
        assert_eq!((graveyard.waiting.len(), told.try_iter().count()), (0, WAITING_MAX + 1));
    }
}
