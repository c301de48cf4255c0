//! One attempt as bars over time: what the full-screen view, the page and the trace draw.
//!
//! Entries and returns are paired to spans, each in the lane of the boundary that it belongs to. Pure geometry: what
//! spans are called and how they ended stays as it is in the report, and whoever draws it escapes it.

mod pair;
mod reach;
#[cfg(test)]
mod tests;

use kni_ebpf::hook::Hook;

use crate::report::{Attempt, Boundary, Outcome, Returned, Step};
use crate::untrusted::Untrusted;

/// The boundaries, outermost first: the order of the lanes.
const BOUNDARIES: [Boundary; 4] = [Boundary::Library, Boundary::Syscall, Boundary::Module, Boundary::Network];

/// An attempt over the four boundaries.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Waterfall {
    /// From its first step to its last, or for as long as it has lasted; nanoseconds. No span goes beyond.
    pub length_ns: u64,
    /// Library, syscall, module, network.
    pub lanes: [Lane; 4],
}

/// What happened at one boundary.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lane {
    /// Which.
    pub boundary: Boundary,
    /// Whether the attempt came there.
    pub reach: Reach,
    /// In the order in which they begin; an outer one stands before those inside it.
    pub spans: Vec<Span>,
}

/// Whether an attempt came to a boundary.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// It did: that was seen, or follows from what was.
    Reached,
    /// It did not, as its verdict shows.
    NotReached,
    /// Nothing was seen of it, which does not show that there was nothing.
    NotKnown,
}

/// One call of a function, or a moment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Span {
    /// Where.
    pub hook: Hook,
    /// Its string argument.
    pub text: Option<Untrusted>,
    /// A second one (see [`Step::detail`]).
    pub detail: Option<Untrusted>,
    /// Nanoseconds after the attempt's first step.
    pub start_ns: u64,
    /// Nanoseconds after the attempt's first step; the same as the start for a moment and where the entry was not
    /// seen.
    pub end_ns: u64,
    /// How many spans of its lane it lies in.
    pub depth: usize,
    /// How it ended.
    pub ending: Ending,
    /// DPDK's own errno after it, where it returned NULL and that could be read.
    pub rte_errno: Option<i32>,
    /// Whether it is the step that the attempt failed at: the first that failed, or that it died in.
    pub failed: bool,
}

/// How a span ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// It is a moment, and has no end: something was logged.
    Moment,
    /// It returned this.
    Returned(Returned),
    /// Its return was not seen; what it lies in returned.
    Unseen,
    /// It has not returned: the thread is still inside, or died there.
    Inside,
}

impl Waterfall {
    /// The bars of `attempt`.
    #[must_use]
    pub fn of(attempt: &Attempt) -> Self {
        let last = attempt.steps.iter().map(|step| step.after_ns).max().unwrap_or(0);
        let length_ns = attempt.duration_ns.max(last);
        let mut spans = pair::spans(attempt, length_ns);
        if let Some(failed) = failed(attempt, &spans)
            && let Some(span) = spans.get_mut(failed)
        {
            span.failed = true;
        }
        let lanes = BOUNDARIES.map(|boundary| {
            let of_lane = |span: &&Span| lane_of(span.hook) == boundary;
            let mut spans: Vec<Span> = spans.iter().filter(of_lane).cloned().collect();
            pair::nest(&mut spans);
            Lane { boundary, reach: Reach::NotKnown, spans }
        });
        let mut waterfall = Self { length_ns, lanes };
        reach::decide(attempt, &mut waterfall);
        waterfall
    }

    /// The span that the attempt failed at.
    #[must_use]
    pub fn failed(&self) -> Option<&Span> {
        self.lanes.iter().flat_map(|lane| &lane.spans).find(|span| span.failed)
    }
}

impl Span {
    /// How long it took; none: that is not known, or it is a moment.
    #[must_use]
    pub fn took_ns(&self) -> Option<u64> {
        let took = self.end_ns.saturating_sub(self.start_ns);
        (took > 0).then_some(took)
    }

    fn of(step: &Step, hook: Hook, start_ns: u64, end_ns: u64, ending: Ending) -> Self {
        Self {
            hook,
            text: step.text.clone(),
            detail: step.detail.clone(),
            start_ns,
            end_ns: end_ns.max(start_ns),
            depth: 0,
            ending,
            rte_errno: step.rte_errno,
            failed: false,
        }
    }
}

/// Which boundary's lane shows a hook.
#[must_use]
pub const fn lane_of(hook: Hook) -> Boundary {
    match hook {
        Hook::LibraryInit
        | Hook::LibraryAlloc
        | Hook::LibraryRelease
        | Hook::LibraryClose
        | Hook::TailqLock
        | Hook::MemzoneLookup
        | Hook::MemzoneReserve
        | Hook::IovaMode
        | Hook::LibraryLog
        | Hook::Panic
        | Hook::PoolCreate
        | Hook::MempoolCreate
        | Hook::RingCreate
        // The program's own doing.
        | Hook::Fork
        | Hook::Exec
        | Hook::Exit => Boundary::Library,
        Hook::Open | Hook::Ioctl => Boundary::Syscall,
        Hook::Dispatcher
        | Hook::CompatDispatcher
        | Hook::Handler
        | Hook::DeviceOpen
        | Hook::DeviceRelease
        // The module starts its thread itself: what fails there is told as the module's.
        | Hook::CreateThread
        | Hook::SetUpRequest
        | Hook::ModuleLoad
        | Hook::ModuleFree => Boundary::Module,
        Hook::AllocNetdev | Hook::RegisterNetdev => Boundary::Network,
    }
}

/// The span that the attempt failed at: of those that failed the one that returned first, at the boundary of the
/// verdict if any did there; of one that died, the innermost that it was inside.
fn failed(attempt: &Attempt, spans: &[Span]) -> Option<usize> {
    match attempt.outcome {
        Outcome::Died => spans.iter().rposition(|span| span.ending == Ending::Inside),
        Outcome::Stopped | Outcome::NotAttempted => {
            let failures =
                attempt.steps.iter().filter(|step| step.failure(attempt.subject.as_ref()).is_some());
            let found = |step: &Step| {
                let hook = Hook::from_name(step.hook)?;
                let ends = |span: &Span| {
                    span.hook == hook
                        && span.end_ns == step.after_ns
                        && step.returned().map(Ending::Returned) == Some(span.ending)
                };
                spans.iter().position(ends)
            };
            let at = |index: &usize| spans.get(*index).map(|span| lane_of(span.hook)) == attempt.boundary;
            let mut failed = failures.filter_map(found);
            let first = failed.next()?;
            Some(if at(&first) { first } else { failed.find(at).unwrap_or(first) })
        }
        Outcome::Created
        | Outcome::CreatedElsewhere
        | Outcome::CreatedDoomed
        | Outcome::InProgress
        | Outcome::Inconclusive => None,
    }
}
