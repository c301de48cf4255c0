//! Programs that end the same again and again.

use expect_test::expect;

use super::{QUIET, VERBOSE, check, paragraph, printed};
use crate::report::{Attempt, Loop, Outcome, Repeat, Summary, Told};
use crate::sink::samples;
use crate::sink::text::TextOptions;

#[test]
fn a_round_of_a_restart_loop_is_one_line() {
    check(
        samples::looping(),
        &expect![[r#"
        14:02:11.204  l3fwd-kni[4131]  vEth0_0  same, 47th time in 1 min 32 s (restarted
            by supervisord[812], lived 1.8 to 2.1 s)
    "#]],
    );
    let lived = |shortest, longest| {
        let repeat = samples::looping().repeat.map(|repeat| Repeat {
            shortest_ns: Some(shortest),
            longest_ns: Some(longest),
            parent: None,
            ..repeat
        });
        paragraph(QUIET, Attempt { repeat, ..samples::looping() })
    };
    expect![[r#"
        14:02:11.204  l3fwd-kni[4131]  vEth0_0  same, 47th time in 1 min 32 s (lived
            900 ms to 2.1 s)
    "#]]
    .assert_eq(&lived(900_000_000, 2_100_000_000));
    expect![[r#"
        14:02:11.204  l3fwd-kni[4131]  vEth0_0  same, 47th time in 1 min 32 s (lived
            2.1 s)
    "#]]
    .assert_eq(&lived(2_100_000_000, 2_100_000_000));
}

#[test]
fn a_round_that_needs_no_line_has_none_unless_all_is_told() {
    let repeat = samples::looping().repeat.map(|repeat| Repeat { quiet: true, ..repeat });
    let quiet = Attempt { repeat, ..samples::looping() };
    assert_eq!(paragraph(TextOptions::default(), quiet.clone()), "");
    assert_eq!(paragraph(QUIET, quiet.clone()), "");
    assert!(paragraph(VERBOSE, quiet).contains("same, 47th time"));
}

#[test]
fn the_totals_name_each_loop() {
    let bare = Loop {
        interface: None,
        outcome: Outcome::NotAttempted,
        boundary: None,
        cause: None,
        count: 2,
        over_ns: 0,
        shortest_ns: None,
        longest_ns: None,
        parent: None,
        ..samples::loop_seen()
    };
    let summary = Summary { loops: vec![samples::loop_seen(), bare], ..samples::summary() };
    expect![[r#"

        5 attempts: 1 created, 3 stopped in the library, 1 stopped in the network core
        restart loop: l3fwd-kni, vEth0_0: 47 times in 1 min 32 s stopped in the library,
            lib.memzone-missing (restarted by supervisord[812], lived 1.8 to 2.1 s)
        restart loop: l3fwd-kni, no interface: 2 times not attempted
        412 records, 0 lost, 0 missed: complete.
    "#]]
    .assert_eq(&printed(TextOptions::default(), [Told::Summary(summary)]));
}
