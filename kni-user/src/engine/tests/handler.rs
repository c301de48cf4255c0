//! Every step of the module's handler and every errno that it answers with, release by release: what each leaves is
//! played, and the verdict compared, with all that can be seen and with less.
//!
//! `kni_ioctl_create` in `kernel/linux/kni/kni_misc.c` (16.04 to 17.11: `lib/librte_eal/linuxapp/kni/kni_misc.c`).

use kni_ebpf::hook::Hook;

use super::{CREATED, INCONCLUSIVE, Short, short, stopped};
use crate::cause::Cause;
use crate::report::Boundary::{Module, Network};
use crate::report::Outcome;
use crate::testing::structs::{Struct, shown};
use crate::testing::{SOME, Stream, Who, process};

const APP: Who = process(100);

/// A module, as far as its releases differ.
#[derive(Clone, Copy, Debug)]
struct Group {
    releases: &'static str,
    layout: char,
    /// Before each line, and before one of an error.
    prefixes: [&'static str; 2],
    /// What it answers where it can't copy the struct, and whether it says so.
    copy: (i64, bool),
    /// It looks whether the name ends.
    checks_name: bool,
}

const OLD: [&str; 2] = ["KNI: ", "KNI: Error: "];
const NEW: [&str; 2] = ["rte_kni: ", "rte_kni: "];

const GROUPS: [Group; 6] = [
    group("16.04 to 16.07", 'A', OLD, (5, true), false),
    group("16.11", 'A', NEW, (5, true), false),
    group("17.02 to 17.11", 'A', NEW, (5, true), true),
    group("18.02 to 19.05", 'B', NEW, (5, true), true),
    group("19.08", 'C', NEW, (14, false), true),
    group("19.11 to 23.07", 'D', NEW, (14, false), true),
];

const fn group(
    releases: &'static str,
    layout: char,
    prefixes: [&'static str; 2],
    copy: (i64, bool),
    checks_name: bool,
) -> Group {
    Group { releases, layout, prefixes, copy, checks_name }
}

/// What the kernel makes of a request.
#[derive(Clone, Debug, Default)]
struct Fate {
    /// What the module says, without what is before each line.
    line: Option<String>,
    allocated: Option<bool>,
    registered: Option<i64>,
    thread: Option<i64>,
    value: i64,
}

impl Fate {
    fn refused(errno: i64, line: Option<&str>) -> Self {
        Self { value: -errno, line: line.map(str::to_owned), ..Self::default() }
    }
}

/// A request, and what comes of it.
struct Row {
    step: &'static str,
    info: Vec<u8>,
    fate: Fate,
    /// What is told: whole, without the kernel's log, without the network core's hooks, without both.
    told: [Short; 4],
    /// What the cause is about, and what the kernel's own function said, where all is seen.
    subject: Option<&'static str>,
    kernel: Option<i32>,
    /// What must be known for that.
    by: By,
}

/// What tells one EINVAL from another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum By {
    /// What is seen anyway.
    Itself,
    /// The module's struct, or a line of its log.
    Struct,
    /// The module's struct, or its silence.
    Size,
}

impl By {
    fn is_known(self, row: &Row, view: View) -> bool {
        match self {
            Self::Itself => true,
            Self::Struct => view.module || (view.log && row.fate.line.is_some()),
            Self::Size => view.module || view.log,
        }
    }
}

impl Row {
    fn of(step: &'static str, info: Vec<u8>, fate: Fate, told: Short) -> Self {
        Self { step, info, fate, told: [told; 4], subject: None, kernel: None, by: By::Itself }
    }

    /// Without the network core's hooks it takes the log.
    fn by_log(self) -> Self {
        let [told, ..] = self.told;
        Self { told: [told, told, told, INCONCLUSIVE], ..self }
    }
}

/// Hooks of the network core.
const CORE: [Hook; 3] = [Hook::AllocNetdev, Hook::RegisterNetdev, Hook::CreateThread];

/// What was to be seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct View {
    log: bool,
    core: bool,
    /// The module shows its struct.
    module: bool,
}

fn play(stream: &mut Stream, who: Who, group: &Group, (info, fate): (&[u8], &Fate), view: View) {
    let cmd = 0xc000_0002 | u32::try_from(info.len()).unwrap() << 16;
    let name: String =
        String::from_utf8_lossy(info).chars().take_while(|letter| *letter != '\0').take(15).collect();
    let args = [0, u64::from(cmd), SOME];
    stream.call_with(who, (5, cmd), info);
    stream.enter(who, Hook::Dispatcher, [SOME, u64::from(cmd), SOME], "");
    stream.enter(who, Hook::Handler, args, "");
    let [plain, error] = group.prefixes;
    if view.log {
        stream.log(&format!("{plain}Creating kni..."));
        if let Some(line) = &fate.line {
            stream.log(&format!("{error}{line}"));
        }
    }
    if let Some(allocated) = fate.allocated.filter(|_| view.core) {
        stream.pass(who, Hook::AllocNetdev, if allocated { 0x1000 } else { 0 }, [0; 3], &name);
    }
    if let Some(value) = fate.registered.filter(|_| view.core) {
        stream.pass(who, Hook::RegisterNetdev, value, [SOME, u64::from(value == 0) * 7, 0], &name);
    }
    if let Some(value) = fate.thread.filter(|_| view.core) {
        stream.pass(who, Hook::CreateThread, value, [0; 3], "");
    }
    stream.leave(who, Hook::Handler, fate.value, args);
    stream.leave(who, Hook::Dispatcher, fate.value, [SOME, u64::from(cmd), SOME]);
    stream.answer(who, 5, cmd, fate.value);
}

fn begin(group: &Group, view: View) -> Stream {
    let mut stream = if view.core { Stream::watch() } else { Stream::without(&CORE) };
    if view.module {
        stream.module(Some(shown(group.layout)));
    }
    stream.process(APP.pid, 1);
    stream
}

fn ok() -> Struct<'static> {
    Struct::of("vEth0")
}

/// All steps of a module's handler, in their order.
fn rows(group: &Group) -> Vec<Row> {
    let own = |structure: Struct| structure.in_layout(group.layout);
    let module = |cause| stopped(Module, cause);
    let network = |cause| stopped(Network, cause);
    let mut rows = Vec::new();
    if let Some(larger) = ['C', 'B'].into_iter().find(|other| ok().in_layout(*other).len() > own(ok()).len())
    {
        rows.push(Row {
            by: By::Size,
            ..Row::of("size", ok().in_layout(larger), Fate::refused(22, None), module(Cause::ModSizeSkew))
        });
    }
    rows.push(Row::of(
        "size of no release",
        vec![0; 200],
        Fate::refused(22, None),
        module(Cause::ModSizeSkew),
    ));
    let (errno, says) = group.copy;
    let line = says.then_some("copy_from_user in kni_ioctl_create");
    rows.push(Row::of("copy", own(ok()), Fate::refused(errno, line), module(Cause::ModFault)));
    if group.checks_name {
        let endless = own(Struct::of("vEth0_0123456789vEth0_0123456789"));
        // The line has no end, so that the kernel may show it later.
        for line in [Some("kni.name not zero-terminated"), None] {
            let fate = Fate::refused(22, line);
            let row = Row::of("name", endless.clone(), fate, module(Cause::ModNameUnterminated));
            // What follows a short name may end a long one.
            let by = match group.layout {
                'A' => By::Itself,
                'D' => By::Size,
                _ => By::Struct,
            };
            rows.push(Row { by, ..row });
        }
    }
    let bound = own(Struct { core_id: 9, force_bind: true, ..ok() });
    let fate = Fate::refused(22, Some("cpu 9 is not online"));
    let subject = Some("cpu 9");
    let row = Row::of("core", bound, fate, module(Cause::ModCoreOffline));
    // The smallest struct is too large for none.
    let by = if matches!(group.layout, 'A' | 'D') { By::Itself } else { By::Struct };
    rows.push(Row { subject, by, ..row });
    let fate = Fate::refused(22, Some("KNI name vEth0 duplicated"));
    let duplicate = Row::of("duplicate", own(ok()), fate, module(Cause::ModNameDuplicate));
    let [told, ..] = duplicate.told;
    rows.push(Row { told: [told, module_only(), told, module_only()], ..duplicate });
    let fate =
        Fate { allocated: Some(false), ..Fate::refused(16, Some("error allocating device \"vEth0\"")) };
    rows.push(Row::of("allocation", own(ok()), fate, network(Cause::NetAlloc)).by_log());
    let line = "KNI module does not support IOVA to VA translation";
    let fate = Fate { allocated: Some(true), ..Fate::refused(22, Some(line)) };
    let mode = Row::of("address mode", own(ok()), fate, module(Cause::ModAddressMode));
    let [told, ..] = mode.told;
    rows.push(Row { told: [told, told, told, module_only()], ..mode });
    for (errno, name, cause) in [
        (17, "vEth0", Cause::NetNameExists),
        (22, "a/b", Cause::NetNameInvalid),
        (22, "", Cause::NetNameInvalid),
        (22, "vEth0", Cause::NetRegister),
        (12, "vEth0", Cause::NetRegister),
        (4, "vEth0", Cause::NetRegister),
    ] {
        let line = format!("error -{errno} registering device \"{name}\"");
        let (allocated, registered) = (Some(true), Some(-errno));
        let fate = Fate { allocated, registered, ..Fate::refused(19, Some(&line)) };
        let kernel = i32::try_from(errno).ok();
        let row = Row { kernel, ..Row::of("registration", own(Struct::of(name)), fate, network(cause)) };
        rows.push(row.by_log());
    }
    for errno in [4, 11, 12] {
        let (registered, thread) = (Some(0), Some(-errno));
        let fate = Fate { allocated: Some(true), registered, thread, ..Fate::refused(125, None) };
        let kernel = i32::try_from(errno).ok();
        rows.push(Row { kernel, ..Row::of("thread", own(ok()), fate, module(Cause::ModThread)) });
    }
    let fate = Fate { allocated: Some(true), registered: Some(0), ..Fate::default() };
    rows.push(Row::of("created", own(ok()), fate, CREATED));
    rows
}

fn module_only() -> Short {
    stopped(Module, None)
}

#[test]
fn every_step_of_every_release_s_handler_is_told_apart() {
    for group in &GROUPS {
        for row in rows(group) {
            let views = [(true, true), (false, true), (true, false), (false, false)];
            for ((log, core), told) in views.into_iter().zip(row.told) {
                for module in [true, false] {
                    let view = View { log, core, module };
                    let mut stream = begin(group, view);
                    play(&mut stream, APP, group, (&row.info, &row.fate), view);
                    let answer = stream.end();
                    let attempt = answer.attempt();
                    let told = if row.by.is_known(&row, view) { told } else { module_only() };
                    let what = format!("{} {} {view:?}", group.releases, row.step);
                    assert_eq!(short(attempt), told, "{what}");
                    let user = (row.fate.value < 0).then_some(-row.fate.value);
                    assert_eq!(attempt.errno.user.map(i64::from), user, "{what}");
                    if log && core {
                        assert_eq!(attempt.errno.kernel, row.kernel, "{what}");
                        assert_eq!(attempt.subject, row.subject.map(Into::into), "{what}");
                        let lines = 1 + usize::from(row.fate.line.is_some());
                        assert_eq!(attempt.log.len(), lines, "{what}: {:?}", attempt.log);
                    }
                    assert_eq!(attempt.skew.is_some(), told.2 == Some(Cause::ModSizeSkew), "{what}");
                }
            }
        }
    }
}

#[test]
fn a_name_that_was_given_before_is_a_duplicate_though_nothing_is_heard() {
    for group in &GROUPS {
        for module in [true, false] {
            let view = View { log: false, core: true, module };
            let mut stream = begin(group, view);
            let info = ok().in_layout(group.layout);
            let created = Fate { allocated: Some(true), registered: Some(0), ..Fate::default() };
            play(&mut stream, APP, group, (&info, &created), view);
            play(&mut stream, APP, group, (&info, &Fate::refused(22, None)), view);
            let answer = stream.end();
            assert_eq!(short(answer.attempts()[1]), stopped(Module, Cause::ModNameDuplicate), "{group:?}");
        }
    }
}

/// A CPU that is online is not why, whatever else is not known.
#[test]
fn without_the_log_a_cpu_is_the_cause_only_if_it_is_offline() {
    let group = &GROUPS[5];
    for (core_id, force_bind, told) in [
        (9, true, stopped(Module, Cause::ModCoreOffline)),
        (9, false, module_only()),
        (1, true, module_only()),
        (u32::MAX, true, stopped(Module, Cause::ModCoreOffline)),
    ] {
        let view = View { log: false, core: true, module: true };
        let mut stream = begin(group, view);
        let info = Struct { core_id, force_bind, ..ok() }.in_layout('D');
        play(&mut stream, APP, group, (&info, &Fate::refused(22, None)), view);
        assert_eq!(short(stream.end().attempt()), told, "{core_id} {force_bind}");
    }
}

/// T51: up to 19.08 the name's field has 32 bytes, an interface's 16, and `alloc_netdev_mqs` stops the kernel
/// (`BUG_ON(strlen(name) >= sizeof(dev->name))`, `net/core/dev.c`). T29: `cpu_online` reads beyond its map.
#[test]
fn a_thread_that_the_handler_kills_died_inside_the_module() {
    for (release, layout, info) in [
        ("18.11 to 19.05", 'B', Struct::of("a_name_of_24_bytes_in_all")),
        ("19.08", 'C', Struct::of("a_name_of_16_byt")),
        ("22.11", 'D', Struct { core_id: u32::MAX, force_bind: true, ..ok() }),
    ] {
        let mut stream = Stream::watch();
        stream.process(APP.pid, 1);
        let info = info.in_layout(layout);
        let cmd = 0xc000_0002 | u32::try_from(info.len()).unwrap() << 16;
        stream.call_with(APP, (5, cmd), &info);
        stream.enter(APP, Hook::Dispatcher, [SOME, u64::from(cmd), SOME], "");
        stream.enter(APP, Hook::Handler, [0, u64::from(cmd), SOME], "");
        stream.log("rte_kni: Creating kni...");
        stream.ends(APP, 9);
        let answer = stream.end();
        let attempt = answer.attempt();
        assert_eq!((attempt.outcome, attempt.boundary), (Outcome::Died, Some(Module)), "{release}");
        assert_eq!(attempt.log, ["rte_kni: Creating kni...".into()], "{release}");
    }
}
