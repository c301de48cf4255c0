use expect_test::expect;

use super::{QUIET, VERBOSE, answer, printed};
use crate::event::{Ledger, Question};
use crate::report::{
    CheckResult, Checked, CoverageChange, Diagnostic, Lost, Outcome, Released, ReleasedHow, Summary, Tally,
    Told,
};
use crate::sink::samples;
use crate::sink::text::{TextOptions, probes};

#[test]
fn a_run_of_watch() {
    let told = [
        Told::Start(samples::start(Question::Watch)),
        Told::Armed(samples::hooks()),
        Told::Attempt(Box::new(samples::created())),
        Told::Coverage(CoverageChange {
            came: Vec::new(),
            went: vec!["dispatcher", "handler"],
            blind_ns: None,
        }),
        Told::Coverage(CoverageChange {
            came: vec!["dispatcher", "handler"],
            went: Vec::new(),
            blind_ns: Some(1_200_000),
        }),
        Told::Released(samples::released()),
        Told::Released(Released { how: ReleasedHow::Close, ..samples::released() }),
        Told::Lost(Lost { count: 3, total: 4 }),
        Told::Lost(Lost { count: 1, total: 1 }),
        Told::Diagnostic(Diagnostic::CommandEnded { status: None, signal: Some(9) }),
        Told::Summary(samples::summary()),
    ];
    expect![[r#"
        kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64, 2026-08-22 (UTC+02:00)
        rte_kni 22.11 is loaded: carrier=off, kthread_mode=single
        watching: 2 hooks live, 1 idle until a program uses KNI, 1 waiting for the
            module or a library, 3 missing
            missing: dispatcher, handler (this kernel has no kprobes)
            missing: exit (left out)

        14:02:11.204  testpmd[4533]    kni0     CREATED in 1.8 ms  ifindex 9
        14:02:11.204  no longer observed: dispatcher, handler
        14:02:11.204  now observed: dispatcher, handler; the module had been there
            unobserved for 1.2 ms
        14:02:11.204  testpmd[4533]    kni0     RELEASED by request, lived 4.9 s
        14:02:11.204  testpmd[4533]    kni0     RELEASED by closing /dev/kni, lived
            4.9 s
        14:02:11.204  3 RECORDS LOST (4 in all): an attempt of that time may stay
            inconclusive or unseen
        14:02:11.204  1 RECORD LOST: an attempt of that time may stay inconclusive or
            unseen
        14:02:11.204  the command was killed by SIGKILL

        5 attempts: 1 created, 3 stopped in the library, 1 stopped in the network core
        412 records, 0 lost, 0 missed: complete.
    "#]]
    .assert_eq(&printed(TextOptions::default(), told.clone()));
    expect![[r#"
        14:02:11.204  testpmd[4533]    kni0     CREATED in 1.8 ms  ifindex 9
        14:02:11.204  testpmd[4533]    kni0     RELEASED by request, lived 4.9 s
        14:02:11.204  testpmd[4533]    kni0     RELEASED by closing /dev/kni, lived
            4.9 s
        5 attempts: 1 created, 3 stopped in the library, 1 stopped in the network core
        412 records, 0 lost, 0 missed: complete.
    "#]]
    .assert_eq(&printed(QUIET, told));
}

#[test]
fn arming_for_a_program_and_idling_after_it_is_no_news_unless_asked_for() {
    let change = |came: &[&'static str], went: &[&'static str]| {
        Told::Coverage(CoverageChange { came: came.to_vec(), went: went.to_vec(), blind_ns: None })
    };
    let told =
        [change(&["ioctl", "open"], &[]), change(&["handler", "open"], &[]), change(&[], &["ioctl", "open"])];
    expect![[r#"
        00:00:05.000  now observed: handler
    "#]]
    .assert_eq(&printed(TextOptions::default(), told.clone()));
    expect![[r#"
        00:00:05.000  now observed: ioctl, open
        00:00:05.000  now observed: handler, open
        00:00:05.000  no longer observed: ioctl, open
    "#]]
    .assert_eq(&printed(VERBOSE, told));
}

#[test]
fn without_the_module_or_any_attempt() {
    let mut start = samples::start(Question::Watch);
    start.module = None;
    start.utc_offset_s = i32::MAX;
    let ledger = Ledger { received: 1, lost: 2, unpaired: 1, ..Ledger::default() };
    let summary = Summary { attempts: Tally::default(), ledger, complete: false, ..samples::summary() };
    expect![[r#"
        kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64, 2026-08-22 (UTC+00:00)
        rte_kni is not loaded

        no attempt was seen
        1 record, 2 lost, 0 missed, 1 unpaired: INCOMPLETE, something may have gone
            unseen.
    "#]]
    .assert_eq(&printed(TextOptions::default(), [Told::Start(start), Told::Summary(summary)]));
}

#[test]
fn a_run_without_any_event() {
    let told = [
        Told::Start(samples::start(Question::Watch)),
        Told::Armed(samples::hooks()),
        Told::Summary(Summary { attempts: Tally::default(), ..samples::summary() }),
    ];
    expect![[r#"
        kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64, 2026-08-22 (UTC+02:00)
        rte_kni 22.11 is loaded: carrier=off, kthread_mode=single
        watching: 2 hooks live, 1 idle until a program uses KNI, 1 waiting for the
            module or a library, 3 missing
            missing: dispatcher, handler (this kernel has no kprobes)
            missing: exit (left out)

        no attempt was seen
        412 records, 0 lost, 0 missed: complete.
    "#]]
    .assert_eq(&printed(TextOptions::default(), told));
}

#[test]
fn check_answers_with_each_interface_and_one_line_for_all() {
    let created = || samples::checked(samples::created());
    let all = |status, interfaces| answer(TextOptions::default(), interfaces, status);
    expect![[r#"
        kni0  created in 1.8 ms (ifindex 9)
        OK 1 of 1 created
    "#]]
    .assert_eq(&all(0, vec![created()]));
    expect![[r#"
        kni0  created in 1.8 ms (ifindex 9)
        kni0  stopped in the module: the module holds an interface of that name in this
            network namespace already
            tried by testpmd[4533] at 14:02:11.204
            kni_ioctl_create returned EINVAL (Invalid argument), and so did the ioctl
            kernel: rte_kni: Creating kni...
            kernel: rte_kni: KNI name kni0 duplicated
        FAIL 1 of 2 created; exit status 13 (stopped in module, see kniwatch explain
            mod.name-duplicate)
    "#]]
    .assert_eq(&all(13, vec![created(), samples::checked(samples::duplicate_name())]));
    expect![[r#"
        vEth0_0  stopped in the library: the library looked up a memzone that nobody has
            made: "MP_mbuf_pool"
            tried by l3fwd-kni[4131] at 14:02:11.204
            rte_memzone_lookup("MP_mbuf_pool") found nothing
            rte_kni_alloc returned NULL 41 us after it was entered
            no ioctl was issued: the module was not asked, dmesg has nothing on it
            same, 2nd time (restarted by supervisord[812], lived 1.9 s)
        FAIL 0 of 1 created; exit status 11 (stopped in library, see kniwatch explain
            lib.memzone-missing)
    "#]]
    .assert_eq(&all(11, vec![samples::checked(samples::restarted())]));
    expect![[r#"
        kni0  created in 1.8 ms (ifindex 9), but gone again
        FAIL 0 of 1 created; exit status 15 (created elsewhere, doomed, or gone again)
    "#]]
    .assert_eq(&all(15, vec![Checked { gone_again: true, as_expected: false, ..created() }]));
    expect![[r#"
        vEth0_0  inconclusive
            tried by kni-refused[4121] at 14:02:11.204
            rte_kni_alloc returned NULL 41 us after it was entered
            whether the ioctl was issued is not known: it may have stopped anywhere
            whether the library issued its ioctl, and what it was told, is not seen
              (left out by --without)
            whether the module was asked to create, and what it answered, is not seen
              (observed only from 3.2 ms after the attempt's first step)
            not seen: 3 records of that time, lost because they came too fast
            how rte_kni_alloc was entered is not seen; only its return was
            next: kniwatch probes shows what is not observed here, and why
        FAIL 0 of 1 created; exit status 20 (inconclusive)
    "#]]
    .assert_eq(&all(20, vec![samples::checked(samples::inconclusive(samples::unseen()))]));
    let never = Checked {
        name: Some("vEth0_0".into()),
        outcome: Outcome::NotAttempted,
        boundary: None,
        cause: None,
        gone_again: false,
        as_expected: false,
        attempt: None,
    };
    expect![[r#"
        vEth0_0  not attempted: nobody tried
        FAIL 0 of 1 created; exit status 10 (not attempted)
    "#]]
    .assert_eq(&all(10, vec![never.clone()]));
    expect![[r#"
        no interface  not attempted: nobody tried
        FAIL 0 of 1 created; exit status 10 (not attempted)
    "#]]
    .assert_eq(&all(10, vec![Checked { name: None, ..never.clone() }]));
    expect![[r#"
        vEth0_0  inconclusive: no attempt was seen, but one may have gone unseen
            (kniwatch probes shows why)
        FAIL 0 of 1 created; exit status 20 (inconclusive)
    "#]]
    .assert_eq(&all(20, vec![Checked { outcome: Outcome::Inconclusive, ..never }]));
}

#[test]
fn a_negative_test_is_told_as_one() {
    let refused = || samples::checked(samples::duplicate_name());
    let all = |exit_status, interfaces| {
        let expected = "stopped:module".parse().unwrap();
        let check = Some(CheckResult { interfaces, expected, exit_status });
        let summary = Summary { check, ..samples::summary() };
        let told = vec![Told::Start(samples::start(samples::check_of(&["kni0"]))), Told::Summary(summary)];
        printed(TextOptions { quiet: true, ..TextOptions::default() }, told)
    };
    let met = Checked { as_expected: true, ..refused() };
    let created = Checked { as_expected: false, ..samples::checked(samples::created()) };
    expect![[r#"
        OK 1 of 1 as expected (stopped:module)
    "#]]
    .assert_eq(&all(0, vec![met.clone()]));
    expect![[r#"
        FAIL 1 of 2 as expected (stopped:module); exit status 17 (created although
            another outcome was expected)
    "#]]
    .assert_eq(&all(17, vec![met, created]));
}

#[test]
fn check_tells_little_before_its_answer() {
    let told = |options| printed(options, samples::everything().into_iter().map(|report| report.what));
    expect![[r#"
        14:02:11.204  testpmd[4533]    kni0     RELEASED by request in 3.2 s, lived
            4.9 s
        14:02:11.204  testpmd[4533]    kni0     RELEASED by closing /dev/kni in 57 ms,
            lived 4.9 s
        14:02:11.204  testpmd[4533]    kni0     RELEASED by the end of its process,
            lived 4.9 s
        14:02:11.204  testpmd[4533]    kni0     GONE; what released it was not seen,
            lived 4.9 s
        14:02:11.204  testpmd[4533]    kni0     RELEASED by request
        14:02:11.204  testpmd[4533]    kni0     RENAMED to wan0
            the module still knows it, and releases it, by the name it was created with
        14:02:11.204  testpmd[4533]    kni0     MOVED to network namespace 4026532201
        14:02:11.204  testpmd[4533]    kni0     MOVED to another network namespace
        14:02:11.204  testpmd[4533]    kni0     UP
        14:02:11.204  testpmd[4533]    kni0     UP, BUT WITHOUT CARRIER
            nothing is sent or received without a carrier
            from DPDK 18.11 on an interface starts without, unless the module was loaded
              with its parameter carrier=on
            next: load the module with carrier=on, have the program call
              rte_kni_update_link, or write 1 to /sys/class/net/kni0/carrier
        14:02:11.204  testpmd[4533]    kni0     DOWN
        14:02:11.204  testpmd[4533]    kni0     CARRIER ON
        14:02:11.204  testpmd[4533]    kni0     CARRIER LOST
            nothing is sent or received without a carrier
        14:02:11.204  testpmd[4533]    kni0     SET-UP REQUEST TIMED OUT after 3 s
            asked for by ip[412]: set up
            nobody answered: the program does not call rte_kni_handle_request, or not
              often enough
            next: have a thread of the program call rte_kni_handle_request again and
              again, also while another releases the interface
        14:02:11.204  testpmd[4533]    kni0     SET-UP REQUEST answered only after 1.2 s
            asked for by ip[412]: set up
            next: have a thread of the program call rte_kni_handle_request again and
              again, also while another releases the interface
        14:02:11.204  testpmd[4533]    kni0     RELEASE REFUSED with EINVAL (Invalid
            argument) after 21 us
            the module knows it by the name and in the network namespace that it was
              created with, and by nothing else
            the interface stays
        14:02:11.204  testpmd[4533]    kni0     RELEASE REFUSED by the library, which
            asked nobody
            the interface stays
        14:02:11.204  testpmd[4533]    kni0     LEFT WITHOUT ITS MODULE
            it was created in another network namespace than the device was opened in,
              so that closing the device left it where it was
            its code is gone: who touches it next, as "ip link" does, dies in the
              kernel, and so does its own thread
            next: reboot; from then on remove rte_kni only when "kniwatch ls" lists no
              interface
        14:02:11.204  -                kni0     UP
        14:02:11.204  testpmd[4533]    kni0     DIED IN THE MODULE, inside kni_release
            the kernel failed in __get_user_pages
            kernel: BUG: kernel NULL pointer dereference, address: 0000000000000000
            kernel: RIP: 0010:__get_user_pages+0x4f/0x6b0
            kni0 stays
            /dev/kni stays busy until the machine is restarted
            next: kniwatch explain sys.device-stuck
        14:02:11.204  testpmd[4533]    kni0     RELEASED by request, lived 4.9 s
        14:02:11.204  3 RECORDS LOST (4 in all): an attempt of that time may stay
            inconclusive or unseen
        14:02:11.204  the command ended with exit status 1
        kni0  created in 1.8 ms (ifindex 9)
        kni0  stopped in the module: the module holds an interface of that name in this
            network namespace already
            tried by testpmd[4533] at 14:02:11.204
            kni_ioctl_create returned EINVAL (Invalid argument), and so did the ioctl
            kernel: rte_kni: Creating kni...
            kernel: rte_kni: KNI name kni0 duplicated
        FAIL 1 of 2 created; exit status 13 (stopped in module, see kniwatch explain
            mod.name-duplicate)
    "#]]
    .assert_eq(&told(TextOptions::default()));
    expect![[r#"
        FAIL 1 of 2 created; exit status 13 (stopped in module, see kniwatch explain
            mod.name-duplicate)
    "#]]
    .assert_eq(&told(QUIET));
    assert!(told(VERBOSE).contains("CREATED in 1.8 ms"));
}

#[test]
fn check_says_that_it_may_have_missed_something() {
    let start = Told::Start(samples::start(samples::check_of(&["kni0"])));
    let summary = samples::answered(vec![samples::checked(samples::created())], 0);
    let ledger = Ledger { lost: 2, ..summary.ledger.clone() };
    let summary = Told::Summary(Summary { complete: false, ledger, ..summary });
    expect![[r#"
        kni0  created in 1.8 ms (ifindex 9)
        OK 1 of 1 created
        5 attempts: 1 created, 3 stopped in the library, 1 stopped in the network core
        412 records, 2 lost, 0 missed: INCOMPLETE, something may have gone unseen.
    "#]]
    .assert_eq(&printed(TextOptions::default(), [start, summary]));
}

#[test]
fn probes_are_listed_with_what_is_lost_without_them() {
    let mut out = Vec::new();
    probes(&mut out, &samples::rows(), &samples::sources()).unwrap();
    expect![[r#"
        missing  kernel-log        /dev/kmsg
            why: Operation not permitted (os error 1): it takes CAP_SYSLOG (or root), or
              sysctl kernel.dmesg_restrict=0
            lost: the module's own words are not told, nor causes that only they tell
              apart
        live     library-alloc     rte_kni_alloc in /usr/lib/librte_kni.so.23 (emulated)
        live     memzone-reserve   rte_memzone_reserve, rte_memzone_reserve_aligned in
            /usr/lib/librte_eal.so.23 (1 emulated, 2 single-stepped)
        waiting  dispatcher        kni_ioctl
        gone     handler           kni_ioctl_create
        idle     open              sys_enter_openat
        missing  register-netdev   register_netdev
            why: this kernel has no kprobes
            lost: the network core's own error is hidden behind the module's ENODEV
        2 of 6 attached; 1 idle: attached as soon as a program uses KNI
    "#]]
    .assert_eq(&String::from_utf8(out).unwrap());
}
