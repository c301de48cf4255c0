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

#[test]
fn the_newest_attempt_is_selected_and_told_of() {
    check(
        &mut with([samples::created(), samples::silent_refusal_1604()]),
        &expect![[r#"
            kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
            rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
            ARMED: 3 hooks live, 1 waiting, 3 missing
            [Attempts] Processes  Interfaces  Probes  Events                        2 listed
             TIME     PROCESS         INTERFACE VERDICT           CAUSE                 TOOK
            >14:02:11 l3fwd-kni[4121] vEth0_0   stopped: library  lib.memzone-missing 1.8 ms
             14:02:11 testpmd[4533]   kni0      created           -                   1.8 ms
            --------------------------------------------------------------------------------
            l3fwd-kni[4121]  vEth0_0  STOPPED IN THE LIBRARY  14:02:11.204  1.8 ms
            library |=                   |   41 us rte_kni_alloc("vEth0_0") -> NULL
                    |=                   |           rte_memzone_lookup("KNI_INFO_0") -> N..
                    |x                   |         FAILED   rte_memzone_lookup("MP_mbuf_po..
            syscall | not reached
            module  | not reached
            network | not reached
                the library looked up a memzone that nobody has made: "MP_mbuf_pool"
                rte_memzone_lookup("MP_mbuf_pool") found nothing
                rte_kni_alloc returned NULL 41 us after it was entered
                no ioctl was issued: the module was not asked, dmesg has nothing on it
                program: "/usr/bin/dpdk-testpmd"
                thread 4121
                ... (enter shows all)
                next: kniwatch explain lib.memzone-missing
            j/k select  enter open  / filter  p pause  e export  tab more  ? help  q quit"#]],
    );
}

#[test]
fn another_can_be_selected_and_stays_when_newer_ones_come() {
    let mut state = with([samples::name_taken(), samples::created()]);
    press(&mut state, &[Key::Down]);
    told(&mut state, Told::Attempt(Box::new(samples::device_busy())));
    check(
        &mut state,
        &expect![[r#"
            kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
            rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
            ARMED: 3 hooks live, 1 waiting, 3 missing
            [Attempts] Processes  Interfaces  Probes  Events                        3 listed
             TIME     PROCESS         INTERFACE VERDICT           CAUSE                 TOOK
             14:02:11 testpmd[4533]   -         stopped: syscall  sys.device-busy     1.8 ms
             14:02:11 testpmd[4533]   kni0      created           -                   1.8 ms
            >14:02:11 testpmd[4533]   lo        stopped: network  net.name-exists     1.8 ms
            --------------------------------------------------------------------------------
            testpmd[4533]  lo  STOPPED IN THE NETWORK CORE  14:02:11.204  1.8 ms
            library | not known: nothing was seen of it
            syscall |=                   |   16 us ioctl -> -ENODEV (No such device)
            module  |=                   |   12 us kni_ioctl -> -ENODEV (No such device)
                    |=                   |   10 us   kni_ioctl_create -> -ENODEV (No such ..
            network |x                   |         FAILED register_netdev("lo") -> -EEXIST..
            errno     the kernel's function said EEXIST (File exists) -> the program was t..
                a network interface of that name exists already in this network namespace
                register_netdev("lo") returned EEXIST (File exists)
                kni_ioctl_create returned ENODEV (No such device) instead, and so did the
                  ioctl
                kernel: rte_kni: error -17 registering device "lo"
                ... (enter shows all)
                next: kniwatch explain net.name-exists
            j/k select  enter open  / filter  p pause  e export  tab more  ? help  q quit"#]],
    );
}

#[test]
fn an_opened_attempt_has_the_screen_and_scrolls_to_its_end() {
    let mut state = with([samples::name_taken()]);
    press(&mut state, &[Key::Enter]);
    check(
        &mut state,
        &expect![[r#"
            kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
            rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
            ARMED: 3 hooks live, 1 waiting, 3 missing
            [Attempts] Processes  Interfaces  Probes  Events                        1 listed
            testpmd[4533]  lo  STOPPED IN THE NETWORK CORE  14:02:11.204  1.8 ms
            library | not known: nothing was seen of it
            syscall |=                   |   16 us ioctl -> -ENODEV (No such device)
            module  |=                   |   12 us kni_ioctl -> -ENODEV (No such device)
                    |=                   |   10 us   kni_ioctl_create -> -ENODEV (No such ..
            network |x                   |         FAILED register_netdev("lo") -> -EEXIST..
            errno     the kernel's function said EEXIST (File exists) -> the program was t..
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
            j/k scroll  enter close  e export  ? help  q quit"#]],
    );
    press(&mut state, &[Key::End]);
    check(
        &mut state,
        &expect![[r#"
            kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
            rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
            ARMED: 3 hooks live, 1 waiting, 3 missing
            [Attempts] Processes  Interfaces  Probes  Events                        1 listed
            module  |=                   |   12 us kni_ioctl -> -ENODEV (No such device)
                    |=                   |   10 us   kni_ioctl_create -> -ENODEV (No such ..
            network |x                   |         FAILED register_netdev("lo") -> -EEXIST..
            errno     the kernel's function said EEXIST (File exists) -> the program was t..
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
            j/k scroll  enter close  e export  ? help  q quit"#]],
    );
}

#[test]
fn every_outcome_has_its_words() {
    let all = samples::kernel::all().into_iter().chain(samples::library::all());
    let several = [samples::created(), samples::inconclusive(samples::unseen()), samples::device_busy()];
    let mut state = with(all.chain(several));
    let buffer = buffer(&mut state, PLAIN, 80, 100);
    let list: Vec<String> = rows(&buffer).into_iter().take(46).collect();
    expect![[r#"
        kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
        rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
        ARMED: 3 hooks live, 1 waiting, 3 missing
        [Attempts] Processes  Interfaces  Probes  Events                       26 listed
         TIME     PROCESS         INTERFACE VERDICT           CAUSE                 TOOK
        >14:02:11 testpmd[4533]   -         stopped: syscall  sys.device-busy     1.8 ms
         14:02:11 kni-ref..[4121] vEth0_0   inconclusive      -                   1.8 ms
         14:02:11 testpmd[4533]   kni0      created           -                   1.8 ms
         14:02:11 l3fwd-kni[4121] -         inconclusive      -                   1.8 ms
         14:02:11 l3fwd-kni[4121] -         not attempted     -                   1.8 ms
         14:02:11 l3fwd-kni[4121] -         not attempted     lib.no-pool         1.8 ms
         14:02:11 testpmd[4533]   kni0      created           -                   1.8 ms
         14:02:11 testpmd[4533]   kni0      created, doomed   mod.layout-skew     1.8 ms
         14:02:11 l3fwd-kni[4121] -         died: syscall     sys.device-missing  1.8 ms
         14:02:11 kni-ref..[4121] -         stopped: library  lib.iova-mode       1.8 ms
         14:02:11 kni-ref..[4121] vEth0_0   stopped: library  lib.already-exists  1.8 ms
         14:02:11 kni-ref..[4121] vEth0_0   stopped: library  lib.not-initialised 1.8 ms
         14:02:11 kni-ref..[4121] vEth0_0   stopped: syscall  sys.device-missing  1.8 ms
         14:02:11 kni-ref..[4121] -         stopped: library  -                     1 us
         14:02:11 kni-ref..[4121] -         stopped: library  lib.bad-argument      1 us
         14:02:11 kni-ref..[4121] -         stopped: library  lib.bad-argument      1 us
         14:02:11 kni-ref..[4121] vEth0_0   stopped: library  lib.no-pool           1 us
         14:02:11 kni-ref..[4121] vEth0_0   stopped: library  lib.no-memory       1.8 ms
         14:02:11 kni-ref..[4121] vEth0_0   stopped: library  lib.memzone-exists  1.8 ms
         14:02:11 testpmd[4533]   kni0      created elsewhere -                   1.8 ms
         14:02:11 testpmd[4533]   kni0      created, doomed   mod.layout-skew     1.8 ms
         14:02:11 testpmd[4533]   kni0      stopped: module   mod.size-skew       1.8 ms
         14:02:11 testpmd[4533]   -         stopped: syscall  sys.device-stuck    1.8 ms
         14:02:11 testpmd[4533]   kni0      died: module      proc.crash          900 us
         14:02:11 testpmd[4533]   kni0      still in progress proc.blocked         9.1 s
         14:02:11 testpmd[4533]   kni0      created           -                    2.9 s
        --------------------------------------------------------------------------------
        testpmd[4533]  -  STOPPED AT THE SYSTEM CALL  14:02:11.204  1.8 ms
        library |=                   |   20 us rte_kni_init -> -1
        syscall |x                   |         FAILED open("/dev/kni") -> -EBUSY (Devi..
        module  |=                   |         kni_open -> -EBUSY (Device or resource ..
        network | not reached
        errno     the program was told EBUSY (Device or resource busy)
            /dev/kni is open already, and only one opening a network namespace is
              allowed
            kni_open returned EBUSY (Device or resource busy), and so did
              open("/dev/kni")
            rte_kni_init returned -1
            no create ioctl was issued
            /dev/kni is held by dpdk-testpmd[4507]
            program: "/usr/bin/dpdk-testpmd""#]]
    .assert_eq(&list.join("\n"));
}

#[test]
fn a_wide_screen_has_room_for_more() {
    let mut state = with([samples::created(), samples::silent_refusal_1604()]);
    expect![[r#"
        kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                                                                    00:00:00
        rte_kni 22.11 is loaded: carrier=off, kthread_mode=single                                               lost 0, missed 0
        ARMED: 3 hooks live, 1 waiting, 3 missing
        [Attempts] Processes  Interfaces  Probes  Events                                                                2 listed
         TIME         PROCESS                         INTERFACE       VERDICT                     CAUSE                     TOOK
        >14:02:11.204 l3fwd-kni[4121]                 vEth0_0         stopped in the library      lib.memzone-missing     1.8 ms
         14:02:11.204 testpmd[4533]                   kni0            created                     -                       1.8 ms
        ------------------------------------------------------------------------------------------------------------------------
        l3fwd-kni[4121]  vEth0_0  STOPPED IN THE LIBRARY  14:02:11.204  1.8 ms
        library |=                             |   41 us rte_kni_alloc("vEth0_0") -> NULL
                |=                             |           rte_memzone_lookup("KNI_INFO_0") -> NULL
                |x                             |         FAILED   rte_memzone_lookup("MP_mbuf_pool") -> NULL
        syscall | not reached
        module  | not reached
        network | not reached
            the library looked up a memzone that nobody has made: "MP_mbuf_pool"
            rte_memzone_lookup("MP_mbuf_pool") found nothing
            rte_kni_alloc returned NULL 41 us after it was entered
            no ioctl was issued: the module was not asked, dmesg has nothing on it
            program: "/usr/bin/dpdk-testpmd"
            thread 4121
            ... (enter shows all)
            next: kniwatch explain lib.memzone-missing
        j/k select  enter open  / filter  p pause  e export  tab more  ? help  q quit"#]].assert_eq(&rows(&buffer(&mut state, PLAIN, 120, 24)).join("\n"));
}

#[test]
fn a_restart_loop_is_one_line_with_a_count() {
    let later = |count| {
        let attempt = samples::restarted();
        let repeat = attempt.repeat.clone().map(|repeat| crate::report::Repeat { count, ..repeat });
        Attempt { repeat, ..attempt }
    };
    let mut state = with([samples::silent_refusal_1604(), samples::created(), later(2), later(3)]);
    check(
        &mut state,
        &expect![[r#"
            kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
            rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
            ARMED: 3 hooks live, 1 waiting, 3 missing
            [Attempts] Processes  Interfaces  Probes  Events                        2 listed
             TIME     N    PROCESS      IFNAME  VERDICT           CAUSE                 TOOK
            >14:02:11 x3   l3fw..[4131] vEth0_0 stopped: library  lib.memzone-missing 1.8 ms
             14:02:11      test..[4533] kni0    created           -                   1.8 ms
            --------------------------------------------------------------------------------
            l3fwd-kni[4131]  vEth0_0  STOPPED IN THE LIBRARY  14:02:11.204  1.8 ms, 3rd time
            library |=                   |   41 us rte_kni_alloc("vEth0_0") -> NULL
                    |=                   |           rte_memzone_lookup("KNI_INFO_0") -> N..
                    |x                   |         FAILED   rte_memzone_lookup("MP_mbuf_po..
            syscall | not reached
            module  | not reached
            network | not reached
                same, 3rd time (restarted by supervisord[812], lived 1.9 s)
                the library looked up a memzone that nobody has made: "MP_mbuf_pool"
                rte_memzone_lookup("MP_mbuf_pool") found nothing
                rte_kni_alloc returned NULL 41 us after it was entered
                no ioctl was issued: the module was not asked, dmesg has nothing on it
                program: "/usr/bin/dpdk-testpmd"
                ... (enter shows all)
                next: kniwatch explain lib.memzone-missing
            j/k select  enter open  / filter  p pause  e export  tab more  ? help  q quit"#]],
    );
}

#[test]
fn an_attempt_in_progress_gives_way_to_its_last_word() {
    let meanwhile = samples::kernel::in_progress();
    let mut state = with([meanwhile.clone()]);
    check(
        &mut state,
        &expect![[r#"
            kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
            rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
            ARMED: 3 hooks live, 1 waiting, 3 missing
            [Attempts] Processes  Interfaces  Probes  Events                        1 listed
             TIME     PROCESS         INTERFACE VERDICT           CAUSE                 TOOK
            >14:02:11 testpmd[4533]   kni0      in progress       proc.blocked           1 s
            --------------------------------------------------------------------------------
            testpmd[4533]  kni0  IN PROGRESS  14:02:11.204  1 s
            library | not known: nothing was seen of it
            syscall |===================>|     1 s ioctl has not returned
            module  |===================>|  999 ms kni_ioctl has not returned
                    |===================>|  999 ms   kni_ioctl_create has not returned
            network | not known: nothing was seen of it
                in progress for 1 s, waiting for rtnl (network configuration lock), held by
                  ip[412]
                the thread waits inside the kernel
                it is inside kni_ioctl_create
                1 s after it began, it was waiting for rtnl (network configuration lock),
                  held by ip[412]
                program: "/usr/bin/dpdk-testpmd"
                thread 4534, net namespace 4026531840
                ... (enter shows all)
                next: kniwatch explain proc.blocked
            j/k select  enter open  / filter  p pause  e export  tab more  ? help  q quit"#]],
    );
    told(&mut state, Told::Attempt(Box::new(Attempt { is_final: true, ..meanwhile })));
    assert_eq!(state.attempts.len(), 1);
}

#[test]
fn a_filter_shows_what_matches_and_says_how_many() {
    let mut state = with([samples::created(), samples::silent_refusal_1604()]);
    press(&mut state, &[Key::Char('/')]);
    press(&mut state, &"CREATED".chars().map(Key::Char).collect::<Vec<_>>());
    check(
        &mut state,
        &expect![[r#"
            kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
            rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
            ARMED: 3 hooks live, 1 waiting, 3 missing
            [Attempts] Processes  Interfaces  Probes  Events                    1 of 2 match
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


            filter: CREATED_"#]],
    );
    press(&mut state, &[Key::Char('!'), Key::Enter]);
    check(
        &mut state,
        &expect![[r#"
        kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
        rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
        ARMED: 3 hooks live, 1 waiting, 3 missing
        [Attempts] Processes  Interfaces  Probes  Events                    0 of 2 match
         TIME     PROCESS         INTERFACE VERDICT           CAUSE                 TOOK

        --------------------------------------------------------------------------------
          No attempt has these letters. esc shows all.















        j/k select  enter open  / filter  p pause  e export  tab more  ? help  q quit"#]],
    );
    press(&mut state, &[Key::Escape]);
    assert_eq!(state.attempts.count_shown(), 2);
}

#[test]
fn a_filter_that_is_given_up_leaves_the_one_before() {
    let mut state = with([samples::created()]);
    press(&mut state, &[Key::Char('/'), Key::Char('a'), Key::Enter]);
    press(&mut state, &[Key::Char('/'), Key::Backspace, Key::Char('q'), Key::Char('?'), Key::Escape]);
    assert_eq!(state.attempts.filter(), "a");
}

#[test]
fn while_it_is_paused_nothing_moves_and_what_came_is_counted() {
    let mut state = with([samples::created()]);
    press(&mut state, &[Key::Char('p')]);
    told(&mut state, Told::Attempt(Box::new(samples::device_busy())));
    check(
        &mut state,
        &expect![[r#"
            kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
            rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
            ARMED: 3 hooks live, 1 waiting, 3 missing
            [Attempts] Processes  Interfaces  Probes  Events         PAUSED, 1 wait 1 listed
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
    press(&mut state, &[Key::Char('p')]);
    assert_eq!((state.attempts.len(), state.attempts.paused()), (2, None));
}

#[test]
fn the_keys_are_explained_over_what_is_there() {
    let mut state = with([samples::created()]);
    press(&mut state, &[Key::Char('?')]);
    check(
        &mut state,
        &expect![[r#"
            kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
            rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
            ARMED: 3 hooks live, 1 waiting, 3 missing
            [Attempts] Processes  Interfaces  Probes  Events                        1 listed
             T+--------------------------------------------------------------------------+OK
            >1| up, down, k, j      select an attempt, scroll                            |ms
            --| page up, page down  the same by pages                                    |--
            te| home, end, g, G     the newest, which is then followed; the oldest       |
            li| enter               open the selected attempt, close it                  |
            sy| tab, shift-tab      the next tab, the one before                         |
            mo| /                   show only attempts with these letters (enter keeps)  |
            ne| esc                 close, give up the filter                            |..
              | p                   hold the list still, go on                           |
              | e                   write the selected attempt as a page (HTML) here     |
              | ?                   this help                                            |
              | ^L, ^Z              draw anew; back to the shell (fg returns)            |
              | q, ^C               quit                                                 |
              +--------------------------------------------------------------------------+
                +900 us   register_netdev("kni0") -> 0
                +1.7 ms   ioctl -> 0
                +1.8 ms   rte_kni_alloc -> 0x7f001000


            any key closes this"#]],
    );
    press(&mut state, &[Key::Char('j')]);
    assert!(!rows(&buffer(&mut state, PLAIN, 80, 24)).concat().contains("this help"));
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
