use expect_test::expect;

use super::{QUIET, printed};
use crate::event::{Holder, Question};
use crate::report::{Change, Changed, Told};
use crate::sink::samples::{self, kernel};
use crate::sink::text::TextOptions;

/// The lines of `told`, without the header.
fn lines(options: TextOptions, told: impl IntoIterator<Item = Told>) -> String {
    let start = || Told::Start(samples::start(Question::Watch));
    let header = printed(options, [start()]);
    let all = printed(options, [start()].into_iter().chain(told));
    all.strip_prefix(&header).unwrap().to_owned()
}

fn changes(changes: impl IntoIterator<Item = Changed>) -> String {
    lines(TextOptions::default(), changes.into_iter().map(Told::Changed))
}

#[test]
fn every_way_that_an_interface_goes_says_how_and_in_what_time() {
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
    "#]]
    .assert_eq(&lines(TextOptions::default(), kernel::releases().into_iter().map(Told::Released)));
}

#[test]
fn every_change_says_what_it_means_and_what_to_do() {
    expect![[r#"
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
    "#]]
    .assert_eq(&changes(kernel::changes()));
    assert_eq!(lines(QUIET, kernel::changes().into_iter().map(Told::Changed)), "");
}

#[test]
fn a_request_that_came_to_nothing_says_only_what_is_known_of_the_reason() {
    let by = Holder { pid: 4533, comm: "testpmd".into() };
    let all = [
        // A signal ends the wait with the same errno.
        kernel::asked(Some(libc::ETIME), 1_200_000_000),
        kernel::asked(Some(libc::EBUSY), 2_000),
        kernel::asked(Some(libc::ENODATA), 2_000),
        Change::SetUpRequest { request: "set down", errno: Some(libc::ETIME), took_ns: 3_100_000_000, by },
        Change::ReleaseRefused { errno: Some(libc::EFAULT), took_ns: None },
    ];
    expect![[r#"
        14:02:11.204  testpmd[4533]    kni0     SET-UP REQUEST FAILED with ETIME (Timer
            expired) after 1.2 s
            asked for by ip[412]: set up
            a signal ended the wait for the program's answer
            next: have a thread of the program call rte_kni_handle_request again and
              again, also while another releases the interface
        14:02:11.204  testpmd[4533]    kni0     SET-UP REQUEST FAILED with EBUSY (Device
            or resource busy) after 2 us
            asked for by ip[412]: set up
            the queue is full: the program leaves its set-up requests unanswered
            next: have a thread of the program call rte_kni_handle_request again and
              again, also while another releases the interface
        14:02:11.204  testpmd[4533]    kni0     SET-UP REQUEST FAILED with ENODATA (No
            data available) after 2 us
            asked for by ip[412]: set up
        14:02:11.204  testpmd[4533]    kni0     SET-UP REQUEST TIMED OUT after 3.1 s
            asked for by testpmd[4533], the program itself: set down
            nobody answered: the program does not call rte_kni_handle_request, or not
              often enough
            next: have a thread of the program call rte_kni_handle_request again and
              again, also while another releases the interface
        14:02:11.204  testpmd[4533]    kni0     RELEASE REFUSED with EFAULT (Bad
            address)
            the interface stays
    "#]]
    .assert_eq(&changes(all.map(kernel::changed)));
}
