//! What processes do, as lists of single steps that can be interleaved and left out.

use kni_ebpf::hook::Hook;

use crate::event::{Blocked, What};
use crate::testing::{CREATE, RELEASE, SOME, Stream, Who};

/// A request's arguments as the module's functions get them.
pub(super) const CMD: [u64; 3] = [SOME, CREATE as u64, SOME];
const NOT_INITIALISED: &str = "KNI: KNI subsystem has not been initialized.";
const PANIC: &str = "PANIC in %s():\n";
const SIGABRT_DUMPED: u64 = 0x86;
const SIGKILL: u64 = 9;
const SIGSEGV: u64 = 11;
const EXIT_1: u64 = 0x100;

/// One thing that a thread does; what a process does is a list of them.
pub(super) type Do = Box<dyn Fn(&mut Stream, Who)>;

/// What a process of its own does: how it is called in a failing test, and the list.
pub(super) struct Script {
    pub(super) what: &'static str,
    pub(super) acts: Vec<Do>,
}

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

/// A request that stays in the module's handler.
fn stuck(name: &'static str) -> Vec<Do> {
    request(name, None, &[], 0).into_iter().take(4).collect()
}

/// The kernel's report of the thread's death in the handler.
fn oopses(stream: &mut Stream, who: Who) {
    let task = format!("CPU: 0 PID: {} Comm: app Tainted: G           OE      6.1.0", who.tid);
    for line in [
        "Oops: 0000 [#1] PREEMPT SMP NOPTI",
        task.as_str(),
        "RIP: 0010:kni_ioctl_create+0x39f/0x740 [rte_kni]",
        "---[ end trace 0000000000000000 ]---",
    ] {
        stream.log(line);
    }
}

/// What the kernel shows of the thread when it wants to register the interface.
fn waits(stream: &mut Stream, who: Who) {
    let stack = ["register_netdev", "kni_ioctl_create", "kni_ioctl", "__x64_sys_ioctl", "do_syscall_64"];
    let stack = Some(stack.into_iter().map(Into::into).collect());
    stream.push(What::Blocked(Blocked { pid: who.pid, tid: who.tid, state: 'D', stack, others: Vec::new() }));
}

fn alloc(name: &'static str, inside: Vec<Do>, handle: i64) -> Vec<Do> {
    let mut all = vec![act(move |s, who| s.alloc(who, name))];
    all.extend(inside);
    all.push(act(move |s, who| s.alloc_returns(who, handle)));
    all
}

/// `rte_kni_alloc` without a pool, with the name of none.
fn alloc_without_pool(name: &'static str) -> Vec<Do> {
    let args = [0, SOME, 0];
    vec![
        act(move |s, who| s.enter(who, Hook::LibraryAlloc, args, name)),
        act(move |s, who| s.leave(who, Hook::LibraryAlloc, 0, args)),
    ]
}

fn init(inside: Vec<Do>, value: i64) -> Vec<Do> {
    let mut all = vec![act(|s, who| s.enter(who, Hook::LibraryInit, [4, 0, 0], ""))];
    all.extend(inside);
    all.push(act(move |s, who| s.leave(who, Hook::LibraryInit, value, [4, 0, 0])));
    all
}

fn open(value: i64) -> Do {
    act(move |s, who| s.open(who, value))
}

fn says(format: &'static str) -> Do {
    act(move |s, who| s.says(who, format))
}

fn lookup(zone: &'static str, address: i64) -> Do {
    act(move |s, who| s.lookup(who, zone, address))
}

fn reserve(zone: &'static str, address: i64) -> Do {
    act(move |s, who| s.reserve(who, zone, address))
}

fn ends(code: u64) -> Do {
    act(move |s, who| s.ends(who, code))
}

fn no_pool() -> Vec<Do> {
    let fails = |hook| act(move |s: &mut Stream, who| s.fails(who, hook, "mbuf_pool", 12));
    vec![fails(Hook::RingCreate), fails(Hook::MempoolCreate), fails(Hook::PoolCreate)]
}

fn ready() -> Vec<Do> {
    init(vec![open(5)], 0)
}

fn all<const N: usize>(parts: [Vec<Do>; N]) -> Vec<Do> {
    parts.into_iter().flatten().collect()
}

/// All of them, with this name for the interface.
pub(super) fn scripts(name: &'static str) -> Vec<Script> {
    let mut scripts = in_library(name);
    scripts.extend(at_device(name));
    scripts.extend(in_kernel(name));
    scripts.extend(ended(name));
    scripts
}

/// `rte_kni_alloc` refuses.
fn in_library(name: &'static str) -> Vec<Script> {
    let refused = |what, inside: Vec<Do>| Script { what, acts: all([ready(), alloc(name, inside, 0)]) };
    vec![
        refused("16.04: no memzone of the pool", vec![lookup("MP_pool", 0)]),
        refused("16.07: a memzone in pieces", vec![lookup("MP_pool", 0x1000)]),
        refused(
            "the first zone exists",
            vec![says("EAL: %s(): memzone <%s> already exists\n"), reserve("kni_tx", 0)],
        ),
        refused(
            "the third zone finds no room",
            vec![
                reserve("kni_tx", 1),
                reserve("kni_rx", 1),
                says("EAL: %s(): No more room in config\n"),
                reserve("kni_alloc", 0),
            ],
        ),
        refused(
            "no memory",
            vec![says("EAL: %s(): couldn't find suitable memseg_list\n"), reserve("kni_tx", 0)],
        ),
        refused("a silent reservation", vec![reserve("kni_tx", 1), reserve("kni_rx", 0)]),
        refused("a name in use", vec![says("KNI: KNI already exists\n")]),
        refused("no slot", vec![says("KNI: Cannot allocate more KNI interfaces; increase")]),
        refused("zmalloc", vec![says("KNI: KNI memory allocation failed\n")]),
        refused("nothing", Vec::new()),
        Script { what: "never initialised", acts: alloc(name, vec![says(NOT_INITIALISED)], 0) },
        Script { what: "no pool", acts: all([no_pool(), ready(), alloc_without_pool(name)]) },
        Script { what: "a pool of none, and why is not known", acts: alloc_without_pool(name) },
        Script {
            what: "19.08 with the wrong addresses",
            acts: all([
                init(vec![says("KNI: KNI requires IOVA as PA\n")], -1),
                alloc(name, vec![says(NOT_INITIALISED)], 0),
            ]),
        },
    ]
}

/// `/dev/kni` can't be opened, or not be used.
fn at_device(name: &'static str) -> Vec<Script> {
    let refused = |errno: i64| init(vec![open(-errno), says("KNI: Can not open /dev/%s\n")], -1);
    let closed = || act(|s: &mut Stream, who| s.note(who, Hook::LibraryClose, [0; 3], ""));
    vec![
        Script { what: "no device", acts: refused(2) },
        Script {
            what: "16.11: nobody looked at init",
            acts: all([refused(13), alloc(name, vec![says(NOT_INITIALISED)], 0)]),
        },
        Script {
            what: "16.04: panic",
            acts: all([init(vec![open(-2), says(PANIC), ends(SIGABRT_DUMPED)], 0)
                .into_iter()
                .take(4)
                .collect()]),
        },
        Script { what: "opened by itself, busy", acts: vec![open(-16)] },
        Script {
            what: "busy at the second time",
            acts: all([ready(), refused(16), alloc(name, vec![says(NOT_INITIALISED)], 0)]),
        },
        Script {
            what: "closed before",
            acts: all([ready(), vec![closed()], alloc(name, vec![says(NOT_INITIALISED)], 0)]),
        },
        Script {
            what: "another device",
            acts: all([
                ready(),
                alloc(
                    name,
                    vec![
                        act(move |s, who| s.call(who, 5, CREATE, name)),
                        act(|s, who| s.answer(who, 5, CREATE, -25)),
                    ],
                    0,
                ),
            ]),
        },
        Script {
            what: "a descriptor that is closed",
            acts: vec![
                act(move |s, who| s.call(who, 5, CREATE, name)),
                act(|s, who| s.answer(who, 5, CREATE, -9)),
            ],
        },
    ]
}

/// The kernel answers.
fn in_kernel(name: &'static str) -> Vec<Script> {
    let registered = [(Hook::AllocNetdev, 1), (Hook::RegisterNetdev, 0)];
    let thread = [(Hook::AllocNetdev, 1), (Hook::RegisterNetdev, 0), (Hook::CreateThread, -4)];
    let release = vec![
        act(move |s: &mut Stream, who| s.call(who, 5, RELEASE, name)),
        act(|s: &mut Stream, who| s.answer(who, 5, RELEASE, 0)),
    ];
    vec![
        Script { what: "created", acts: all([ready(), alloc(name, request(name, None, &registered, 0), 1)]) },
        Script {
            what: "created, released and ended",
            acts: all([vec![open(5)], request(name, None, &registered, 0), release, vec![ends(0)]]),
        },
        Script {
            what: "a netdev of that name",
            acts: request(name, None, &[(Hook::AllocNetdev, 1), (Hook::RegisterNetdev, -17)], -19),
        },
        Script { what: "no such cpu", acts: request(name, Some("rte_kni: cpu 9 is not online"), &[], -22) },
        Script { what: "a bad pointer", acts: request(name, None, &[], -14) },
        Script { what: "no thread", acts: request(name, None, &thread, -125) },
        Script { what: "it stays in the module", acts: stuck(name) },
        Script { what: "it brings the kernel to an oops", acts: all([stuck(name), vec![ends(SIGKILL)]]) },
        Script {
            what: "the kernel reports its oops",
            acts: all([stuck(name), vec![act(oopses), ends(SIGKILL)]]),
        },
        Script {
            what: "it waits for the kernel's lock and is created",
            acts: request(name, None, &registered, 0)
                .into_iter()
                .take(4)
                .chain([act(waits)])
                .chain(request(name, None, &registered, 0).into_iter().skip(4))
                .collect(),
        },
        Script { what: "it waits for the kernel's lock still", acts: all([stuck(name), vec![act(waits)]]) },
    ]
}

/// The process ends, inside an attempt or before one.
fn ended(name: &'static str) -> Vec<Script> {
    let inside = |what, inside: Vec<Do>, code| Script {
        what,
        acts: all([ready(), vec![act(move |s, who| s.alloc(who, name))], inside, vec![ends(code)]]),
    };
    let before = |what, acts: Vec<Do>, code| Script { what, acts: all([acts, vec![ends(code)]]) };
    vec![
        inside("killed inside", Vec::new(), SIGKILL),
        inside("crashed inside", vec![reserve("kni_tx", 0)], SIGSEGV),
        inside("panicked inside", vec![says(PANIC)], SIGABRT_DUMPED),
        inside("exited inside", Vec::new(), EXIT_1),
        before("initialised and exited", ready(), 0),
        before("initialised and crashed", ready(), SIGSEGV),
        before("initialised and killed", ready(), SIGKILL),
        before("initialised and could make no pool", all([ready(), no_pool()]), EXIT_1),
        before("could make no pool and initialised", all([no_pool(), ready()]), EXIT_1),
        before("opened and exited", all([ready(), vec![open(6)]]), 0),
        before("refused and ended", refused_at_first(), 0),
        before("refused, tried again and killed", all([refused_at_first(), ready()]), SIGKILL),
        Script { what: "initialised and still at work", acts: ready() },
    ]
}

fn refused_at_first() -> Vec<Do> {
    init(vec![open(-2)], -1)
}
