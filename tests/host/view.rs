//! The full-screen view in a terminal, and the terminal after it.

use std::env;
use std::fs;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use kni_user::tui::term::Term;

use crate::program;
use crate::terminal::Terminal;

/// What is on the screen as long as nothing was attempted.
const WAITING: &str = "No attempt to create a KNI interface";
/// What the tests set to have one of them panic in a terminal.
const PANICS: &str = "KNIWATCH_PANICS";

/// kniwatch, as `cargo xtask test host` has built it.
fn kniwatch() -> String {
    env::var("KNIWATCH_PROGRAM").expect("KNIWATCH_PROGRAM: run `cargo xtask test host`")
}

/// The view, open in a terminal that was set as is said.
fn open() -> (Terminal, String) {
    let terminal = Terminal::open();
    let before = terminal.settings();
    terminal.types(&format!("clear; {} --arm always --comm nobody", kniwatch()));
    terminal.waits_for(WAITING);
    (terminal, before)
}

/// The view has gone, and the terminal is as it was.
fn assert_restored(terminal: &Terminal, before: &str) {
    terminal.waits_for_prompt();
    let screen = terminal.screen();
    assert!(!screen.contains(WAITING), "the view's screen stays:\n{screen}");
    assert_eq!(terminal.settings(), before);
    terminal.types("echo typed | tr a-z A-Z");
    terminal.waits_for("TYPED");
}

#[test]
fn it_answers_keys_follows_the_size_and_leaves_the_totals() {
    let (terminal, before) = open();
    terminal.presses("Tab");
    terminal.waits_for("[Processes]");
    terminal.resizes(100, 30);
    terminal.waits("the footer at the lower edge", |screen| {
        screen.lines().nth(29).is_some_and(|line| line.contains("q quit"))
    });
    terminal.resizes(30, 8);
    terminal.waits_for("too small");
    terminal.resizes(80, 24);
    terminal.waits_for("[Processes]");
    terminal.presses("q");
    terminal.waits_for("no attempt was seen");
    assert_restored(&terminal, &before);
}

#[test]
fn on_a_terminal_lines_can_be_had_too() {
    let terminal = Terminal::open();
    terminal.types(&format!("{} watch --lines --for 10ms", kniwatch()));
    terminal.waits_for("no attempt was seen");
    assert!(terminal.screen().contains("watching: "), "{}", terminal.screen());
}

#[test]
fn ctrl_z_and_a_stop_from_elsewhere_give_the_terminal_back_and_fg_takes_it_again() {
    let (terminal, before) = open();
    let job = terminal.job();
    for from_elsewhere in [false, true] {
        if from_elsewhere {
            send(job, libc::SIGTSTP);
        } else {
            terminal.presses("C-z");
        }
        terminal.waits_for("Stopped");
        assert_restored(&terminal, &before);
        terminal.types("clear; fg");
        terminal.waits_for(WAITING);
        terminal.presses("Tab");
        terminal.waits_for("[Processes]");
        terminal.presses("BTab");
        terminal.waits_for(WAITING);
    }
    terminal.presses("q");
    assert_restored(&terminal, &before);
}

#[test]
fn signals_that_end_it_give_the_terminal_back() {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        let (terminal, before) = open();
        send(terminal.job(), signal);
        terminal.waits_for("no attempt was seen");
        assert_restored(&terminal, &before);
    }
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_is_told() {
    if env::var_os(PANICS).is_some() {
        let _term = Term::open(false).unwrap();
        panic!("as it was meant to");
    }
    let terminal = Terminal::open();
    let before = terminal.settings();
    let this = env::current_exe().unwrap();
    let name = "view::a_panic_gives_the_terminal_back_before_it_is_told";
    terminal.types(&format!("clear; {PANICS}=1 {} --exact {name} --nocapture", this.display()));
    terminal.waits_for("as it was meant to");
    assert_restored(&terminal, &before);
}

#[test]
fn the_selected_attempt_is_written_to_a_new_file() {
    let terminal = Terminal::open();
    terminal.types(&format!("cd {}; {}", terminal.directory().display(), watching_this()));
    terminal.waits_for(WAITING);
    program::alloc("vEth0_0");
    terminal.waits_for("vEth0_0");
    terminal.presses("e");
    terminal.waits_for("written: ");
    let files: Vec<_> =
        fs::read_dir(terminal.directory()).unwrap().flatten().map(|file| file.path()).collect();
    let written = files.iter().find(|path| path.to_string_lossy().contains("kniwatch-")).unwrap();
    assert!(fs::read_to_string(written).unwrap().contains("vEth0_0"), "{written:?}");
}

#[test]
fn in_a_flood_of_attempts_a_key_has_its_answer_within_a_tenth_of_a_second_of_work() {
    const FLOOD: u32 = 100_000;
    let terminal = Terminal::open();
    terminal.types(&format!("clear; {}", watching_this()));
    terminal.waits_for(WAITING);
    let job = terminal.job();
    let (made, enough) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let (counted, stops) = (Arc::clone(&made), Arc::clone(&enough));
    let flood = thread::spawn(move || {
        while !stops.load(Ordering::Relaxed) || counted.load(Ordering::Relaxed) < FLOOD {
            program::alloc(&format!("vEth{}", counted.fetch_add(1, Ordering::Relaxed) % 1000));
        }
    });
    // From here on as many are kept as ever will be.
    terminal.waits_for(" dropped");
    let mut answers: Vec<Duration> = (0..9)
        .map(|_| {
            let before = busy(job);
            terminal.presses("?");
            terminal.waits_for("this help");
            let answer = busy(job).saturating_sub(before);
            terminal.presses("x");
            terminal.waits("the help to go", |screen| !screen.contains("this help"));
            answer
        })
        .collect();
    assert!(!flood.is_finished(), "the flood was over before it was looked at");
    enough.store(true, Ordering::Relaxed);
    flood.join().unwrap();
    answers.sort();
    let status = fs::read_to_string(format!("/proc/{job}/status")).unwrap();
    let memory =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")).unwrap();
    // A busy machine makes everybody wait: what counts is the time for which the view itself had a processor.
    assert!(answers[answers.len() / 2] < Duration::from_millis(100), "{answers:?}");
    assert!(memory.trim().parse::<u64>().unwrap() < 200_000, "{memory} kB after {made:?} attempts");
    terminal.presses("q");
    terminal.waits_for_prompt();
}

#[test]
fn idle_it_looks_around_twice_a_second_and_takes_a_fifth_of_a_percent_at_most() {
    // Whatever is started on the machine wakes it too, to see what that maps: the quietest of some windows counts.
    const SECONDS: u32 = 2;
    const WINDOWS: usize = 30;
    const LOOKS: usize = 2;
    const BUSY: Duration = Duration::from_millis(2);
    let terminal = Terminal::open();
    let recording = terminal.directory().join("idle.rec");
    terminal.types(&format!("clear; {} --record {}", kniwatch(), recording.display()));
    terminal.waits_for(WAITING);
    let job = terminal.job();
    let looks = || fs::read_to_string(&recording).unwrap().matches(r#""event":"tick""#).count();
    let mut windows = Vec::new();
    while windows.len() < WINDOWS {
        let (busy_before, looks_before) = (busy(job), looks());
        thread::sleep(Duration::from_secs(SECONDS.into()));
        let busy = busy(job).saturating_sub(busy_before) / SECONDS;
        let looks = (looks() - looks_before).div_ceil(2);
        if busy <= BUSY && (1..=LOOKS).contains(&looks) {
            return;
        }
        windows.push((busy, looks));
    }
    panic!("of each second it takes, and looks around: {windows:?}");
}

/// For how long the first thread of `pid`, which does all of the view's work, has run (`/proc/PID/schedstat`).
fn busy(pid: u32) -> Duration {
    let schedstat = fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap();
    Duration::from_nanos(schedstat.split(' ').next().unwrap().parse().unwrap())
}

/// kniwatch told of this test alone, whatever else runs on the machine.
fn watching_this() -> String {
    format!("{} --exe {} --pid {}", kniwatch(), program::path().display(), process::id())
}

fn send(pid: u32, signal: i32) {
    let pid = i32::try_from(pid).unwrap();
    // SAFETY: kill takes no memory of ours; the process is the test's own job.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
}
