//! Streams as nobody sane would make them: whatever comes, it is told, and nothing panics.

use kni_ebpf::hook::Hook;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::scripts::CMD;
use crate::engine::Engine;
use crate::event::{
    Blocked, Call, DeviceInfo, Event, Holder, Interface, KernelLog, Ledger, Link, LinkState, Module, Moved,
    Phase, Process, Question, Read, Stack, Step, Task, What,
};
use crate::expectation::Expectation;
use crate::sink::jsonl::JsonLines;
use crate::sink::text::{Text, TextOptions};
use crate::sink::{Sink, escape};
use crate::testing::{CREATE, Stream};
use crate::untrusted::Untrusted;

proptest! {
    #[test]
    fn no_stream_makes_it_panic_or_breaks_its_lines(events in vec(event(), 0..60), verbose: bool) {
        let (mut engine, mut reports) = (Engine::new(), Vec::new());
        for event in &events {
            engine.feed(event, &mut reports);
        }
        let (mut lines, mut json) = (Vec::new(), Vec::new());
        let options = TextOptions { verbose, ..TextOptions::default() };
        let (mut text, mut objects) = (Text::new(&mut lines, options), JsonLines::new(&mut json));
        for report in &reports {
            text.tell(report).unwrap();
            objects.tell(report).unwrap();
        }
        let lines = String::from_utf8(lines).unwrap();
        prop_assert!(lines.lines().all(|line| escape::width(line) <= 80), "{lines}");
        prop_assert!(lines.chars().all(|c| c == '\n' || !c.is_control()), "{lines}");
    }
}

fn nanos() -> impl Strategy<Value = u64> {
    prop_oneof![0..20u64, Just(u64::MAX), Just(u64::MAX / 2)]
}

fn text() -> impl Strategy<Value = Read> {
    prop_oneof![
        proptest::sample::select(&["", "a", "vEth0", "KNI: KNI already exists", "PANIC in %s"][..])
            .prop_map(|text| Read::Bytes(text.into())),
        Just(Read::Failed(-14)),
    ]
}

fn phase() -> impl Strategy<Value = Phase> {
    let value =
        prop_oneof![Just(0i64), Just(-22), Just(-16), Just(5), Just(i64::MIN), Just(i64::MAX), any::<i64>()];
    prop_oneof![
        Just(Phase::Enter),
        (value, option::of(nanos())).prop_map(|(value, entered)| Phase::Return { value, entered }),
    ]
}

fn task() -> impl Strategy<Value = Task> {
    (0..4u32, 0..4u32).prop_map(|(pid, tid)| Task { pid, tid, comm: "a".into() })
}

fn what() -> impl Strategy<Value = What> {
    let hook = proptest::sample::select(Hook::ALL.as_slice());
    let args = prop_oneof![Just([0; 3]), Just(CMD), Just([1, 0, 2]), any::<[u64; 3]>()];
    let cmd = proptest::sample::select(&[CREATE, 0xc088_0003, 0xc004_0001, 0, u32::MAX][..]);
    let attempt = || option::of(nanos());
    prop_oneof![
        8 => (hook, task(), phase(), attempt(), args, text()).prop_map(|(hook, task, phase, attempt, args, text)| {
            What::Step(Step { hook, task, phase, attempt, args, text, detail: Read::default(), rte_errno: None })
        }),
        4 => (task(), phase(), attempt(), any::<i32>(), cmd, text()).prop_map(|(task, phase, attempt, fd, cmd, info)| {
            What::Call(Call { task, phase, attempt, fd, cmd, info })
        }),
        1 => (0..4u32, nanos(), 0..4u32, netns()).prop_map(|(pid, start_ns, parent, netns)| What::Process(Process {
            pid, ns_pids: vec![pid], start_ns, exe: None, parent, parent_comm: None, netns: Some(netns), mntns: None,
        })),
        1 => any::<[u64; 4]>().prop_map(|[lost, missed, displaced, undecoded]| What::Ledger(Ledger {
            lost, missed, displaced, undecoded, ..Ledger::default()
        })),
        3 => (nanos(), line()).prop_map(|(logged_ns, text)| What::KernelLog(KernelLog {
            sequence: 0, logged_ns, level: 0, text,
        })),
        1 => Just(What::Holder(Holder { pid: 1, comm: "a".into() })),
        2 => link().prop_map(What::Link),
        2 => blocked().prop_map(What::Blocked),
        1 => module().prop_map(What::Module),
        1 => (0..4u32, name(), 0..3u32, any::<Option<u32>>()).prop_map(|(pid, name, ifindex, mtu)| {
            What::Interface(Interface { pid, name, ifindex, mtu })
        }),
        1 => Just(What::Armed),
        1 => Just(What::Tick),
        1 => Just(Stream::new(Question::Check { expect: vec![], expect_outcome: Expectation::CREATED, within_ns: u64::MAX, runs_command: true }, &[]))
            .prop_map(|stream| stream.events[0].what.clone()),
        1 => (0..4u32).prop_map(|pid| What::CommandStarted { pid }),
        1 => Just(What::CommandEnded { pid: 1, status: None, signal: None }),
        1 => Just(What::End(crate::event::End::Done)),
    ]
}

/// Names as somebody would choose them who wishes us ill; few, so that they meet.
fn name() -> impl Strategy<Value = Untrusted> {
    const ILL: [&str; 7] =
        ["", "vEth0", "x%d", "a b\u{1b}[2J\u{202e}", "\"CREATED\"", "rtnl_lock", "kni_ioctl_create"];
    prop_oneof![
        proptest::sample::select(ILL.as_slice()).prop_map(Untrusted::from),
        vec(any::<u8>(), 0..40).prop_map(|bytes| Untrusted::from(bytes.as_slice())),
    ]
}

fn netns() -> impl Strategy<Value = u64> {
    prop_oneof![0..3u64, Just(u64::MAX)]
}

fn link() -> impl Strategy<Value = Link> {
    let state = any::<Option<(bool, bool)>>();
    let moved = option::of((option::of(netns()), option::of(0..3u32)));
    let owner = option::of((0..4u32, name()));
    ((netns(), 0..3u32, any::<Option<u32>>()), name(), state, moved, owner).prop_map(
        |((netns, ifindex, mtu), name, state, moved, owner)| Link {
            netns,
            ifindex,
            name,
            mtu,
            state: state.map(|(up, carrier)| LinkState { up, carrier }),
            moved: moved.map(|(netns, ifindex)| Moved { netns, ifindex }),
            owner: owner.map(|(pid, comm)| Holder { pid, comm }),
        },
    )
}

fn functions() -> impl Strategy<Value = Vec<Untrusted>> {
    const KNOWN: [&str; 5] =
        ["rtnl_lock", "register_netdev", "kthread_stop", "kni_net_process_request", "kni_ioctl_create"];
    vec(prop_oneof![proptest::sample::select(KNOWN.as_slice()).prop_map(Untrusted::from), name()], 0..6)
}

fn blocked() -> impl Strategy<Value = Blocked> {
    let other = (0..4u32, 0..4u32, name(), functions()).prop_map(|(pid, tid, comm, functions)| Stack {
        pid,
        tid,
        comm,
        functions,
    });
    (0..4u32, 0..4u32, any::<char>(), option::of(functions()), vec(other, 0..3))
        .prop_map(|(pid, tid, state, stack, others)| Blocked { pid, tid, state, stack, others })
}

fn module() -> impl Strategy<Value = Module> {
    let size = prop_oneof![Just(136), Just(152), Just(144), any::<u32>()];
    let info = (size, any::<Option<u32>>(), ".{0,8}").prop_map(|(size, name_bytes, source)| DeviceInfo {
        size,
        name_bytes,
        source,
    });
    (option::of(name()), vec((name(), name()), 0..3), option::of(info))
        .prop_map(|(version, parameters, info)| Module { version, parameters, info })
}

/// Lines of the module's and of the kernel's reports, whole and broken.
fn line() -> impl Strategy<Value = Untrusted> {
    const KNOWN: [&str; 11] = [
        "rte_kni: Creating kni...",
        "rte_kni: KNI name vEth0 duplicated",
        "BUG: kernel NULL pointer dereference, address: 0000000000000000",
        "Oops: 0000 [#1] PREEMPT SMP NOPTI",
        "CPU: 0 PID: 1 Comm: a Not tainted 6.1.0",
        "CPU: 0 PID: 99999999999 Comm: ",
        "RIP: 0010:kni_release+0x1/0x2 [rte_kni]",
        "RIP: 0010:",
        "Call Trace:",
        " kni_ioctl_create+0x39f/0x740 [rte_kni]",
        "---[ end trace 0000000000000000 ]---",
    ];
    prop_oneof![4 => proptest::sample::select(KNOWN.as_slice()).prop_map(Untrusted::from), 1 => name()]
}

fn event() -> impl Strategy<Value = Event> {
    (nanos(), what()).prop_map(|(at, what)| Event { at, what })
}
