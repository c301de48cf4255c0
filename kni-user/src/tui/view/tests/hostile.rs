//! Names that would steer a terminal, and whatever else may come.

use super::*;
use crate::report::{Interface, Process};

fn hostile() -> Attempt {
    let attempt = samples::silent_refusal_1604();
    Attempt {
        process: Process { comm: "\u{1b}[2J\u{202e}x".into(), ..attempt.process },
        interface: Interface { claimed: Some("網路網路網路".into()), ..Interface::default() },
        subject: Some("\u{9b}31m\n\u{7f}".into()),
        log: vec![b"rte_kni: \x07\xff bell".as_slice().into()],
        ..attempt
    }
}

#[test]
fn hostile_and_wide_names_stay_in_their_columns() {
    check(
        &mut with([samples::created(), hostile()]),
        &expect![[r#"
            kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
            rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
            ARMED: 3 hooks live, 1 waiting, 3 missing
            [Attempts] Processes  Interfaces  Probes  Events                        2 listed
             TIME     PROCESS         INTERFACE VERDICT           CAUSE                 TOOK
            >14:02:11 \u{1b}[..[4121] 網路網... stopped: library  lib.memzone-missing 1.8 ms
             14:02:11 testpmd[4533]   kni0      created           -                   1.8 ms
            --------------------------------------------------------------------------------
            \u{1b}[2J\u{202e}x[4121]  網路網路網路  STOPPED IN THE LIBRARY  14:02:11.204  ..
            library |x                   |   41 us FAILED rte_kni_alloc("vEth0_0") -> NULL
                    |=                   |           rte_memzone_lookup("KNI_INFO_0") -> N..
                    |=                   |           rte_memzone_lookup("MP_mbuf_pool") ->..
            syscall | not reached
            module  | not reached
            network | not reached
                the library looked up a memzone that nobody has made: "\u{9b}31m\n\u{7f}"
                rte_kni_alloc returned NULL 41 us after it was entered
                no ioctl was issued: the module was not asked, dmesg has nothing on it
                kernel: rte_kni: \u{7}\xff bell
                program: "/usr/bin/dpdk-testpmd"
                thread 4121
                ... (enter shows all)
                next: kniwatch explain lib.memzone-missing
            j/k select  enter open  / filter  p pause  e export  tab more  ? help  q quit"#]],
    );
}

/// What can happen to the view.
#[derive(Clone, Debug)]
enum Happens {
    Key(Key),
    Told(Box<Report>),
    Second,
    Size(u16, u16),
}

fn keys() -> impl Strategy<Value = Key> {
    let named = prop::sample::select(vec![
        Key::Up,
        Key::Down,
        Key::PageUp,
        Key::PageDown,
        Key::Home,
        Key::End,
        Key::Tab,
        Key::BackTab,
        Key::Enter,
        Key::Escape,
        Key::Backspace,
    ]);
    let meant = prop::sample::select("jkgG/pe? qx\u{202e}\u{1b}網".chars().collect::<Vec<_>>());
    prop_oneof![named, meant.prop_map(Key::Char), any::<char>().prop_map(Key::Char)]
}

fn happens() -> impl Strategy<Value = Happens> {
    let mut reports = samples::everything();
    reports.push(samples::report(Told::Attempt(Box::new(hostile()))));
    let comm = prop::collection::vec(any::<u8>(), 0..16);
    let named = comm.prop_map(|comm| {
        let attempt = samples::device_busy();
        let holder = Some(Holder { pid: 1, comm: comm.as_slice().into() });
        let process = Process { comm: comm.as_slice().into(), ..attempt.process };
        let interface = Interface { claimed: Some(comm.as_slice().into()), ..attempt.interface };
        let attempt = Attempt { process, interface, holder, ..attempt };
        Box::new(samples::report(Told::Attempt(Box::new(attempt))))
    });
    prop_oneof![
        4 => keys().prop_map(Happens::Key),
        3 => prop::sample::select(reports).prop_map(|report| Happens::Told(Box::new(report))),
        1 => named.prop_map(Happens::Told),
        1 => Just(Happens::Second),
        1 => (0_u16..140, 0_u16..50).prop_map(|(width, height)| Happens::Size(width, height)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn whatever_happens_nothing_panics_and_nothing_steers_the_terminal(
        all in prop::collection::vec(happens(), 0..60), color in any::<bool>(),
    ) {
        let mut state = State::new();
        let (mut width, mut height, mut now) = (80, 24, samples::AT);
        for happens in all {
            match happens {
                Happens::Key(key) => drop(state.key(key)),
                Happens::Told(report) => state.take(&report),
                Happens::Second => {
                    now += SECOND;
                    state.pass(now);
                }
                Happens::Size(new_width, new_height) => (width, height) = (new_width, new_height),
            }
            let drawn = buffer(&mut state, Theme { color }, width, height);
            for cell in drawn.content() {
                prop_assert!(!cell.symbol().chars().any(|c| c.is_control() || is_invisible(c)), "{cell:?}");
            }
        }
    }
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
