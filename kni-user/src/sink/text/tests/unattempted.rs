//! Programs that never came to an attempt.

use expect_test::expect;

use super::{answer, check};
use crate::sink::samples::{self, library};
use crate::sink::text::TextOptions;

#[test]
fn what_was_never_attempted_is_told_by_how_far_it_came() {
    check(
        library::never_tried(),
        &expect![[r#"
            14:02:11.204  l3fwd-kni[4121]  -        NOT ATTEMPTED: it came as far as
                rte_pktmbuf_pool_create
                the program could not make its mbuf pool, and went no further
                open("/dev/kni") succeeded
                rte_kni_init returned 0
                rte_pktmbuf_pool_create("mbuf_pool") returned NULL (ENOMEM)
                no create ioctl was issued
                the process then ended with exit status 1
                next: kniwatch explain lib.no-pool
        "#]],
    );
    check(
        library::under_way(),
        &expect![[r#"
            14:02:11.204  l3fwd-kni[4121]  -        NOT ATTEMPTED: it came as far as
                rte_kni_init
                the program has not tried to create an interface
                open("/dev/kni") succeeded
                rte_kni_init returned 0
                no create ioctl was issued
                next: kniwatch -v shows every step that was seen
        "#]],
    );
}

#[test]
fn a_stripped_executable_is_inconclusive_and_said_to_be_stripped() {
    check(
        library::stripped(),
        &expect![[r#"
            14:02:11.204  l3fwd-kni[4121]  -        INCONCLUSIVE
                open("/dev/kni") succeeded
                rte_kni_init returned 0
                rte_pktmbuf_pool_create("mbuf_pool") returned NULL (ENOMEM)
                whether the program then tried to create an interface is not known
                the process then ended with exit status 1
                an attempt that stops before its ioctl is not seen at all (its executable is
                  stripped)
                next: kniwatch probes shows what is not observed here, and why
        "#]],
    );
}

#[test]
fn check_tells_how_far_a_program_came() {
    let never = samples::checked(library::never_tried());
    expect![[r#"
        no interface  not attempted: the program could not make its mbuf pool, and went
            no further
            by l3fwd-kni[4121], first seen at 14:02:11.204
            open("/dev/kni") succeeded
            rte_kni_init returned 0
            rte_pktmbuf_pool_create("mbuf_pool") returned NULL (ENOMEM)
            no create ioctl was issued
            the process then ended with exit status 1
        FAIL 0 of 1 created; exit status 10 (not attempted, see kniwatch explain
            lib.no-pool)
    "#]]
    .assert_eq(&answer(TextOptions::default(), vec![never], 10));
}
