use expect_test::expect;
use kni_ebpf::hook::Hook;

use super::{QUIET, VERBOSE, check, paragraph};
use crate::cause::Cause;
use crate::report::{Attempt, AttemptCoverage, Boundary, Errnos, Interface, Outcome, Repeat, Unseen};
use crate::sink::samples;
use crate::sink::text::TextOptions;

#[test]
fn created() {
    check(
        samples::created(),
        &expect![[r#"
        14:02:11.204  testpmd[4533]    kni0     CREATED in 1.8 ms  ifindex 9
    "#]],
    );
}

#[test]
fn created_with_an_empty_pool_is_noted() {
    check(
        samples::library::empty_pool(),
        &expect![[r#"
            14:02:11.204  testpmd[4533]    kni0     CREATED in 1.8 ms  ifindex 9
                note: the library logged "KNI: Out of memory": the mbuf pool had no buffers
                  left for it
        "#]],
    );
}

#[test]
fn silent_refusal() {
    check(
        samples::silent_refusal(),
        &expect![[r#"
            14:02:11.204  kni-refused[4121]  vEth0_0  STOPPED IN THE LIBRARY
                the library could not reserve a memzone because one of that name exists
                  already: "kni_tx_vEth0_0"
                rte_memzone_reserve("kni_tx_vEth0_0") returned NULL
                rte_kni_alloc returned NULL 41 us after it was entered
                no ioctl was issued: the module was not asked, dmesg has nothing on it
                next: kniwatch explain lib.memzone-exists
        "#]],
    );
}

#[test]
fn silent_refusal_1604_and_its_restart_loop() {
    check(
        samples::silent_refusal_1604(),
        &expect![[r#"
            14:02:11.204  l3fwd-kni[4121]  vEth0_0  STOPPED IN THE LIBRARY
                the library looked up a memzone that nobody has made: "MP_mbuf_pool"
                rte_memzone_lookup("MP_mbuf_pool") found nothing
                rte_kni_alloc returned NULL 41 us after it was entered
                no ioctl was issued: the module was not asked, dmesg has nothing on it
                next: kniwatch explain lib.memzone-missing
        "#]],
    );
    check(
        samples::restarted(),
        &expect![[r#"
        14:02:11.204  l3fwd-kni[4131]  vEth0_0  same, 2nd time (restarted by
            supervisord[812], lived 1.9 s)
    "#]],
    );
    let bare = Repeat { count: 3, previous_pid: 4131, ..Repeat::default() };
    check(
        Attempt { repeat: Some(bare), ..samples::restarted() },
        &expect![[r#"
        14:02:11.204  l3fwd-kni[4131]  vEth0_0  same, 3rd time
    "#]],
    );
}

#[test]
fn module_missing() {
    check(
        samples::module_missing(),
        &expect![[r#"
            14:02:11.204  testpmd[4533]    -        STOPPED AT THE SYSTEM CALL
                /dev/kni does not exist, or there is no device behind it
                open("/dev/kni") returned ENOENT (No such file or directory)
                rte_kni_init returned -1
                no create ioctl was issued
                next: kniwatch explain sys.device-missing
        "#]],
    );
}

#[test]
fn device_busy() {
    check(
        samples::device_busy(),
        &expect![[r#"
            14:02:11.204  testpmd[4533]    -        STOPPED AT THE SYSTEM CALL
                /dev/kni is open already, and only one opening a network namespace is
                  allowed
                kni_open returned EBUSY (Device or resource busy), and so did
                  open("/dev/kni")
                rte_kni_init returned -1
                no create ioctl was issued
                /dev/kni is held by dpdk-testpmd[4507]
                next: kniwatch explain sys.device-busy
        "#]],
    );
}

#[test]
fn wrong_fd() {
    check(
        samples::wrong_fd(Cause::SysWrongDevice, 25, Some("/dev/null")),
        &expect![[r#"
            14:02:11.204  raw-create[4601]  kni0     STOPPED AT THE SYSTEM CALL
                the request was sent to a file that is not /dev/kni: "/dev/null"
                the ioctl returned ENOTTY (Inappropriate ioctl for device)
                next: kniwatch explain sys.wrong-device
        "#]],
    );
    check(
        samples::wrong_fd(Cause::SysBadFd, 9, None),
        &expect![[r#"
            14:02:11.204  raw-create[4601]  kni0     STOPPED AT THE SYSTEM CALL
                the request was sent to a file descriptor that is not open
                the ioctl returned EBADF (Bad file descriptor)
                next: kniwatch explain sys.bad-fd
        "#]],
    );
}

#[test]
fn duplicate_name() {
    check(
        samples::duplicate_name(),
        &expect![[r#"
        14:02:11.204  testpmd[4533]    kni0     STOPPED IN THE MODULE
            the module holds an interface of that name in this network namespace already
            kni_ioctl_create returned EINVAL (Invalid argument), and so did the ioctl
            kernel: rte_kni: Creating kni...
            kernel: rte_kni: KNI name kni0 duplicated
            next: kniwatch explain mod.name-duplicate
    "#]],
    );
}

#[test]
fn name_taken() {
    check(
        samples::name_taken(),
        &expect![[r#"
        14:02:11.204  testpmd[4533]    lo       STOPPED IN THE NETWORK CORE
            a network interface of that name exists already in this network namespace
            register_netdev("lo") returned EEXIST (File exists)
            kni_ioctl_create returned ENODEV (No such device) instead, and so did the
              ioctl
            kernel: rte_kni: error -17 registering device "lo"
            next: kniwatch explain net.name-exists
    "#]],
    );
}

#[test]
fn inconclusive_says_what_was_not_seen_and_what_will_help() {
    check(
        samples::inconclusive(samples::unseen()),
        &expect![[r#"
            14:02:11.204  kni-refused[4121]  vEth0_0  INCONCLUSIVE
                rte_kni_alloc returned NULL 41 us after it was entered
                whether the ioctl was issued is not known: it may have stopped anywhere
                whether the library issued its ioctl, and what it was told, is not seen
                  (left out by --without)
                whether the module was asked to create, and what it answered, is not seen
                  (observed only from 3.2 ms after the attempt's first step)
                not seen: 3 records of that time, lost because they came too fast
                how rte_kni_alloc was entered is not seen; only its return was
                next: kniwatch probes shows what is not observed here, and why
        "#]],
    );
    let late = Unseen::Hook { hook: "ioctl", reason: None, armed_after_ns: Some(3_200_000) };
    check(
        samples::inconclusive(vec![late]),
        &expect![[r#"
            14:02:11.204  kni-refused[4121]  vEth0_0  INCONCLUSIVE
                rte_kni_alloc returned NULL 41 us after it was entered
                whether the ioctl was issued is not known: it may have stopped anywhere
                whether the library issued its ioctl, and what it was told, is not seen
                  (observed only from 3.2 ms after the attempt's first step)
                next: let it try again: all hooks are attached now, and that attempt will be
                  seen whole
        "#]],
    );
    let lost = Unseen::Records { lost: 1 };
    check(
        samples::inconclusive(vec![lost]),
        &expect![[r#"
            14:02:11.204  kni-refused[4121]  vEth0_0  INCONCLUSIVE
                rte_kni_alloc returned NULL 41 us after it was entered
                whether the ioctl was issued is not known: it may have stopped anywhere
                not seen: 1 record of that time, lost because they came too fast
                next: let it try again: an attempt during which nothing is lost gets its
                  verdict
        "#]],
    );
    let refused = Unseen::Entry { hook: "ioctl" };
    check(
        samples::inconclusive(vec![refused]),
        &expect![[r#"
        14:02:11.204  kni-refused[4121]  vEth0_0  INCONCLUSIVE
            rte_kni_alloc returned NULL 41 us after it was entered
            whether the ioctl was issued is not known: it may have stopped anywhere
            how ioctl was entered is not seen; only its return was
            next: look for a seccomp filter that forbids ioctl: it refuses before
              anything is seen, and which request that was kniwatch can tell since Linux
              5.15
    "#]],
    );
}

#[test]
fn stopped_without_a_cause_says_so() {
    let library = Attempt { cause: None, subject: None, ..samples::silent_refusal() };
    check(
        library,
        &expect![[r#"
            14:02:11.204  kni-refused[4121]  vEth0_0  STOPPED IN THE LIBRARY
                which check of the library it was is not known
                rte_memzone_reserve("kni_tx_vEth0_0") returned NULL
                rte_kni_alloc returned NULL 41 us after it was entered
                no ioctl was issued: the module was not asked, dmesg has nothing on it
                next: read the program's own log: librte_kni gives most of its reasons there
        "#]],
    );
    check(
        Attempt { cause: None, ..samples::duplicate_name() },
        &expect![[r#"
        14:02:11.204  testpmd[4533]    kni0     STOPPED IN THE MODULE
            which check of the module it was is not known
            kni_ioctl_create returned EINVAL (Invalid argument), and so did the ioctl
            kernel: rte_kni: Creating kni...
            kernel: rte_kni: KNI name kni0 duplicated
            next: kniwatch -v shows every step that was seen
    "#]],
    );
    check(
        Attempt { cause: None, ..samples::name_taken() },
        &expect![[r#"
        14:02:11.204  testpmd[4533]    lo       STOPPED IN THE NETWORK CORE
            why the network core refused is not known
            register_netdev("lo") returned EEXIST (File exists)
            kni_ioctl_create returned ENODEV (No such device) instead, and so did the
              ioctl
            kernel: rte_kni: error -17 registering device "lo"
            next: kniwatch -v shows every step that was seen
    "#]],
    );
    check(
        Attempt { cause: None, boundary: None, ..samples::wrong_fd(Cause::SysBadFd, 9, None) },
        &expect![[r#"
            14:02:11.204  raw-create[4601]  kni0     STOPPED
                where it stopped is not known
                the ioctl returned EBADF (Bad file descriptor)
                next: kniwatch -v shows every step that was seen
        "#]],
    );
}

#[test]
fn what_could_have_told_the_cause_is_named() {
    let reason = Some("left out by --without".to_owned());
    let missing = vec![Unseen::Hook { hook: "library-log", reason, armed_after_ns: None }];
    let coverage = AttemptCoverage { complete: false, missing };
    check(
        Attempt { cause: None, coverage, ..samples::silent_refusal() },
        &expect![[r#"
            14:02:11.204  kni-refused[4121]  vEth0_0  STOPPED IN THE LIBRARY
                which check of the library it was is not known
                rte_memzone_reserve("kni_tx_vEth0_0") returned NULL
                rte_kni_alloc returned NULL 41 us after it was entered
                no ioctl was issued: the module was not asked, dmesg has nothing on it
                the reason that the library itself logged is not told (left out by
                  --without)
                next: kniwatch probes shows what is not observed here, and why
        "#]],
    );
}

#[test]
fn what_the_library_logged_is_evidence() {
    let logged = |text| samples::with_text(samples::entered(Hook::LibraryLog, 20_000), text);
    let mut attempt =
        Attempt { cause: Some(Cause::LibAlreadyExists), subject: None, ..samples::silent_refusal() };
    attempt.steps[1] = logged("KNI: pci: %02x:%02x:%02x \\t %02x:%02x\n");
    attempt.steps.insert(2, logged("KNI: KNI already exists\n"));
    check(
        attempt.clone(),
        &expect![[r#"
        14:02:11.204  kni-refused[4121]  vEth0_0  STOPPED IN THE LIBRARY
            the library holds an interface of that name in this process already
            the library logged "KNI: KNI already exists"
            rte_kni_alloc returned NULL 41 us after it was entered
            no ioctl was issued: the module was not asked, dmesg has nothing on it
            next: kniwatch explain lib.already-exists
    "#]],
    );
    // What is said on the way is no reason.
    let mut on_the_way = attempt.clone();
    on_the_way.steps.truncate(2);
    assert!(!paragraph(TextOptions::default(), on_the_way).contains("the library logged"));
    // It is no place that a thread can be inside of.
    attempt.steps.truncate(3);
    check(
        Attempt { outcome: Outcome::Died, cause: None, ..attempt },
        &expect![[r#"
        14:02:11.204  kni-refused[4121]  vEth0_0  DIED IN THE LIBRARY
            the library logged "KNI: KNI already exists"
            it was inside rte_kni_alloc, which will never return
            no create ioctl was issued
            next: read the program's own log: librte_kni gives most of its reasons there
    "#]],
    );
}

#[test]
fn errnos_that_no_step_tells_are_told() {
    check(
        Attempt { steps: Vec::new(), ..samples::name_taken() },
        &expect![[r#"
        14:02:11.204  testpmd[4533]    lo       STOPPED IN THE NETWORK CORE
            a network interface of that name exists already in this network namespace
            the kernel's own function said EEXIST (File exists)
            the program was told ENODEV (No such device)
            kernel: rte_kni: error -17 registering device "lo"
            next: kniwatch explain net.name-exists
    "#]],
    );
}

#[test]
fn death_progress_and_absence_name_the_place() {
    let mut steps = samples::duplicate_name().steps;
    steps.truncate(3);
    let errno = Errnos::default();
    let inside = Attempt { cause: None, steps, errno, log: Vec::new(), ..samples::duplicate_name() };
    check(
        Attempt { outcome: Outcome::Died, ..inside.clone() },
        &expect![[r#"
            14:02:11.204  testpmd[4533]    kni0     DIED IN THE MODULE
                it was inside kni_ioctl_create, which will never return
                next: kniwatch -v shows every step that was seen
        "#]],
    );
    let blocked = Attempt { outcome: Outcome::InProgress, duration_ns: 3_100_000_000, ..inside };
    check(
        blocked,
        &expect![[r#"
            14:02:11.204  testpmd[4533]    kni0     STILL IN PROGRESS after 3.1 s
                it is inside kni_ioctl_create
                next: sudo cat /proc/4534/stack shows what it waits for
        "#]],
    );
    let never = Attempt {
        outcome: Outcome::NotAttempted,
        boundary: None,
        cause: Some(Cause::ProcExited),
        subject: None,
        steps: Vec::new(),
        ..samples::silent_refusal()
    };
    check(
        never,
        &expect![[r#"
            14:02:11.204  kni-refused[4121]  vEth0_0  NOT ATTEMPTED
                the process ended by itself before it came to an answer
                no create ioctl was issued
                next: kniwatch explain proc.exited
        "#]],
    );
}

#[test]
fn created_under_another_name_says_both() {
    let names = Interface {
        claimed: Some("x%d".into()),
        consumed: Some("x%d".into()),
        actual: Some("x0".into()),
        ..samples::created().interface
    };
    check(
        Attempt { outcome: Outcome::CreatedElsewhere, interface: names, ..samples::created() },
        &expect![[r#"
            14:02:11.204  testpmd[4533]    x0       CREATED ELSEWHERE in 1.8 ms  ifindex 9
                kernel: rte_kni: Creating kni...
                the kernel took "x%d" and registered "x0"
        "#]],
    );
}

#[test]
fn verbose_lists_every_step_and_quiet_none() {
    expect![[r#"
        14:02:11.204  testpmd[4533]    lo       STOPPED IN THE NETWORK CORE
            a network interface of that name exists already in this network namespace
            register_netdev("lo") returned EEXIST (File exists)
            kni_ioctl_create returned ENODEV (No such device) instead, and so did the
              ioctl
            kernel: rte_kni: error -17 registering device "lo"
            program: "/usr/bin/dpdk-testpmd"
            thread 4534
            +0 ns     ioctl entered
            +2 us     kni_ioctl entered
            +3 us     kni_ioctl_create entered
            +9 us     register_netdev("lo") -> -EEXIST (File exists)
            +13 us    kni_ioctl_create -> -ENODEV (No such device)
            +14 us    kni_ioctl -> -ENODEV (No such device)
            +16 us    ioctl -> -ENODEV (No such device)
            next: kniwatch explain net.name-exists
    "#]]
    .assert_eq(&paragraph(VERBOSE, samples::name_taken()));
    expect![[r#"
        14:02:11.204  testpmd[4533]    lo       STOPPED IN THE NETWORK CORE
    "#]]
    .assert_eq(&paragraph(QUIET, samples::name_taken()));
}

#[test]
fn coverage_that_is_incomplete_without_a_doubt_is_not_told() {
    let coverage = AttemptCoverage { complete: false, missing: samples::unseen() };
    let decided = Attempt { coverage, boundary: Some(Boundary::Module), ..samples::duplicate_name() };
    assert!(!paragraph(TextOptions::default(), decided).contains("not seen"));
}
