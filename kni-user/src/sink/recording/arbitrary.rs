//! Any event that can be, for properties.

use kni_ebpf::hook::Hook;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::event::{
    Blocked, Call, Coverage, DeviceInfo, End, Event, Holder, HookState, Interface, KernelLog, Ledger, Link,
    LinkState, Mapped, Module, Moved, Object, Phase, Process, Question, Read, Stack, Start, Step, Task, What,
};
use crate::expectation::Expectation;
use crate::untrusted::Untrusted;

pub(super) fn event() -> impl Strategy<Value = Event> {
    (any::<u64>(), what()).prop_map(|(at, what)| Event { at, what })
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        start().prop_map(What::Start),
        coverage().prop_map(What::Coverage),
        Just(What::Armed),
        step().prop_map(What::Step),
        call().prop_map(What::Call),
        process().prop_map(What::Process),
        holder().prop_map(What::Holder),
        interface().prop_map(What::Interface),
        link().prop_map(What::Link),
        module().prop_map(What::Module),
        blocked().prop_map(What::Blocked),
        object().prop_map(What::Object),
        (any::<u32>(), untrusted()).prop_map(|(pid, object)| What::Mapped(Mapped { pid, object })),
        kernel_log().prop_map(What::KernelLog),
        ledger().prop_map(What::Ledger),
        any::<u32>().prop_map(|pid| What::CommandStarted { pid }),
        any::<(u32, Option<i32>, Option<i32>)>().prop_map(|(pid, status, signal)| What::CommandEnded {
            pid,
            status,
            signal
        }),
        Just(What::Tick),
        prop_oneof![Just(End::Interrupted), Just(End::Done)].prop_map(What::End),
    ]
}

fn untrusted() -> impl Strategy<Value = Untrusted> {
    let bytes = vec(any::<u8>(), 0..32).prop_map(|bytes| Untrusted::from(bytes.as_slice()));
    prop_oneof![bytes, ".{0,16}".prop_map(|text| Untrusted::from(text.as_str()))]
}

fn hook() -> impl Strategy<Value = Hook> {
    prop::sample::select(Hook::ALL.to_vec())
}

fn start() -> impl Strategy<Value = Start> {
    let names = (any::<String>(), untrusted(), untrusted(), untrusted());
    let times = any::<(i64, u64, i32)>();
    let limits = any::<[Option<u64>; 2]>();
    (names, times, option::of(module()), limits, question()).prop_map(
        |(
            (version, host, kernel, cpus_online),
            (unix_ns, boot_ns, utc_offset_s),
            module,
            [memory_end, netns],
            question,
        )| Start {
            version,
            host,
            kernel,
            unix_ns,
            boot_ns,
            utc_offset_s,
            cpus_online,
            module,
            memory_end,
            netns,
            question,
        },
    )
}

fn module() -> impl Strategy<Value = Module> {
    let info = (any::<(u32, Option<u32>)>(), any::<String>())
        .prop_map(|((size, name_bytes), source)| DeviceInfo { size, name_bytes, source });
    (option::of(untrusted()), vec((untrusted(), untrusted()), 0..4), option::of(info))
        .prop_map(|(version, parameters, info)| Module { version, parameters, info })
}

fn question() -> impl Strategy<Value = Question> {
    let outcome = prop::sample::select(Expectation::names().collect::<Vec<_>>());
    let check = (vec(untrusted(), 0..3), outcome, any::<(u64, bool)>()).prop_map(
        |(expect, outcome, (within_ns, runs_command))| Question::Check {
            expect,
            expect_outcome: outcome.parse().unwrap(),
            within_ns,
            runs_command,
        },
    );
    prop_oneof![Just(Question::Watch), check]
}

fn coverage() -> impl Strategy<Value = Coverage> {
    let state = prop_oneof![
        Just(HookState::Live),
        Just(HookState::Gone),
        Just(HookState::Waiting),
        Just(HookState::Idle),
        any::<String>().prop_map(|reason| HookState::Missing { reason }),
    ];
    (hook(), untrusted(), option::of(untrusted()), state).prop_map(|(hook, via, object, state)| Coverage {
        hook,
        via,
        object,
        state,
    })
}

fn task() -> impl Strategy<Value = Task> {
    (any::<(u32, u32)>(), untrusted()).prop_map(|((pid, tid), comm)| Task { pid, tid, comm })
}

fn phase() -> impl Strategy<Value = Phase> {
    let returned = any::<(i64, Option<u64>)>().prop_map(|(value, entered)| Phase::Return { value, entered });
    prop_oneof![Just(Phase::Enter), returned]
}

fn read() -> impl Strategy<Value = Read> {
    prop_oneof![untrusted().prop_map(Read::Bytes), any::<i32>().prop_map(Read::Failed)]
}

fn step() -> impl Strategy<Value = Step> {
    let more = any::<(Option<u64>, [u64; 3], Option<i32>)>();
    (hook(), task(), phase(), more, read(), read()).prop_map(
        |(hook, task, phase, (attempt, args, rte_errno), text, detail)| Step {
            hook,
            task,
            phase,
            attempt,
            args,
            text,
            detail,
            rte_errno,
        },
    )
}

fn call() -> impl Strategy<Value = Call> {
    (task(), phase(), any::<(Option<u64>, i32, u32)>(), read())
        .prop_map(|(task, phase, (attempt, fd, cmd), info)| Call { task, phase, attempt, fd, cmd, info })
}

fn process() -> impl Strategy<Value = Process> {
    let names = (option::of(untrusted()), option::of(untrusted()));
    (any::<(u32, u64, u32, [Option<u64>; 2])>(), vec(any::<u32>(), 0..4), names).prop_map(
        |((pid, start_ns, parent, [netns, mntns]), ns_pids, (exe, parent_comm))| Process {
            pid,
            ns_pids,
            start_ns,
            exe,
            parent,
            parent_comm,
            netns,
            mntns,
        },
    )
}

fn holder() -> impl Strategy<Value = Holder> {
    (any::<u32>(), untrusted()).prop_map(|(pid, comm)| Holder { pid, comm })
}

fn interface() -> impl Strategy<Value = Interface> {
    (any::<(u32, u32, Option<u32>)>(), untrusted()).prop_map(|((pid, ifindex, mtu), name)| Interface {
        pid,
        name,
        ifindex,
        mtu,
    })
}

fn link() -> impl Strategy<Value = Link> {
    let moved = any::<Option<(Option<u64>, Option<u32>)>>();
    let more = (any::<Option<(bool, bool)>>(), moved, option::of(holder()));
    (any::<(u64, u32, Option<u32>)>(), untrusted(), more).prop_map(
        |((netns, ifindex, mtu), name, (state, moved, owner))| Link {
            netns,
            ifindex,
            name,
            mtu,
            state: state.map(|(up, carrier)| LinkState { up, carrier }),
            moved: moved.map(|(netns, ifindex)| Moved { netns, ifindex }),
            owner,
        },
    )
}

fn blocked() -> impl Strategy<Value = Blocked> {
    let functions = || vec(untrusted(), 0..4);
    let other = (any::<(u32, u32)>(), untrusted(), functions())
        .prop_map(|((pid, tid), comm, functions)| Stack { pid, tid, comm, functions });
    (any::<(u32, u32, char)>(), option::of(functions()), vec(other, 0..3))
        .prop_map(|((pid, tid, state), stack, others)| Blocked { pid, tid, state, stack, others })
}

fn object() -> impl Strategy<Value = Object> {
    let names = (untrusted(), option::of(untrusted()), option::of(untrusted()));
    (names, vec(any::<String>(), 0..3), vec(any::<String>(), 0..3)).prop_map(
        |((path, soname, debug_file), symbols, versions)| Object {
            path,
            soname,
            symbols,
            versions,
            debug_file,
        },
    )
}

fn kernel_log() -> impl Strategy<Value = KernelLog> {
    (any::<(u64, u64, u8)>(), untrusted()).prop_map(|((sequence, logged_ns, level), text)| KernelLog {
        sequence,
        logged_ns,
        level,
        text,
    })
}

fn ledger() -> impl Strategy<Value = Ledger> {
    any::<[u64; 8]>().prop_map(
        |[emitted, filtered, lost, missed, displaced, unpaired, received, undecoded]| Ledger {
            emitted,
            filtered,
            lost,
            missed,
            displaced,
            unpaired,
            received,
            undecoded,
        },
    )
}
