//! What holds for every stream, not only for those that somebody thought of.

use kni_ebpf::hook::Hook;
use proptest::prelude::*;

use super::{INCONCLUSIVE, Short, short};
use crate::engine::Engine;
use crate::event::{
    Call, Event, Holder, KernelLog, Ledger, Phase, Process, Question, Read, Step, Task, What,
};
use crate::report::Outcome;
use crate::testing::{Answer, CREATE, SOME, Stream, Who, process};

const CMD: [u64; 3] = [SOME, CREATE as u64, SOME];

/// One thing that a thread does; what a process does is a list of them.
type Do = Box<dyn Fn(&mut Stream, Who)>;

fn act(what: impl Fn(&mut Stream, Who) + 'static) -> Do {
    Box::new(what)
}

/// A request as far as the kernel takes it, which says `line` and answers `value`.
fn request(name: &'static str, line: Option<&'static str>, net: &[(Hook, i64)], value: i64) -> Vec<Do> {
    let mut all = vec![
        act(move |s, who| s.call(who, 5, CREATE, name)),
        act(|s, who| s.enter(who, Hook::Dispatcher, CMD, "")),
        act(|s, who| s.enter(who, Hook::Handler, CMD, "")),
        act(|s, _| s.log("rte_kni: Creating kni...")),
    ];
    all.extend(line.map(|line| act(move |s, _| s.log(line))));
    for (hook, value) in net.iter().copied() {
        all.push(act(move |s, who| s.pass(who, hook, value, [SOME, 7, 0], name)));
    }
    all.push(act(move |s, who| s.leave(who, Hook::Handler, value, CMD)));
    all.push(act(move |s, who| s.leave(who, Hook::Dispatcher, value, CMD)));
    all.push(act(move |s, who| s.answer(who, 5, CREATE, value)));
    all
}

fn alloc(name: &'static str, inside: Vec<Do>, handle: i64) -> Vec<Do> {
    let mut all = vec![act(move |s, who| s.alloc(who, name))];
    all.extend(inside);
    all.push(act(move |s, who| s.alloc_returns(who, handle)));
    all
}

const NOT_INITIALISED: &str = "KNI: KNI subsystem has not been initialized.";
const SCRIPTS: usize = 14;

/// What a process may do, told apart by number.
fn script(number: usize, name: &'static str) -> Vec<Do> {
    let open = |value| act(move |s: &mut Stream, who| s.open(who, value));
    let init = |value| {
        vec![
            act(|s: &mut Stream, who| s.enter(who, Hook::LibraryInit, [4, 0, 0], "")),
            open(value),
            act(move |s, who| s.leave(who, Hook::LibraryInit, value.min(0), [4, 0, 0])),
        ]
    };
    let says = |text| act(move |s: &mut Stream, who| s.says(who, text));
    let reserve = |value| act(move |s: &mut Stream, who| s.reserve(who, "kni_tx", value));
    let registered = [(Hook::AllocNetdev, 1), (Hook::RegisterNetdev, 0)];
    match number {
        0 => alloc(name, vec![act(|s, who| s.lookup(who, "MP_pool", 0))], 0),
        1 => alloc(name, vec![says("EAL: %s(): memzone <%s> already exists\n"), reserve(0)], 0),
        2 => alloc(name, vec![reserve(1), reserve(0)], 0),
        3 => init(-2),
        4 => init(-2).into_iter().chain(alloc(name, vec![says(NOT_INITIALISED)], 0)).collect(),
        5 => init(5).into_iter().chain(alloc(name, vec![says(NOT_INITIALISED)], 0)).collect(),
        6 => {
            init(5).into_iter().chain(init(-16)).chain(alloc(name, vec![says(NOT_INITIALISED)], 0)).collect()
        }
        7 => alloc(name, request(name, None, &registered, 0), 1),
        8 => request(name, None, &[(Hook::AllocNetdev, 1), (Hook::RegisterNetdev, -17)], -19),
        9 => request(name, Some("rte_kni: cpu 9 is not online"), &[], -22),
        10 => request(name, None, &[], -14),
        11 => {
            vec![act(move |s, who| s.call(who, 5, CREATE, name)), act(|s, who| s.answer(who, 5, CREATE, -22))]
        }
        12 => vec![act(move |s, who| s.alloc(who, name)), act(Stream::exit)],
        _ => request(
            name,
            None,
            &[(Hook::AllocNetdev, 1), (Hook::RegisterNetdev, 0), (Hook::CreateThread, -4)],
            -125,
        ),
    }
}

/// The verdicts on each of the processes.
fn verdicts(answer: &Answer, pid: u32) -> Vec<Short> {
    let own = |attempt: &&crate::report::Attempt| attempt.process.pid == pid;
    answer.attempts().into_iter().filter(own).map(short).collect()
}

fn begin() -> Stream {
    let mut stream = Stream::watch();
    stream.process(1, 0);
    stream.process(2, 0);
    stream
}

fn alone(pid: u32, script: &[Do]) -> Vec<Short> {
    let mut stream = begin();
    for act in script {
        act(&mut stream, process(pid));
    }
    verdicts(&stream.end(), pid)
}

/// The same, or the same without the reason: where two processes are in the module at once, or where its
/// entry was not seen, a line of its log that bears no name is nobody's.
pub(super) fn agrees(seen: Short, alone: Short) -> bool {
    seen == alone || (seen.0 == alone.0 && seen.1 == alone.1 && seen.2.is_none())
}

proptest! {
    #[test]
    fn no_interleaving_gives_a_process_the_verdict_of_another(
        one in 0..SCRIPTS, two in 0..SCRIPTS, turns in proptest::collection::vec(any::<bool>(), 40),
    ) {
        let scripts = [(1, script(one, "vEth1")), (2, script(two, "vEth2"))];
        let mut stream = begin();
        let mut left = scripts.each_ref().map(|(pid, acts)| (*pid, acts.iter()));
        let all = turns.into_iter().chain(std::iter::repeat_n(true, 40)).chain(std::iter::repeat_n(false, 40));
        for turn in all {
            let (pid, acts) = &mut left[usize::from(turn)];
            if let Some(act) = acts.next() {
                act(&mut stream, process(*pid));
            }
        }
        let answer = stream.end();
        for (pid, script) in &scripts {
            let (mixed, alone) = (verdicts(&answer, *pid), alone(*pid, script));
            prop_assert_eq!(mixed.len(), alone.len());
            for (mixed, alone) in mixed.iter().zip(&alone) {
                prop_assert!(agrees(*mixed, *alone), "{:?} instead of {:?}", mixed, alone);
            }
        }
    }

    #[test]
    fn a_lost_record_leaves_the_verdict_or_makes_it_inconclusive(
        number in 0..SCRIPTS, again in 0..SCRIPTS, dropped in any::<prop::sample::Index>(),
    ) {
        let mut stream = begin();
        for act in script(number, "vEth0").iter().chain(&script(again, "vEth1")) {
            act(&mut stream, process(1));
        }
        let whole = verdicts(&stream.clone().end(), 1);
        let is_record = |event: &Event| matches!(event.what, What::Step(_) | What::Call(_));
        let records: Vec<usize> =
            (0..stream.events.len()).filter(|index| is_record(&stream.events[*index])).collect();
        stream.events.remove(records[dropped.index(records.len())]);
        // The shell reads the account after the records of a batch, and tells it before them.
        let ledger = What::Ledger(Ledger { lost: 1, ..Ledger::default() });
        stream.events.insert(records[0], Event { at: stream.now, what: ledger });
        for verdict in verdicts(&stream.end(), 1) {
            let known = verdict == INCONCLUSIVE || whole.iter().any(|whole| agrees(verdict, *whole));
            prop_assert!(known, "{:?} and not one of {:?}", verdict, whole);
        }
    }

    #[test]
    fn no_stream_makes_it_panic(events in proptest::collection::vec(event(), 0..50)) {
        let mut engine = Engine::new();
        let mut reports = Vec::new();
        for event in &events {
            engine.feed(event, &mut reports);
        }
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
        (value, proptest::option::of(nanos())).prop_map(|(value, entered)| Phase::Return { value, entered }),
    ]
}

fn task() -> impl Strategy<Value = Task> {
    (0..4u32, 0..4u32).prop_map(|(pid, tid)| Task { pid, tid, comm: "a".into() })
}

fn what() -> impl Strategy<Value = What> {
    let hook = proptest::sample::select(Hook::ALL.as_slice());
    let args = prop_oneof![Just([0; 3]), Just(CMD), any::<[u64; 3]>()];
    let cmd = proptest::sample::select(&[CREATE, 0xc088_0003, 0xc004_0001, 0, u32::MAX][..]);
    let attempt = || proptest::option::of(nanos());
    prop_oneof![
        8 => (hook, task(), phase(), attempt(), args, text()).prop_map(|(hook, task, phase, attempt, args, text)| {
            What::Step(Step { hook, task, phase, attempt, args, text, detail: Read::default(), rte_errno: None })
        }),
        4 => (task(), phase(), attempt(), any::<i32>(), cmd, text()).prop_map(|(task, phase, attempt, fd, cmd, info)| {
            What::Call(Call { task, phase, attempt, fd, cmd, info })
        }),
        1 => (0..4u32, nanos(), 0..4u32).prop_map(|(pid, start_ns, parent)| What::Process(Process {
            pid, ns_pids: vec![pid], start_ns, exe: None, parent, parent_comm: None, netns: None, mntns: None,
        })),
        1 => any::<[u64; 4]>().prop_map(|[lost, missed, displaced, undecoded]| What::Ledger(Ledger {
            lost, missed, displaced, undecoded, ..Ledger::default()
        })),
        1 => nanos().prop_map(|logged_ns| What::KernelLog(KernelLog {
            sequence: 0, logged_ns, level: 0, text: "rte_kni: Creating kni...".into(),
        })),
        1 => Just(What::Holder(Holder { pid: 1, comm: "a".into() })),
        1 => Just(What::Armed),
        1 => Just(What::Tick),
        1 => Just(Stream::new(Question::Check { expect: vec![], within_ns: u64::MAX, runs_command: true }, &[]))
            .prop_map(|stream| stream.events[0].what.clone()),
        1 => (0..4u32).prop_map(|pid| What::CommandStarted { pid }),
        1 => Just(What::CommandEnded { pid: 1, status: None, signal: None }),
        1 => Just(What::End(crate::event::End::Done)),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    (nanos(), what()).prop_map(|(at, what)| Event { at, what })
}

#[test]
fn a_flood_of_attempts_that_never_end_stays_bounded_and_is_not_called_complete() {
    let mut stream = Stream::watch();
    for pid in 10..3_000 {
        stream.alloc(process(pid), "vEth0");
    }
    let told = stream.end();
    assert!(told.attempts().len() <= 1_024);
    assert!(told.attempts().iter().all(|attempt| attempt.outcome == Outcome::InProgress));
    assert!(!told.summary().complete);
}
