//! KNI-shaped requests are recorded, others are not.

use std::process;
use std::thread;

use kni_ebpf::counter::Outcome;
use kni_ebpf::hook::Hook;
use kni_user::event::{Phase, Read};
use kni_user::probe::Config;
use kni_user::untrusted::Untrusted;

use crate::program::{self, CREATE, FOREIGN, Info, RELEASE};
use crate::watch::{Watch, calls, steps};

const ENOTTY: i64 = -25;

#[test]
fn a_request_is_recorded_at_its_entry_and_its_return() {
    let mut watch = Watch::armed(&Config::default());
    program::request(CREATE, &mut Info::named("vEth0_0"));
    let pid = process::id();
    let [enter, leave] = watch
        .wait_for("pair of calls", |events| calls(events, pid).cloned().collect::<Vec<_>>().try_into().ok());

    assert_eq!((enter.cmd, leave.cmd), (CREATE, CREATE));
    assert_eq!(enter.fd, leave.fd);
    assert_eq!(enter.phase, Phase::Enter);
    let Read::Bytes(info) = &enter.info else { panic!("{enter:?}") };
    assert_eq!(info.as_bytes().len(), 136);
    assert!(info.as_bytes().starts_with(b"vEth0_0\0"));
    let Phase::Return { value, entered } = leave.phase else { panic!("{leave:?}") };
    assert_eq!(value, ENOTTY);
    // Outside of the library, the request itself is the attempt.
    assert!(entered.is_some() && enter.attempt == entered && leave.attempt == entered);
}

#[test]
fn foreign_requests_are_counted_and_not_recorded() {
    let mut watch = Watch::armed(&Config::default());
    for _ in 0..100 {
        program::request(FOREIGN, &mut Info::named("x"));
    }
    program::request(RELEASE, &mut Info::named("x"));
    let pid = process::id();
    let [enter, leave] = watch
        .wait_for("pair of calls", |events| calls(events, pid).cloned().collect::<Vec<_>>().try_into().ok());
    assert_eq!((enter.cmd, leave.cmd), (RELEASE, RELEASE));
    // A release creates nothing: it is no attempt.
    assert_eq!((enter.attempt, leave.attempt), (None, None));
    // Their entries and their returns.
    assert!(watch.probes.counters().unwrap().at(Hook::Ioctl, Outcome::Filtered) >= 200);
}

#[test]
fn a_struct_that_cannot_be_read_is_told_as_such() {
    let mut watch = Watch::armed(&Config::default());
    // SAFETY: an address where nothing is; /dev/null's driver does not look at it either.
    unsafe { libc::ioctl(-1, libc::c_ulong::from(CREATE), 8) };
    let enter = watch.wait_for("call", |events| calls(events, process::id()).next().cloned());
    assert_eq!(enter.info, Read::Failed(-libc::EFAULT));
    assert_eq!(enter.fd, -1);
}

#[test]
fn a_call_within_the_library_belongs_to_the_attempt_that_began_there() {
    let mut watch = Watch::armed(&with_own_library());
    program::alloc("vEth0_0");
    let pid = process::id();
    let (enter, leave) = watch.wait_for("return of rte_kni_alloc", |events| {
        let mut alloc = steps(events, pid).filter(|step| step.hook == Hook::LibraryAlloc);
        alloc.next().cloned().zip(alloc.next().cloned())
    });

    assert_eq!(enter.text.text().map(Untrusted::as_bytes), Some(&b"vEth0_0"[..]));
    let Phase::Return { value: 0, entered } = leave.phase else { panic!("{leave:?}") };
    assert!(entered.is_some() && enter.attempt == entered && leave.attempt == entered);
    let called: Vec<_> = calls(watch.events(), pid).map(|call| (call.cmd, call.attempt)).collect();
    assert_eq!(called, [(CREATE, entered), (CREATE, entered)]);
}

#[test]
fn a_call_that_seccomp_refuses_is_a_return_without_an_entry() {
    let mut watch = Watch::armed(&with_own_library());
    // The filter stays with the thread, and ends with it.
    let refused = thread::spawn(|| {
        refuse_requests();
        program::alloc("vEth0_0");
    });
    refused.join().unwrap();
    let pid = process::id();
    let leave = watch.wait_for("call", |events| calls(events, pid).next().cloned());
    watch.wait_for("return of rte_kni_alloc", |events| {
        steps(events, pid).find(|step| matches!(step.phase, Phase::Return { .. })).cloned()
    });

    assert_eq!(leave.phase, Phase::Return { value: -i64::from(libc::EPERM), entered: None });
    // Its arguments come from the thread's registers. The foreign call in the library is none.
    assert_eq!(leave.cmd, CREATE);
    assert!(leave.fd >= 0 && leave.attempt.is_some());
    assert_eq!(calls(watch.events(), pid).count(), 1);
}

fn with_own_library() -> Config {
    Config { executables: vec![program::path()], ..Config::default() }
}

/// Has this thread's `ioctl(_, CREATE, _)` fail with EPERM before the kernel looks at it.
fn refuse_requests() {
    let statement =
        |code: u32, k: u32| libc::sock_filter { code: u16::try_from(code).unwrap(), jt: 0, jf: 0, k };
    let unless = |k: u32, skip: u8| libc::sock_filter {
        code: u16::try_from(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K).unwrap(),
        jt: 0,
        jf: skip,
        k,
    };
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let give = libc::BPF_RET | libc::BPF_K;
    // struct seccomp_data: the number at 0, the arguments from 16 on, each of eight bytes.
    let mut filter = [
        statement(load, 0),
        unless(u32::try_from(libc::SYS_ioctl).unwrap(), 3),
        statement(load, 24),
        unless(CREATE, 1),
        statement(give, libc::SECCOMP_RET_ERRNO | u32::try_from(libc::EPERM).unwrap()),
        statement(give, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: u16::try_from(filter.len()).unwrap(), filter: filter.as_mut_ptr() };
    // SAFETY: a filter of six instructions, which the kernel checks and copies.
    let installed = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program)
    };
    assert_eq!(installed, 0, "{}", std::io::Error::last_os_error());
}
