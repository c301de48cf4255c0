//! Streams for tests, told as the threads lived them: entries and returns nest by themselves.

mod acts;
mod answer;
pub(crate) mod elf;
pub(crate) mod machine;
mod recordings;
pub(crate) mod structs;

use std::collections::BTreeMap;

use kni_ebpf::hook::Hook;
use kni_ebpf::kni::{NR_CREATE, request_nr};
use kni_ebpf::record::{EXIT_CODE_KNOWN, EXIT_WHOLE, EXIT_WHOLE_KNOWN};

use crate::event::{
    Call, Coverage, DeviceInfo, End, Event, Holder, HookState, Interface, KernelLog, Ledger, Mapped, Module,
    Nanos, Object, Phase, Process, Question, Read, Start, Step, Task, What,
};
use crate::untrusted::Untrusted;

pub(crate) use acts::Kernel;
pub(crate) use answer::Answer;
pub(crate) use recordings::{events, recordings};
use structs::Struct;

/// CREATE of DPDK 22.11.
pub(crate) const CREATE: u32 = 0xc088_0002;
/// RELEASE of DPDK 22.11.
pub(crate) const RELEASE: u32 = 0xc088_0003;
/// Between two events.
pub(crate) const STEP_NS: Nanos = 1_000;
/// A descriptor, a pool, a configuration, a handle: anything but none.
pub(crate) const SOME: u64 = 0xffff_8000;

/// Hooks that live in files: in a library or an executable.
pub(crate) const IN_OBJECTS: [Hook; 13] = [
    Hook::RingCreate,
    Hook::MempoolCreate,
    Hook::PoolCreate,
    Hook::LibraryInit,
    Hook::LibraryAlloc,
    Hook::LibraryRelease,
    Hook::LibraryClose,
    Hook::TailqLock,
    Hook::MemzoneLookup,
    Hook::MemzoneReserve,
    Hook::IovaMode,
    Hook::LibraryLog,
    Hook::Panic,
];

/// A thread.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Who {
    pub(crate) pid: u32,
    pub(crate) tid: u32,
}

/// The only thread of the process `pid`.
pub(crate) const fn process(pid: u32) -> Who {
    Who { pid, tid: pid }
}

/// A stream under construction.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) events: Vec<Event>,
    pub(crate) now: Nanos,
    inside: BTreeMap<u32, Vec<(Hook, Nanos, bool)>>,
}

impl Stream {
    /// All hooks are live, but `without` these.
    pub(crate) fn new(question: Question, without: &[Hook]) -> Self {
        let mut stream = Self { events: Vec::new(), now: 1_000_000, inside: BTreeMap::new() };
        stream.push(What::Start(start(question)));
        for hook in Hook::ALL {
            let missing = HookState::Missing { reason: "left out".to_owned() };
            stream.cover(hook, if without.contains(&hook) { missing } else { HookState::Live });
        }
        stream.push(What::Armed);
        stream
    }

    /// The hooks in the kernel are live; no library has been looked at yet.
    pub(crate) fn before_any_library() -> Self {
        let mut stream = Self::watch();
        let in_file =
            |event: &Event| matches!(&event.what, What::Coverage(of) if IN_OBJECTS.contains(&of.hook));
        stream.events.retain(|event| !in_file(event));
        stream
    }

    pub(crate) fn watch() -> Self {
        Self::new(Question::Watch, &[])
    }

    pub(crate) fn without(hooks: &[Hook]) -> Self {
        Self::new(Question::Watch, hooks)
    }

    pub(crate) fn push(&mut self, what: What) -> Nanos {
        self.now += STEP_NS;
        self.events.push(Event { at: self.now, what });
        self.now
    }

    pub(crate) fn cover(&mut self, hook: Hook, state: HookState) -> Nanos {
        self.push(What::Coverage(Coverage { hook, via: hook.place().into(), object: None, state }))
    }

    /// A library or executable is looked at: all hooks in it are in this state from now on.
    pub(crate) fn object(&mut self, path: &str, state: &HookState) {
        for hook in IN_OBJECTS {
            let (via, state) = (hook.place().into(), state.clone());
            self.push(What::Coverage(Coverage { hook, via, object: Some(path.into()), state }));
        }
        self.push(What::Object(Object { path: path.into(), ..Object::default() }));
    }

    /// A process runs code of a library of that name. All hooks are live in it, but `without` these.
    pub(crate) fn library(&mut self, pid: u32, soname: &str, without: &[Hook]) {
        let path: Untrusted = format!("/usr/lib/{soname}").as_str().into();
        for hook in IN_OBJECTS {
            let missing = HookState::Missing { reason: "no such symbol".to_owned() };
            let state = if without.contains(&hook) { missing } else { HookState::Live };
            let (via, object) = (hook.place().into(), Some(path.clone()));
            self.push(What::Coverage(Coverage { hook, via, object, state }));
        }
        let (soname, symbols) = (Some(soname.into()), vec!["rte_kni_alloc".to_owned()]);
        self.push(What::Object(Object { path: path.clone(), soname, symbols, ..Object::default() }));
        self.push(What::Mapped(Mapped { pid, object: path }));
    }

    /// Corrects the step that was told last.
    pub(crate) fn amend(&mut self, amend: impl FnOnce(&mut Step)) {
        if let Some(Event { what: What::Step(step), .. }) = self.events.last_mut() {
            amend(step);
        }
    }

    /// A process runs code of an object.
    pub(crate) fn maps(&mut self, pid: u32, path: &str) {
        self.push(What::Mapped(Mapped { pid, object: path.into() }));
    }

    /// What `/proc` says of a process that was started just now.
    pub(crate) fn process(&mut self, pid: u32, parent: u32) {
        let info = Process {
            pid,
            ns_pids: vec![pid],
            start_ns: self.now,
            exe: Some("/usr/bin/app".into()),
            parent,
            parent_comm: Some("supervisord".into()),
            netns: Some(4_026_531_840),
            mntns: None,
        };
        self.push(What::Process(info));
    }

    pub(crate) fn log(&mut self, text: &str) {
        let logged_ns = self.now - 500_000;
        self.push(What::KernelLog(KernelLog { sequence: 1, logged_ns, level: 6, text: text.into() }));
    }

    pub(crate) fn holder(&mut self, pid: u32, comm: &str) {
        self.push(What::Holder(Holder { pid, comm: comm.into() }));
    }

    pub(crate) fn interface(&mut self, pid: u32, name: &str, ifindex: u32) {
        self.interface_with(pid, name, ifindex, None);
    }

    pub(crate) fn interface_with(&mut self, pid: u32, name: &str, ifindex: u32, mtu: Option<u32>) {
        self.push(What::Interface(Interface { pid, name: name.into(), ifindex, mtu }));
    }

    /// The module that is loaded shows that struct: its size, and how long the name is in it.
    pub(crate) fn module(&mut self, shown: Option<(u32, Option<u32>)>) {
        let info =
            shown.map(|(size, name_bytes)| DeviceInfo { size, name_bytes, source: "its code".to_owned() });
        self.push(What::Module(Module { version: None, parameters: Vec::new(), info }));
    }

    /// Where the machine's memory ends.
    pub(crate) fn memory_ends(&mut self, at: u64) {
        if let Some(Event { what: What::Start(start), .. }) = self.events.first_mut() {
            start.memory_end = Some(at);
        }
    }

    pub(crate) fn lost(&mut self, lost: u64) {
        self.push(What::Ledger(Ledger { lost, ..Ledger::default() }));
    }

    fn step(
        &mut self,
        who: Who,
        hook: Hook,
        phase: Phase,
        (attempt, args, text): (Option<Nanos>, [u64; 3], &str),
    ) {
        let (text, detail) = (Read::Bytes(text.into()), Read::default());
        self.push(What::Step(Step {
            hook,
            task: task(who),
            phase,
            attempt,
            args,
            text,
            detail,
            rte_errno: None,
        }));
    }

    /// A function is entered.
    pub(crate) fn enter(&mut self, who: Who, hook: Hook, args: [u64; 3], text: &str) {
        let at = self.now + STEP_NS;
        let stack = self.inside.entry(who.tid).or_default();
        // The kernel closes a file for a thread that is in nothing else.
        stack.push((hook, at, hook != Hook::DeviceRelease));
        let attempt = stack.first().filter(|(_, _, tries)| *tries).map(|(_, began, _)| *began);
        self.step(who, hook, Phase::Enter, (attempt, args, text));
    }

    /// A function returns whose entry was recorded.
    pub(crate) fn leave(&mut self, who: Who, hook: Hook, value: i64, args: [u64; 3]) {
        let (attempt, entered) = self.pop(who, hook);
        let phase = Phase::Return { value, entered: Some(entered) };
        self.step(who, hook, phase, (attempt, args, ""));
    }

    /// A function that is recorded at its return alone.
    pub(crate) fn pass(&mut self, who: Who, hook: Hook, value: i64, args: [u64; 3], text: &str) {
        let entered = Some(self.now);
        let attempt = self.attempt(who);
        let phase = Phase::Return { value, entered };
        self.step(who, hook, phase, (attempt, args, text));
    }

    /// Something that only happens: a line of the library's log, a fork, an end.
    pub(crate) fn note(&mut self, who: Who, hook: Hook, args: [u64; 3], text: &str) {
        let attempt = self.attempt(who);
        self.step(who, hook, Phase::Enter, (attempt, args, text));
    }

    pub(crate) fn call(&mut self, who: Who, fd: i32, cmd: u32, name: &str) {
        self.call_with(who, (fd, cmd), &Struct::of(name).in_layout('D'));
    }

    /// A request with that struct behind it.
    pub(crate) fn call_with(&mut self, who: Who, (fd, cmd): (i32, u32), info: &[u8]) {
        let at = self.now + STEP_NS;
        let stack = self.inside.entry(who.tid).or_default();
        stack.push((Hook::Ioctl, at, request_nr(cmd) == NR_CREATE));
        let attempt = stack.first().filter(|(_, _, creates)| *creates).map(|(_, began, _)| *began);
        let info = Read::Bytes(info.into());
        self.push(What::Call(Call { task: task(who), phase: Phase::Enter, attempt, fd, cmd, info }));
    }

    pub(crate) fn answer(&mut self, who: Who, fd: i32, cmd: u32, value: i64) {
        let (attempt, entered) = self.pop(who, Hook::Ioctl);
        self.push_answer(who, attempt, Some(entered), (fd, cmd, value));
    }

    /// A system call returns that was never seen entered.
    pub(crate) fn unpaired(&mut self, who: Who, cmd: u32, value: i64) {
        let attempt = self.attempt(who);
        self.push_answer(who, attempt, None, (5, cmd, value));
    }

    fn push_answer(
        &mut self,
        who: Who,
        attempt: Option<Nanos>,
        entered: Option<Nanos>,
        (fd, cmd, value): (i32, u32, i64),
    ) {
        let phase = Phase::Return { value, entered };
        let info = Read::Bytes(Untrusted::default());
        self.push(What::Call(Call { task: task(who), phase, attempt, fd, cmd, info }));
    }

    fn attempt(&self, who: Who) -> Option<Nanos> {
        let outermost = self.inside.get(&who.tid)?.first()?;
        outermost.2.then_some(outermost.1)
    }

    fn pop(&mut self, who: Who, hook: Hook) -> (Option<Nanos>, Nanos) {
        let attempt = self.attempt(who);
        let (top, entered, _) = self.inside.get_mut(&who.tid).and_then(Vec::pop).expect("it was entered");
        assert_eq!(top, hook, "functions nest");
        (attempt, entered)
    }

    /// The thread ends, wherever it is.
    pub(crate) fn exit(&mut self, who: Who) {
        self.note(who, Hook::Exit, [0; 3], "");
        self.inside.remove(&who.tid);
    }

    /// The process ends with its last thread, which is `who`; `code` is as the kernel keeps it.
    pub(crate) fn ends(&mut self, who: Who, code: u64) {
        self.note(who, Hook::Exit, [code, EXIT_CODE_KNOWN | EXIT_WHOLE_KNOWN | EXIT_WHOLE, 0], "");
        self.inside.remove(&who.tid);
    }

    /// A thread ends, and others of its process are left.
    pub(crate) fn thread_ends(&mut self, who: Who, code: u64) {
        self.note(who, Hook::Exit, [code, EXIT_CODE_KNOWN | EXIT_WHOLE_KNOWN, 0], "");
        self.inside.remove(&who.tid);
    }

    /// Something could not be made: a pool, a ring.
    pub(crate) fn fails(&mut self, who: Who, hook: Hook, name: &str, rte_errno: i32) {
        self.pass(who, hook, 0, [0; 3], name);
        if let Some(Event { what: What::Step(step), .. }) = self.events.last_mut() {
            step.rte_errno = Some(rte_errno);
        }
    }

    pub(crate) fn end(mut self) -> Answer {
        self.push(What::End(End::Interrupted));
        Answer::of(&self.events)
    }
}

fn task(who: Who) -> Task {
    Task { pid: who.pid, tid: who.tid, comm: "app".into() }
}

fn start(question: Question) -> Start {
    Start {
        version: "0".to_owned(),
        host: "host".into(),
        kernel: "6.1.0".into(),
        unix_ns: 1_700_000_000_000_000_000,
        boot_ns: 0,
        utc_offset_s: 0,
        cpus_online: "0-1".into(),
        module: None,
        memory_end: None,
        netns: None,
        question,
    }
}
