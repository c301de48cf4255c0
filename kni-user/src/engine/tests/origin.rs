//! What went wrong before an attempt: the first cause.

use kni_ebpf::hook::Hook;

use super::{short, stopped};
use crate::cause::Cause;
use crate::event::Read;
use crate::report::{Argument, Attempt, Boundary::Library, Boundary::Syscall, IovaMode, Outcome};
use crate::testing::{Answer, CREATE, Kernel, SOME, Stream, Who, process};

const APP: Who = process(100);
const HANDLE: u64 = 0x7f00;
const NOT_INITIALISED: &str = "KNI: KNI subsystem has not been initialized. Invoke rte_kni_init() first\n";
const TAKEN: &str = "KNI: KNI already exists\n";

fn begin() -> Stream {
    let mut stream = Stream::watch();
    stream.process(APP.pid, 1);
    stream
}

fn fails(stream: &mut Stream, who: Who, hook: Hook, name: &str, inside: impl Fn(&mut Stream)) {
    let entered = stream.now;
    inside(stream);
    stream.pass(who, hook, 0, [0; 3], name);
    stream.amend(|step| {
        step.rte_errno = Some(libc::ENOMEM);
        step.phase = crate::event::Phase::Return { value: 0, entered: Some(entered) };
    });
}

fn refused(stream: &mut Stream, name: &str, says: &str) {
    stream.alloc(APP, name);
    stream.says(APP, says);
    stream.alloc_returns(APP, 0);
}

fn created(stream: &mut Stream, name: &str, handle: u64) {
    stream.alloc(APP, name);
    stream.request(APP, name, Kernel::Creates);
    stream.alloc_returns(APP, handle.cast_signed());
}

fn release(stream: &mut Stream, handle: u64, value: i64) {
    stream.enter(APP, Hook::LibraryRelease, [handle, 0, 0], "");
    stream.leave(APP, Hook::LibraryRelease, value, [handle, 0, 0]);
}

fn last(told: &Answer) -> &Attempt {
    told.attempts().pop().expect("an attempt")
}

/// The origin's hook, and what it returned.
fn origin(attempt: &Attempt) -> Option<(&'static str, Option<i64>)> {
    attempt.origin.as_ref().map(|origin| (origin.step.hook, origin.step.value))
}

#[test]
fn a_pool_that_was_never_made_is_traced_to_the_first_step_that_failed() {
    let mut stream = begin();
    fails(&mut stream, APP, Hook::PoolCreate, "mbuf_pool", |s| {
        fails(s, APP, Hook::MempoolCreate, "mbuf_pool", |s| {
            fails(s, APP, Hook::RingCreate, "MP_mbuf_pool", |_| {});
        });
    });
    stream.enter(APP, Hook::LibraryAlloc, [0, SOME, 0], "vEth0");
    stream.alloc_returns(APP, 0);
    let told = stream.end();
    assert_eq!(short(last(&told)), stopped(Library, Cause::LibNoPool));
    let origin = last(&told).origin.clone().unwrap();
    assert_eq!((origin.step.hook, origin.step.rte_errno), ("ring-create", Some(libc::ENOMEM)));
    assert_eq!(origin.step.text, Some("MP_mbuf_pool".into()));
    assert_eq!(last(&told).arguments.as_ref().unwrap().pool, Argument::Null);
}

#[test]
fn a_pool_of_another_process_is_nobodys_origin() {
    let mut stream = begin();
    fails(&mut stream, process(200), Hook::PoolCreate, "mbuf_pool", |_| {});
    stream.enter(APP, Hook::LibraryAlloc, [0, SOME, 0], "vEth0");
    stream.alloc_returns(APP, 0);
    let told = stream.end();
    let attempt = told.attempts().into_iter().find(|attempt| attempt.process.pid == APP.pid).unwrap();
    assert_eq!(origin(attempt), None);
}

#[test]
fn an_initialisation_that_failed_is_the_origin_of_all_that_follows() {
    let mut stream = begin();
    stream.init(APP, -2, -1);
    refused(&mut stream, "vEth0", NOT_INITIALISED);
    let told = stream.end();
    assert_eq!(short(last(&told)), stopped(Syscall, Cause::SysDeviceMissing));
    assert_eq!(origin(last(&told)), Some(("open", Some(-2))));

    let mut stream = begin();
    stream.enter(APP, Hook::LibraryInit, [4, 0, 0], "");
    stream.pass(APP, Hook::IovaMode, 2, [0; 3], "");
    stream.leave(APP, Hook::LibraryInit, -1, [4, 0, 0]);
    refused(&mut stream, "vEth0", NOT_INITIALISED);
    let told = stream.end();
    assert_eq!(short(last(&told)), stopped(Library, Cause::LibIovaMode));
    assert_eq!(origin(last(&told)), Some(("library-init", Some(-1))));
    assert_eq!(last(&told).arguments.as_ref().unwrap().iova_mode, Some(IovaMode::Virtual));
}

#[test]
fn a_library_that_was_closed_is_not_initialised_for_that() {
    let mut stream = begin();
    stream.init(APP, 5, 0);
    stream.note(APP, Hook::LibraryClose, [0; 3], "");
    refused(&mut stream, "vEth0", NOT_INITIALISED);
    let told = stream.end();
    assert_eq!(short(last(&told)), stopped(Library, Cause::LibNotInitialised));
    assert_eq!(origin(last(&told)), Some(("library-close", None)));
}

#[test]
fn a_close_of_what_was_never_open_or_is_open_again_is_no_origin() {
    let mut stream = begin();
    stream.note(APP, Hook::LibraryClose, [0; 3], "");
    refused(&mut stream, "vEth0", NOT_INITIALISED);
    assert_eq!(origin(last(&stream.end())), None);
    let mut stream = begin();
    stream.init(APP, 5, 0);
    stream.note(APP, Hook::LibraryClose, [0; 3], "");
    stream.init(APP, -16, -1);
    refused(&mut stream, "vEth0", NOT_INITIALISED);
    let told = stream.end();
    assert_eq!(origin(last(&told)), Some(("library-close", None)), "it would be open still");
    let mut stream = begin();
    stream.init(APP, 5, 0);
    stream.note(APP, Hook::LibraryClose, [0; 3], "");
    stream.init(APP, 5, 0);
    stream.call(APP, 5, CREATE, "vEth0");
    stream.answer(APP, 5, CREATE, -9);
    assert_eq!(origin(last(&stream.end())), None);
}

#[test]
fn a_name_is_taken_by_whoever_took_it_or_could_not_give_it_back() {
    let mut stream = begin();
    stream.init(APP, 5, 0);
    created(&mut stream, "vEth0", HANDLE);
    created(&mut stream, "vEth1", HANDLE + 1);
    refused(&mut stream, "vEth0", TAKEN);
    release(&mut stream, HANDLE, -1);
    refused(&mut stream, "vEth0", TAKEN);
    refused(&mut stream, "vEth1", TAKEN);
    release(&mut stream, HANDLE, 0);
    refused(&mut stream, "vEth0", TAKEN);
    let told = stream.end();
    let refusals: Vec<_> = told
        .attempts()
        .into_iter()
        .filter(|attempt| attempt.outcome == Outcome::Stopped)
        .map(|attempt| (short(attempt), origin(attempt)))
        .collect();
    let taken = stopped(Library, Cause::LibAlreadyExists);
    let alloc = |handle: u64| Some(("library-alloc", Some(handle.cast_signed())));
    assert_eq!(
        refusals,
        [
            (taken, alloc(HANDLE)),
            (taken, Some(("library-release", Some(-1)))),
            (taken, alloc(HANDLE + 1)),
            (taken, None),
        ]
    );
}

#[test]
fn a_forked_child_knows_what_its_parent_went_through_and_another_program_does_not() {
    for (executes, known) in [(false, true), (true, false)] {
        let mut stream = begin();
        stream.init(APP, 5, 0);
        created(&mut stream, "vEth0", HANDLE);
        stream.note(APP, Hook::Fork, [101, 0, 0], "app");
        if executes {
            stream.note(process(101), Hook::Exec, [0; 3], "/usr/bin/other");
        }
        stream.alloc(process(101), "vEth0");
        stream.says(process(101), TAKEN);
        stream.alloc_returns(process(101), 0);
        assert_eq!(origin(last(&stream.end())).is_some(), known);
    }
}

#[test]
fn what_could_not_be_read_is_said_to_be_and_never_taken_for_empty() {
    let alloc = |without: &[Hook], again: bool| {
        let mut stream = Stream::without(without);
        stream.process(APP.pid, 1);
        stream.init(APP, 5, 0);
        stream.alloc(APP, "");
        stream.amend(|step| (step.text, step.detail) = (Read::Failed(-14), Read::Failed(-14)));
        stream.alloc_returns(APP, 0);
        if again {
            stream.amend(|step| {
                (step.text, step.detail) = (Read::Bytes("vEth0".into()), Read::Bytes("p".into()));
            });
        }
        stream.end().attempt().clone()
    };
    let unreadable = Argument::Unreadable { errno: 14 };
    let attempt = alloc(&[Hook::LibraryLog], false);
    assert_eq!(short(&attempt), stopped(Library, None), "another check may have refused unheard");
    let arguments = attempt.arguments.unwrap();
    assert_eq!((&arguments.name, &arguments.pool), (&unreadable, &unreadable));
    let attempt = alloc(&[], false);
    assert_eq!(short(&attempt), stopped(Library, Cause::LibBadArgument), "no other check is silent");
    let attempt = alloc(&[Hook::LibraryLog], true);
    assert_eq!(attempt.interface.claimed, Some("vEth0".into()), "it was in memory afterwards");
    let text = |text: &str| Argument::Text { text: text.into() };
    let arguments = attempt.arguments.unwrap();
    assert_eq!((arguments.name, arguments.pool), (text("vEth0"), text("p")));
}

#[test]
fn a_log_line_that_could_not_be_read_may_have_told_the_reason() {
    let mut stream = begin();
    stream.init(APP, 5, 0);
    stream.alloc(APP, "");
    stream.amend(|step| step.text = Read::Failed(-14));
    stream.says(APP, "");
    stream.amend(|step| step.text = Read::Failed(-14));
    stream.alloc_returns(APP, 0);
    assert_eq!(short(stream.end().attempt()), stopped(Library, None));
}

#[test]
fn a_panic_tells_what_the_library_gave_up_for() {
    let mut stream = begin();
    stream.alloc(APP, "vEth0");
    stream.note(APP, Hook::Panic, [0; 3], "KNI pool: corrupted slot ID: %d, max: %d\n");
    stream.amend(|step| step.detail = Read::Bytes("rte_kni_alloc".into()));
    stream.says(APP, "PANIC in %s():\n");
    stream.exit(APP);
    let told = stream.end();
    assert_eq!(short(told.attempt()), (Outcome::Died, Some(Library), Some(Cause::LibPanic)));
    assert_eq!(told.attempt().subject, Some("KNI pool: corrupted slot ID: %d, max: %d\n".into()));
}

#[test]
fn the_library_is_told_with_what_shows_its_release() {
    let mut stream = begin();
    stream.library(APP.pid, "librte_kni.so.23", &[]);
    stream.init(APP, 5, 0);
    created(&mut stream, "vEth0", HANDLE);
    let told = stream.end();
    let library = last(&told).library.clone().unwrap();
    assert_eq!(library.object, Some("/usr/lib/librte_kni.so.23".into()));
    assert_eq!((library.is_static, library.layout), (Some(false), Some('D')));
    assert_eq!(library.releases.as_deref(), Some("22.11 to 23.07"));
    let request = "ioctl 0xc0880002 with addresses from byte 16 on";
    assert_eq!(library.evidence, ["soname librte_kni.so.23", request]);
}

/// An empty pool: the interface is there, and the line that says so is among the steps.
#[test]
fn an_interface_without_buffers_is_created_and_the_librarys_complaint_is_kept() {
    let mut stream = begin();
    stream.init(APP, 5, 0);
    stream.alloc(APP, "vEth0");
    stream.request(APP, "vEth0", Kernel::Creates);
    stream.says(APP, "KNI: Out of memory\n");
    stream.alloc_returns(APP, 1);
    let told = stream.end();
    assert_eq!(short(last(&told)), super::CREATED);
    assert!(last(&told).steps.iter().any(|step| step.text == Some("KNI: Out of memory\n".into())));
}
