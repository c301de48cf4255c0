use expect_test::expect;

use super::{QUIET, VERBOSE, check, paragraph, printed};
use crate::report::{Attempt, Outcome, Told, WaitsFor};
use crate::sink::samples::{self, kernel};
use crate::sink::text::TextOptions;

#[test]
fn what_takes_long_is_one_line_until_its_last_word() {
    check(
        kernel::in_progress(),
        &expect![[r#"
        14:02:11.204  testpmd[4533]    kni0     IN PROGRESS for 1 s, waiting for rtnl
            (network configuration lock), held by ip[412]
    "#]],
    );
    check(
        kernel::created_late(),
        &expect![[r#"
        14:02:11.204  testpmd[4533]    kni0     CREATED in 2.9 s  ifindex 9
            1 s after it began, it had been waiting for rtnl (network configuration
              lock), held by ip[412]
    "#]],
    );
    check(
        kernel::blocked(),
        &expect![[r#"
        14:02:11.204  testpmd[4533]    kni0     STILL IN PROGRESS after 9.1 s
            the thread waits inside the kernel
            it is inside kni_ioctl_create
            1 s after it began, it was waiting for rtnl (network configuration lock),
              held by ip[412]
            next: kniwatch explain proc.blocked
    "#]],
    );
    expect![[r#"
        14:02:11.204  testpmd[4533]    kni0     IN PROGRESS for 1 s, waiting for rtnl
            (network configuration lock), held by ip[412]
            kernel stack: __mutex_lock <- register_netdev <- kni_ioctl_create <-
              kni_ioctl <- __x64_sys_ioctl
    "#]]
    .assert_eq(&paragraph(VERBOSE, kernel::in_progress()));
    assert_eq!(paragraph(QUIET, kernel::in_progress()), "", "one line an attempt");
}

#[test]
fn each_thing_that_is_waited_for_has_its_words() {
    let all = [
        WaitsFor::Kthreadd,
        WaitsFor::RequestHandler,
        WaitsFor::ThreadStop,
        WaitsFor::Kernel,
        WaitsFor::Program,
        WaitsFor::Unknown,
    ];
    let told = |what| {
        let waiting = Some(kernel::waiting(what, None));
        paragraph(TextOptions::default(), Attempt { waiting, ..kernel::in_progress() })
    };
    expect![[r#"
        14:02:11.204  testpmd[4533]    kni0     IN PROGRESS for 1 s, waiting for
            kthreadd, which starts kernel threads
        14:02:11.204  testpmd[4533]    kni0     IN PROGRESS for 1 s, waiting for the
            program to answer a set-up request (rte_kni_handle_request)
        14:02:11.204  testpmd[4533]    kni0     IN PROGRESS for 1 s, waiting for a
            kernel thread to stop
        14:02:11.204  testpmd[4533]    kni0     IN PROGRESS for 1 s, waiting in the
            kernel, in __mutex_lock
        14:02:11.204  testpmd[4533]    kni0     IN PROGRESS for 1 s, in the program's
            own code, not in the kernel
        14:02:11.204  testpmd[4533]    kni0     IN PROGRESS for 1 s, waiting for what is
            not known: its kernel stack could not be read
    "#]]
    .assert_eq(&all.map(told).concat());
    let unseen = Attempt { waiting: None, ..kernel::in_progress() };
    check(
        unseen,
        &expect![[r#"
        14:02:11.204  testpmd[4533]    kni0     IN PROGRESS for 1 s, inside
            kni_ioctl_create
    "#]],
    );
    // What is not known of a wait that is over is nobody's business any more.
    for what in [WaitsFor::Program, WaitsFor::Unknown] {
        let waiting = Some(kernel::waiting(what, None));
        let over = Attempt { waiting, outcome: Outcome::Created, ..kernel::created_late() };
        assert!(!paragraph(TextOptions::default(), over).contains("after it began"));
    }
}

#[test]
fn a_death_inside_shows_the_kernels_own_report_and_its_consequences() {
    check(
        kernel::died_inside(),
        &expect![[r#"
        14:02:11.204  testpmd[4533]    kni0     DIED IN THE MODULE
            the kernel failed in kni_ioctl_create
            it was inside kni_ioctl_create, which will never return
            kernel: rte_kni: Creating kni...
            kernel: BUG: unable to handle page fault for address: ffffffffab8e1d18
            kernel: Oops: 0000 [#1] PREEMPT SMP NOPTI
            kernel: CPU: 0 PID: 4533 Comm: testpmd Tainted: G           OE
              6.1.0-56-amd64
            kernel: RIP: 0010:kni_ioctl_create+0x9f/0xb30 [rte_kni]
            next: kniwatch explain proc.crash
    "#]],
    );
    check(
        kernel::device_stuck(),
        &expect![[r#"
        14:02:11.204  testpmd[4533]    -        STOPPED AT THE SYSTEM CALL
            /dev/kni stays busy although nobody has it open: whoever had it died inside
              the module and never gave it back
            kni_open returned EBUSY (Device or resource busy), and so did
              open("/dev/kni")
            rte_kni_init returned -1
            no create ioctl was issued
            testpmd[4533] died inside the module with /dev/kni open
            next: kniwatch explain sys.device-stuck
    "#]],
    );
    let start = Told::Start(samples::start(crate::event::Question::Watch));
    let told = printed(TextOptions::default(), [start, Told::Diagnostic(kernel::died_in_release())]);
    expect![[r#"
        14:02:11.204  testpmd[4533]    kni0     DIED IN THE MODULE, inside kni_release
            the kernel failed in __get_user_pages
            kernel: BUG: kernel NULL pointer dereference, address: 0000000000000000
            kernel: RIP: 0010:__get_user_pages+0x4f/0x6b0
            kni0 stays
            /dev/kni stays busy until the machine is restarted
            next: kniwatch explain sys.device-stuck
    "#]]
    .assert_eq(told.split_once("kthread_mode=single\n").unwrap().1);
}

#[test]
fn skew_shows_both_sides_and_what_the_module_made_of_it() {
    check(
        kernel::size_skew(),
        &expect![[r#"
        14:02:11.204  testpmd[4533]    kni0     STOPPED IN THE MODULE
            the request's struct is larger than the module's: library and module are of
              different DPDK releases
            kni_ioctl_create returned EINVAL (Invalid argument), and so did the ioctl
            the library's request: layout B, 152 bytes; the module's struct: layout D,
              136 bytes
            the module's side is known from its version 22.11, its type information
              (BTF)
            next: kniwatch explain mod.size-skew
    "#]],
    );
    check(
        kernel::doomed(),
        &expect![[r#"
        14:02:11.204  testpmd[4533]    kni0     CREATED, BUT DOOMED in 1.8 ms  ifindex 9
            library and module lay the request's struct out differently, and the module
              can't tell
            the library's request: layout A, 136 bytes; the module's struct: layout D,
              136 bytes
            the module's side is known from its version 22.11
            as the module reads it: tx_phys 0x0, alloc_phys 0x10f3a2000, mtu 282296454
            l3fwd-kni: an executable with the library inside, DPDK 16.04 to 16.07,
              layout A (lookup of the pool's memzone)
            kernel: rte_kni: Creating kni...
            next: kniwatch explain mod.layout-skew
    "#]],
    );
}

#[test]
fn created_in_another_network_namespace_says_which() {
    check(
        kernel::elsewhere(),
        &expect![[r#"
        14:02:11.204  testpmd[4533]    kni0     CREATED ELSEWHERE in 1.8 ms  ifindex 9
            kernel: rte_kni: Creating kni...
            the request was made in network namespace 4026532201, /dev/kni opened in
              4026531840: closing the device will not remove the interface
    "#]],
    );
}
