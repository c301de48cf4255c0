//! What is on the screen, word for word.

#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

use expect_test::{Expect, expect};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

use super::{Theme, draw};
use crate::event::{Holder, Ledger, Question};
use crate::report::{Attempt, CoverageChange, Lost, Report, Told};
use crate::sink::{escape, samples};
use crate::tui::state::{Key, State};

mod attempts;
mod controls;
mod flood;
mod hostile;
mod tabs;

const PLAIN: Theme = Theme { color: false };
const SECOND: u64 = 1_000_000_000;

fn told(state: &mut State, what: Told) {
    state.take(&samples::report(what));
}

/// Everything is attached, and nobody uses KNI.
fn idle() -> State {
    let mut state = State::new();
    told(&mut state, Told::Start(samples::start(Question::Watch)));
    told(&mut state, Told::Armed(samples::hooks()));
    state
}

/// What the samples' hooks are when a program uses KNI.
fn armed() -> State {
    let mut state = idle();
    let came = CoverageChange { came: vec!["open"], went: Vec::new(), blind_ns: None };
    told(&mut state, Told::Coverage(came));
    state
}

/// With these attempts, the last one newest.
fn with(attempts: impl IntoIterator<Item = Attempt>) -> State {
    let mut state = armed();
    for attempt in attempts {
        told(&mut state, Told::Attempt(Box::new(attempt)));
    }
    state
}

fn press(state: &mut State, keys: &[Key]) {
    for key in keys {
        state.key(*key);
    }
}

fn buffer(state: &mut State, theme: Theme, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(state, theme, frame)).unwrap();
    terminal.backend().buffer().clone()
}

/// The rows, without what is blank at their ends.
fn rows(buffer: &Buffer) -> Vec<String> {
    let width = usize::from(buffer.area.width.max(1));
    let row = |cells: &[ratatui::buffer::Cell]| {
        let mut row = String::new();
        let mut covered = 0;
        for cell in cells {
            // The right half of a wide character is a cell of its own, and not drawn.
            if covered > 0 {
                covered -= 1;
                continue;
            }
            covered = escape::width(cell.symbol()).saturating_sub(1);
            row.push_str(cell.symbol());
        }
        row.trim_end().to_owned()
    };
    buffer.content().chunks(width).map(row).collect()
}

fn check(state: &mut State, expected: &Expect) {
    expected.assert_eq(&rows(&buffer(state, PLAIN, 80, 24)).join("\n"));
}

#[test]
fn before_anything_is_attached_it_says_so() {
    check(
        &mut State::new(),
        &expect![[r#"
                                                                                00:00:00
                                                                        lost 0, missed 0
        STARTING: 0 hooks live
        [Attempts] Processes  Interfaces  Probes  Events                        0 listed

          No attempt to create a KNI interface has been seen yet.
          Start the program, or wait until it is restarted: its next one is shown here.
















        j/k select  enter open  / filter  p pause  e export  tab more  ? help  q quit"#]],
    );
}

#[test]
fn as_long_as_nothing_was_attempted_it_says_what_to_do() {
    check(
        &mut idle(),
        &expect![[r#"
        kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
        rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
        IDLE (no program uses KNI): 2 hooks live, 1 idle, 1 waiting, 3 missing
        [Attempts] Processes  Interfaces  Probes  Events                        0 listed

          No attempt to create a KNI interface has been seen yet.
          Start the program, or wait until it is restarted: its next one is shown here.
















        j/k select  enter open  / filter  p pause  e export  tab more  ? help  q quit"#]],
    );
}

#[test]
fn a_program_that_uses_kni_arms_it() {
    check(
        &mut armed(),
        &expect![[r#"
        kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
        rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
        ARMED: 3 hooks live, 1 waiting, 3 missing
        [Attempts] Processes  Interfaces  Probes  Events                        0 listed

          No attempt to create a KNI interface has been seen yet.
          Start the program, or wait until it is restarted: its next one is shown here.
















        j/k select  enter open  / filter  p pause  e export  tab more  ? help  q quit"#]],
    );
}

fn with_losses() -> State {
    let mut state = with([samples::created()]);
    state.set_ledger(&Ledger { lost: 3, missed: 1, undecoded: 2, ..Ledger::default() });
    told(&mut state, Told::Lost(Lost { count: 6, total: 6 }));
    state
}

#[test]
fn losses_are_told_and_red() {
    let mut state = with_losses();
    check(
        &mut state,
        &expect![[r#"
            kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
            rte_kni 22.11 is loaded: carrier=off, kthread_mo.. lost 3, missed 1, undecoded 2
            ARMED: 3 hooks live, 1 waiting, 3 missing
            [Attempts] Processes  Interfaces  Probes  Events                        1 listed
             TIME     PROCESS         INTERFACE VERDICT           CAUSE                 TOOK
            >14:02:11 testpmd[4533]   kni0      created           -                   1.8 ms
            --------------------------------------------------------------------------------
            testpmd[4533]  kni0  CREATED  14:02:11.204  1.8 ms
            library |====================|  1.8 ms rte_kni_alloc("kni0") -> 0x7f001000
            syscall |==================  |  1.6 ms ioctl -> 0
            module  | reached
            network |    =               |         alloc_netdev_mqs("kni0") -> 0xffff90000..
                    |          =         |         register_netdev("kni0") -> 0
                program: "/usr/bin/dpdk-testpmd"
                thread 4534, net namespace 4026531840
                +0 ns     rte_kni_alloc entered
                +31 us    ioctl entered
                +400 us   alloc_netdev_mqs("kni0") -> 0xffff900000000000
                +900 us   register_netdev("kni0") -> 0
                +1.7 ms   ioctl -> 0
                +1.8 ms   rte_kni_alloc -> 0x7f001000


            j/k select  enter open  / filter  p pause  e export  tab more  ? help  q quit"#]],
    );
    let colored = buffer(&mut state, Theme { color: true }, 80, 24);
    let at = rows(&colored)[1].find("lost 3").unwrap();
    assert_eq!(colored[(u16::try_from(at).unwrap(), 1)].fg, Color::Red);
    let quiet = buffer(&mut armed(), Theme { color: true }, 80, 24);
    let at = rows(&quiet)[1].find("lost 0").unwrap();
    assert_eq!(quiet[(u16::try_from(at).unwrap(), 1)].fg, Color::Reset);
}

#[test]
fn colour_says_nothing_that_words_do_not() {
    let mut state = with_losses();
    let plain = buffer(&mut state, PLAIN, 80, 24);
    let colored = buffer(&mut state, Theme { color: true }, 80, 24);
    assert_eq!(rows(&plain), rows(&colored));
    assert!(plain.content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    assert!(colored.content().iter().any(|cell| cell.fg == Color::Green));
    let selected = plain.content().iter().filter(|cell| cell.modifier.contains(Modifier::REVERSED)).count();
    assert_eq!(selected, 80, "the selected row, which a mark shows too");
}

#[test]
fn a_terminal_that_is_too_small_is_told_what_it_takes() {
    let mut state = with([samples::created()]);
    expect![[r#"
        too small for kniwatch:
        39x12, not 40x12
        q quits








    "#]]
    .assert_eq(&rows(&buffer(&mut state, PLAIN, 39, 12)).join("\n"));
    assert!(rows(&buffer(&mut state, PLAIN, 40, 12)).concat().contains("kni0"));
}

#[test]
fn time_goes_on_and_is_news_once_a_second() {
    let mut state = idle();
    assert!(state.take_changed());
    state.pass(samples::AT + SECOND / 2);
    assert!(!state.take_changed());
    state.pass(samples::AT + 3723 * SECOND);
    assert!(state.take_changed());
    assert!(rows(&buffer(&mut state, PLAIN, 80, 24))[0].ends_with(" 01:02:03"));
}
