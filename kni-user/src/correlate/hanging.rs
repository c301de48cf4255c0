//! Threads that are long inside an attempt, and threads that died inside the kernel.

use super::crashes::Crash;
use super::observed::Observed;
use super::{Correlator, Finding, Watch};
use crate::event::{Blocked, KernelLog, Nanos, Phase, Step};
use crate::report::{Diagnostic, Outcome, Waiting};
use crate::verdict::{End, waiting};

impl Correlator {
    /// Takes what the kernel shows of a thread that is long inside an attempt.
    ///
    /// One that the records place in the ioctl and that is seen elsewhere has left it without having been seen to.
    pub fn blocked(&mut self, at: Nanos, blocked: &Blocked, watch: Watch) -> Option<Finding> {
        let Blocked { pid, tid, state, ref stack, ref others } = *blocked;
        let seen = self.in_flight.get_mut(&tid).filter(|seen| seen.task.pid == pid)?;
        let in_kernel = seen.is_inside_kernel();
        let elsewhere = in_kernel && stack.as_deref().is_some_and(waiting::is_elsewhere);
        if elsewhere || matches!(state, 'X' | 'Z') {
            return self.finish(tid, End::Unknown, at, watch);
        }
        let what = waiting::waits_for(stack.as_deref(), in_kernel);
        let holder = waiting::holder_for(what, others);
        let before = seen.waiting.replace(Waiting {
            what,
            holder: holder.clone(),
            since_ns: at.saturating_sub(seen.began),
            stack: stack.clone().unwrap_or_default(),
        });
        let is_news = before.is_none_or(|before| (before.what, before.holder) != (what, holder));
        is_news.then(|| self.in_progress(tid, at, watch)).flatten()
    }

    /// An attempt as it stands, if all that is known of it is that it takes long.
    fn in_progress(&self, tid: u32, at: Nanos, watch: Watch) -> Option<Finding> {
        let seen = self.in_flight.get(&tid).filter(|seen| seen.wants_interface())?;
        let verdict = self.decide(seen, End::InFlight, at, watch)?;
        if verdict.outcome != Outcome::InProgress {
            return None;
        }
        let mut attempt = self.attempt(seen, verdict, self.log_so_far(seen, at), at);
        attempt.is_final = false;
        Some(Finding::InProgress(Box::new(attempt)))
    }

    /// Takes a line of the kernel's log.
    pub fn kernel_log(&mut self, at: Nanos, line: &KernelLog) {
        self.lines.push(at, line);
        if let Some(crash) = self.crashes.push(at, &line.text).filter(|crash| crash.is_in_release()) {
            self.closings.died(&crash.thread);
        }
    }

    /// Records flow from now on: who died before died in nothing that was seen.
    pub fn armed(&mut self) {
        self.crashes.forget();
    }

    /// A thread enters `kni_release`, or returns from it.
    pub(super) fn follow_closing(&mut self, at: Nanos, step: &Step) {
        match step.phase {
            Phase::Enter => {
                let netns = self.processes.netns(step.task.pid);
                self.closings.entered(at, step, netns);
            }
            Phase::Return { .. } => self.closings.left(step.task.tid),
        }
    }

    /// Threads that died in the kernel without their end having been recorded end now.
    pub(super) fn dead_unseen(&mut self, at: Nanos, watch: Watch) -> Vec<Finding> {
        let dead = self.crashes.tick();
        dead.into_iter().filter_map(|tid| self.died(tid, at, watch)).collect()
    }

    /// Whoever is known to have died and was not told of yet.
    pub(super) fn left_dead(&mut self, at: Nanos, watch: Watch) -> Vec<Finding> {
        let dead = self.crashes.threads();
        dead.into_iter().filter_map(|tid| self.died(tid, at, watch)).collect()
    }

    fn died(&mut self, tid: u32, at: Nanos, watch: Watch) -> Option<Finding> {
        let began = self.in_flight.get(&tid).map(|seen| seen.began);
        if began.is_some_and(|began| self.crashes.has(tid, began)) {
            return self.finish(tid, End::Died, at, watch);
        }
        let crash = self.crashes.claim(tid, 0)?;
        Some(Finding::Noted(self.outside_of_attempts(crash)))
    }

    fn outside_of_attempts(&self, crash: Crash) -> Diagnostic {
        let device_stuck = crash.is_in_release();
        let Crash { thread, at, functions, log } = crash;
        let closing = self.closings.of(thread.pid);
        let interfaces = match closing {
            Some(closing) => self.interfaces.of(closing.pid, Some(closing.file)),
            None => self.interfaces.of(thread.pid, None),
        };
        let function = functions.into_iter().next_back().unwrap_or_default();
        Diagnostic::DiedInModule { thread, function, at, device_stuck, interfaces, log }
    }

    /// Gives an attempt the kernel's report of its thread's death, if there is one.
    pub(super) fn claim_crash(&mut self, seen: &mut Observed) {
        if seen.is_inside_kernel() {
            seen.crash = self.crashes.claim(seen.task.tid, seen.began);
        }
    }
}
