//! What was seen of one attempt: the facts that a verdict is drawn from.

use kni_ebpf::hook::Hook;
use kni_ebpf::kni::{NR_CREATE, request_nr};

use super::asked::Asked;
use super::crashes::Crash;
use super::library::{Library, iova_mode};
use super::passages::{Arguments, Busy, ModuleLog, Open, Passage, Request};
use super::request::claimed_name;
use crate::event::{Call, Nanos, Phase, Read, Step, Task};
use crate::release::layout_of;
use crate::report;
use crate::untrusted::Untrusted;

/// Steps that are kept for the report, of the first and the last ones half each. The facts below
/// are complete whatever their number.
const MAX_STEPS: usize = 64;

/// One thread's way from its outermost function to that one's return.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Who.
    pub task: Task,
    /// When the outermost function was entered.
    pub began: Nanos,
    /// The last that was seen.
    pub last: Nanos,
    /// The outermost function; `None` as long as neither its entry nor its return was seen.
    pub outermost: Option<Hook>,
    /// Its entry was seen.
    pub entry_seen: bool,
    /// Records that may have been lost of it.
    pub lost: u64,
    /// What `rte_kni_alloc` was called with.
    pub arguments: Option<Arguments>,
    /// How many interfaces `rte_kni_init` was to make room for, or which `rte_kni_release` was to release.
    pub argument: Option<u64>,
    /// What went on inside the library.
    pub library: Library,
    /// Opening `/dev/kni`, the last time.
    pub open: Option<Open>,
    /// The CREATE request.
    pub call: Option<Request>,
    /// What the kernel was asked with.
    pub asked: Asked,
    /// A system call inside the library that another than its caller refused, and that may have been
    /// the request: its number is not known.
    pub refused_unknown: bool,
    /// `kni_compat_ioctl`.
    pub compat: Option<Passage>,
    /// `kni_ioctl`.
    pub dispatcher: Option<Passage>,
    /// The file that the dispatcher was entered for.
    pub file: Option<u64>,
    /// `kni_ioctl_create`.
    pub handler: Option<Passage>,
    /// `alloc_netdev_mqs`: whether it returned a device.
    pub allocated: Option<bool>,
    /// `register_netdev`: what it returned.
    pub registered: Option<i32>,
    /// `kthread_create_on_node`: the errno it failed with, if it did.
    pub thread_errno: Option<i32>,
    /// The names, and the index.
    pub interface: report::Interface,
    /// What the log of the kernel adds, once the attempt has ended.
    pub module: ModuleLog,
    /// How the process ended, if that was the end of it.
    pub death: Option<report::ProcessEnd>,
    /// The kernel's report of its thread's death inside the kernel.
    pub crash: Option<Crash>,
    /// What it was last seen waiting for, if it took long.
    pub waiting: Option<report::Waiting>,
    /// For the report.
    pub steps: Vec<report::Step>,
}

impl Observed {
    /// The way that a thread has begun at `began`.
    #[must_use]
    pub fn new(task: &Task, began: Nanos, lost: u64) -> Self {
        Self {
            task: task.clone(),
            began,
            last: began,
            outermost: None,
            entry_seen: false,
            lost,
            arguments: None,
            argument: None,
            library: Library::default(),
            open: None,
            call: None,
            asked: Asked::default(),
            refused_unknown: false,
            compat: None,
            dispatcher: None,
            file: None,
            handler: None,
            allocated: None,
            registered: None,
            thread_errno: None,
            interface: report::Interface::default(),
            module: ModuleLog::default(),
            death: None,
            crash: None,
            waiting: None,
            steps: Vec::new(),
        }
    }

    /// Takes a step; `busy` says who has the device, if this step was refused for that.
    pub(super) fn step(&mut self, at: Nanos, step: &Step, busy: &Busy) {
        self.passed(at, step.hook, step.phase);
        self.asked.step(step);
        self.show(at, step.hook, step.text.text(), step.phase, step.rte_errno);
        if let Some(shown) = self.steps.last_mut() {
            shown.detail = step.detail.text().cloned();
        }
        match step.phase {
            Phase::Enter => self.entered(at, step),
            Phase::Return { value, .. } => self.returned(at, step, value, busy),
        }
    }

    /// Takes a request, other than those that create nothing.
    pub(super) fn call(&mut self, at: Nanos, call: &Call) {
        self.passed(at, Hook::Ioctl, call.phase);
        self.asked.call(call);
        if let Phase::Return { value, entered: None } = call.phase
            && call.cmd == 0
        {
            // Whether it was a request is not known. A terminal's ioctl on another file, as stdio
            // makes it, answers so; nothing that refuses system calls does.
            self.refused_unknown |= value < 0 && as_int(value) != -libc::ENOTTY;
            return;
        }
        if request_nr(call.cmd) != NR_CREATE {
            return;
        }
        self.show(at, Hook::Ioctl, None, call.phase, None);
        let Call { fd, cmd, .. } = *call;
        match call.phase {
            Phase::Enter => {
                let claimed = claimed_name(cmd, &call.info);
                self.interface.claimed = claimed.or(self.interface.claimed.take());
                let layout = layout_of(cmd, call.info.bytes());
                self.call = Some(Request { fd, cmd, returned: None, unpaired: false, layout });
            }
            Phase::Return { value, entered } => {
                let unpaired = entered.is_none() && self.call.is_none();
                let layout = layout_of(cmd, None);
                let request = Request { fd, cmd, returned: None, unpaired, layout };
                let request = self.call.get_or_insert(request);
                request.returned = Some(as_int(value));
            }
        }
    }

    /// Notes what its outermost function is, and whether that was seen entered.
    fn passed(&mut self, at: Nanos, hook: Hook, phase: Phase) {
        self.last = self.last.max(at);
        match phase {
            Phase::Enter if at == self.began => {
                self.outermost = Some(hook);
                self.entry_seen = true;
            }
            Phase::Return { entered: Some(entered), .. } if entered == self.began => {
                self.outermost.get_or_insert(hook);
            }
            Phase::Enter | Phase::Return { .. } => {}
        }
    }

    /// Whether a step of `hook` is the end of it.
    pub(super) fn is_ended_by(&self, hook: Hook, phase: Phase) -> bool {
        matches!(phase, Phase::Return { .. }) && self.outermost == Some(hook)
    }

    fn entered(&mut self, at: Nanos, step: &Step) {
        let passage = Some(Passage { entered: at, returned: None });
        match step.hook {
            Hook::LibraryAlloc => {
                let [pool, conf, _] = step.args;
                let (name, pool_name) = (step.text.clone(), step.detail.clone());
                self.interface.claimed = name.text().cloned();
                self.arguments = Some(Arguments { pool, conf, name, pool_name });
            }
            Hook::LibraryInit | Hook::LibraryRelease => self.argument = step.args.first().copied(),
            Hook::LibraryLog => self.library.hear(&step.text),
            Hook::Panic => self.library.give_up(step),
            Hook::TailqLock => self.library.locked = true,
            Hook::Dispatcher if creates(step) => {
                self.dispatcher = passage;
                self.file = step.args.first().copied().filter(|file| *file != 0);
            }
            Hook::CompatDispatcher if creates(step) => self.compat = passage,
            Hook::Handler => self.handler = passage,
            _ => {}
        }
    }

    fn returned(&mut self, at: Nanos, step: &Step, value: i64, busy: &Busy) {
        let name = || step.text.text().cloned();
        match step.hook {
            Hook::LibraryAlloc => self.read_again(step),
            Hook::MemzoneLookup => self.library.look_up(name(), value != 0),
            Hook::MemzoneReserve => self.library.reserve(name(), value != 0, step.rte_errno),
            Hook::IovaMode => self.library.iova_mode = iova_mode(value),
            Hook::Open | Hook::DeviceOpen => self.opened(errno(value), busy),
            Hook::Dispatcher => leave(&mut self.dispatcher, at, value, creates(step)),
            Hook::CompatDispatcher => leave(&mut self.compat, at, value, creates(step)),
            Hook::Handler => leave(&mut self.handler, at, value, true),
            Hook::AllocNetdev => {
                self.allocated = Some(value != 0);
                self.interface.consumed = name();
            }
            Hook::RegisterNetdev => {
                self.registered = Some(as_int(value));
                if value == 0 {
                    self.interface.actual = name();
                    self.interface.ifindex = step.args.get(1).and_then(|index| index_of(*index));
                }
            }
            Hook::CreateThread => self.thread_errno = errno(value),
            _ => {}
        }
    }

    fn opened(&mut self, errno: Option<i32>, busy: &Busy) {
        let before = self.open.take().filter(|before| before.errno == errno).unwrap_or_default();
        let Busy { holder, stuck } = busy.clone();
        self.open = Some(Open { errno, holder: holder.or(before.holder), stuck: stuck.or(before.stuck) });
    }

    /// What could not be read of the arguments before `rte_kni_alloc` may be in memory after it.
    fn read_again(&mut self, step: &Step) {
        let Some(arguments) = &mut self.arguments else { return };
        for (known, again) in [(&mut arguments.name, &step.text), (&mut arguments.pool_name, &step.detail)] {
            if matches!(known, Read::Failed(_)) && again.text().is_some() {
                known.clone_from(again);
            }
        }
        if self.interface.claimed.is_none() {
            self.interface.claimed = arguments.name.text().cloned();
        }
    }

    fn show(
        &mut self,
        at: Nanos,
        hook: Hook,
        text: Option<&Untrusted>,
        phase: Phase,
        rte_errno: Option<i32>,
    ) {
        if self.steps.len() >= MAX_STEPS {
            self.steps.remove(MAX_STEPS / 2);
        }
        let (value, took_ns) = phase.returned(at);
        self.steps.push(report::Step {
            hook: hook.name(),
            place: hook.place(),
            text: text.cloned(),
            detail: None,
            after_ns: at.saturating_sub(self.began),
            value,
            took_ns,
            rte_errno,
        });
    }

    /// Whether the kernel was seen to be asked for an interface.
    #[must_use]
    pub fn is_issued(&self) -> bool {
        self.call.is_some() || self.is_in_kernel()
    }

    /// Whether any function of the module was seen entered for it.
    #[must_use]
    pub fn is_in_kernel(&self) -> bool {
        self.compat.is_some() || self.dispatcher.is_some() || self.handler.is_some()
    }

    /// Whether it asks for an interface: it is in `rte_kni_alloc`, or has issued the request.
    pub(super) fn wants_interface(&self) -> bool {
        self.outermost == Some(Hook::LibraryAlloc) || self.is_issued()
    }

    /// Whether it was last seen inside the request.
    #[must_use]
    pub fn is_inside_kernel(&self) -> bool {
        let calling = self.call.as_ref().map(|call| call.returned.is_none());
        let passages = [self.compat, self.dispatcher, self.handler];
        calling.unwrap_or_else(|| passages.into_iter().flatten().any(|passage| passage.returned.is_none()))
    }

    /// What user space was told: 0 or a negative errno. Where the system call itself was not seen,
    /// what the function beneath it returned, which the kernel passes on.
    #[must_use]
    pub fn answer(&self) -> Option<i32> {
        let told =
            |passage: Option<Passage>| passage.and_then(|passage| passage.returned).map(|(_, value)| value);
        let call = self.call.as_ref().and_then(|call| call.returned);
        call.or(told(self.compat)).or(told(self.dispatcher)).or(told(self.handler))
    }

    /// All names that it goes by, for lines of the kernel's log; an empty one is none in what is told.
    pub(super) fn names(&self) -> Vec<&Untrusted> {
        static EMPTY: Untrusted = Untrusted::EMPTY;
        let report::Interface { claimed, consumed, actual, .. } = &self.interface;
        let nameless = self.allocated.is_some() && consumed.is_none();
        [consumed, claimed, actual].into_iter().flatten().chain(nameless.then_some(&EMPTY)).collect()
    }
}

/// Whether a step of a dispatcher is of a CREATE request.
fn creates(step: &Step) -> bool {
    step.args.get(1).is_some_and(|cmd| u32::try_from(*cmd).is_ok_and(|cmd| request_nr(cmd) == NR_CREATE))
}

fn leave(passage: &mut Option<Passage>, at: Nanos, value: i64, creates: bool) {
    let returned = Some((at, as_int(value)));
    match passage {
        Some(passage) => passage.returned = returned,
        // Its entry was not seen, but there must have been one.
        None if creates => *passage = Some(Passage { entered: at, returned }),
        None => {}
    }
}

fn index_of(index: u64) -> Option<u32> {
    u32::try_from(index).ok().filter(|index| *index != 0)
}

/// What a function returned that returns an `int`.
#[expect(clippy::cast_possible_truncation, reason = "the upper half of the register means nothing")]
pub(super) const fn as_int(value: i64) -> i32 {
    value as i32
}

/// The (positive) errno that a function returned, if it failed. Of pointers it takes the whole.
pub(super) fn errno(value: i64) -> Option<i32> {
    const MAX_ERRNO: i64 = 4095;
    (-MAX_ERRNO..0).contains(&value).then(|| as_int(-value))
}
