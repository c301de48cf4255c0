//! Set-up requests: what the kernel asks the program that owns an interface, and waits for.
//!
//! `kni_net_process_request` (`kni_net.c`) puts the request into a queue and waits up to 3 s for the program to call
//! `rte_kni_handle_request`, with the lock on all network configuration held.

use kni_ebpf::hook::Hook;

use super::interfaces::Asker;
use super::judge::unseen;
use super::observed::errno;
use super::{Correlator, Finding, Watch};
use crate::event::{Holder, Nanos, Phase, Step, Task};
use crate::report::Change;

/// What takes longer is told although it was granted: meanwhile nobody's network configuration went on.
const LONG: Nanos = 100_000_000;
/// Threads that are followed while they wait.
const MAX_ASKING: usize = 1024;

/// `enum rte_kni_req_id` of `rte_kni_common.h`: 3 came with 17.11, 4 with 18.05, 5 with 19.11.
const CHANGE_MTU: u64 = 1;
const CONFIGURE: u64 = 2;
const CHANGE_ADDRESS: u64 = 3;
const CHANGE_PROMISCUITY: u64 = 4;
const CHANGE_ALLMULTI: u64 = 5;

impl Correlator {
    /// A set-up request, told when it failed or took long.
    ///
    /// What the module asks as it removes an interface is not told: it is in the time that the release took. Nor is what
    /// the owner's thread asks when it may be removing it unseen.
    pub(super) fn set_up(&mut self, at: Nanos, step: &Step, watch: Watch) -> Vec<Finding> {
        let Task { pid, tid, .. } = step.task;
        let [request, ifindex, netns] = step.args;
        let ifindex = u32::try_from(ifindex).unwrap_or_default();
        let known = self.interfaces.called(step.text.text(), ifindex, netns);
        let was_up = known.as_ref().and_then(|known| known.was_up());
        let Phase::Return { value, entered } = step.phase else {
            if self.asking.len() < MAX_ASKING || self.asking.contains_key(&tid) {
                self.asking.insert(tid, (at, was_up));
            }
            return Vec::new();
        };
        let asked = self.asking.remove(&tid).filter(|(began, _)| entered == Some(*began));
        let Some(known) = known else { return Vec::new() };
        let was_up = asked.map_or(was_up, |(_, was_up)| was_up);
        let removes_unseen = || {
            let hooks = [Hook::Ioctl, Hook::DeviceRelease];
            let lost = unseen(&[], known.since, at, watch, &[]);
            !lost.is_empty() || !unseen(&hooks, entered.unwrap_or(at), at, watch, &[]).is_empty()
        };
        let is_release = self.removing.is_by(tid) || (known.is_owned_by(pid) && removes_unseen());
        let mut told = Vec::new();
        let errno = errno(value);
        let took_ns = entered.map_or(0, |entered| at.saturating_sub(entered));
        if !is_release && (errno.is_some() || took_ns >= LONG) {
            let by = Holder { pid, comm: step.task.comm.clone() };
            told.push(Change::SetUpRequest { request: words(request, was_up), errno, took_ns, by });
        }
        if request == CONFIGURE && was_up != Some(false) {
            let is_down = known.down.take().is_some();
            match (is_release, is_down) {
                (true, _) => known.asked = Some(Asker::Release),
                (false, true) => told.push(Change::Down),
                (false, false) => known.asked = Some(Asker::Other),
            }
        }
        told.into_iter().map(|what| Finding::Changed(known.changed(what))).collect()
    }
}

/// What is asked for of an interface that was up, or down, before.
fn words(request: u64, was_up: Option<bool>) -> &'static str {
    match (request, was_up) {
        (CHANGE_MTU, _) => "change the MTU",
        (CONFIGURE, Some(false)) => "set up",
        (CONFIGURE, Some(true)) => "set down",
        (CONFIGURE, None) => "set up or down",
        (CHANGE_ADDRESS, _) => "change the MAC address",
        (CHANGE_PROMISCUITY, _) => "change promiscuous mode",
        (CHANGE_ALLMULTI, _) => "change all-multicast mode",
        _ => "change something",
    }
}
