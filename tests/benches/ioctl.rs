//! What an `ioctl` that has nothing to do with KNI costs while kniwatch watches.
//!
//! Five states, interleaved in one run because nothing else of a shared machine can be compared:
//! nothing attached, an empty program on the tracepoint, kniwatch's own program on it, and then the whole of
//! kniwatch, armed and idle. Needs root and a mounted tracefs (`cargo xtask bench ioctl` sees to both).

use std::os::fd::AsRawFd as _;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result};
use aya::maps::Array;
use aya::programs::TracePoint;
use aya::{Ebpf, EbpfLoader};
use kni_ebpf::control;
use kni_user::probe::{Arm, Config, OBJECT, Probes};

/// Rounds of all states; odd, for the median.
const ROUNDS: usize = 21;
/// Blocks a round and state: the fastest counts, undisturbed by whatever else ran.
const BLOCKS: usize = 200;
const CALLS: u32 = 1_000;
/// kniwatch may cost this much more than the empty program, in per cent of the whole call.
const BUDGET_PERCENT: f64 = 5.0;

fn main() -> Result<ExitCode> {
    let mut ebpf = load()?;
    let (reader, _writer) = std::io::pipe().context("cannot make a pipe")?;
    let fd = reader.as_raw_fd();
    measure(fd);

    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let bare = measure(fd);
        let empty = attached(&mut ebpf, "empty", fd)?;
        let kniwatch = attached(&mut ebpf, "ioctl_enter", fd)?;
        let (armed, idle) = whole(fd)?;
        rounds.push(Round { bare, empty, kniwatch, armed, idle });
    }
    Ok(report(&rounds))
}

/// Nanoseconds a call in each state.
struct Round {
    bare: f64,
    empty: f64,
    /// Its program at the entry alone, to be compared with the empty one.
    kniwatch: f64,
    /// All of it, while somebody uses KNI.
    armed: f64,
    /// All of it, while nobody does.
    idle: f64,
}

/// The whole of kniwatch: armed, then idle.
fn whole(fd: i32) -> Result<(f64, f64)> {
    let mut probes = Probes::load(&Config { arm: Arm::Auto, ..Config::default() })?;
    probes.attach_all();
    probes.arm()?;
    anyhow::ensure!(!probes.arm_calls().is_empty(), "system calls can't be observed");
    let armed = measure(fd);
    probes.idle_calls();
    probes.wait_until_gone();
    Ok((armed, measure(fd)))
}

fn load() -> Result<Ebpf> {
    let mut ebpf = EbpfLoader::new().btf(None).load(OBJECT).context("cannot load kniwatch's eBPF object")?;
    let map = ebpf.map_mut("CONTROL").context("the object has no map CONTROL")?;
    let mut control: Array<_, u32> = Array::try_from(map)?;
    control.set(control::ARMED, 1, 0)?;
    for name in ["empty", "ioctl_enter"] {
        program(&mut ebpf, name)?.load().with_context(|| format!("the kernel refuses {name}"))?;
    }
    Ok(ebpf)
}

fn program<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut TracePoint> {
    let program = ebpf.program_mut(name).with_context(|| format!("the object has no program {name}"))?;
    Ok(program.try_into()?)
}

fn attached(ebpf: &mut Ebpf, name: &str, fd: i32) -> Result<f64> {
    let program = program(ebpf, name)?;
    let link =
        program.attach("syscalls", "sys_enter_ioctl").context("cannot attach (is tracefs mounted?)")?;
    let cost = measure(fd);
    program.detach(link)?;
    Ok(cost)
}

/// Nanoseconds of one `ioctl(FIONREAD)` on a pipe, in the fastest block.
fn measure(fd: i32) -> f64 {
    (0..BLOCKS).map(|_| block(fd)).fold(f64::INFINITY, f64::min)
}

fn block(fd: i32) -> f64 {
    let mut unread = 0_i32;
    let start = Instant::now();
    for _ in 0..CALLS {
        // SAFETY: FIONREAD writes an int, and there is one.
        unsafe { libc::ioctl(fd, libc::FIONREAD, &raw mut unread) };
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
}

#[expect(clippy::print_stdout, reason = "the figures are what a benchmark is for")]
fn report(rounds: &[Round]) -> ExitCode {
    let column = |of: fn(&Round) -> f64| Quartiles::of(rounds.iter().map(of).collect());
    println!("an unrelated ioctl (FIONREAD on a pipe): the fastest of {BLOCKS} blocks of {CALLS} calls,");
    println!("in each of {ROUNDS} interleaved rounds");
    println!("{:36} {:>9} {:>9} {:>9}", "", "quartile", "median", "quartile");
    println!("{:36} {}", "nothing attached, ns", column(|round| round.bare));
    println!("{:36} {}", "an empty program, ns", column(|round| round.empty));
    println!("{:36} {}", "kniwatch's program in its place, ns", column(|round| round.kniwatch));
    println!("{:36} {}", "all of kniwatch, armed, ns", column(|round| round.armed));
    println!("{:36} {}", "all of kniwatch, idle, ns", column(|round| round.idle));
    let idle = column(|round| (round.idle / round.bare - 1.0) * 100.0);
    println!("{:36} {idle}", "idle over nothing attached, %");
    let over = column(|round| (round.kniwatch / round.empty - 1.0) * 100.0);
    println!("{:36} {over}", "its program over the empty one, %");
    let within = over.median <= BUDGET_PERCENT;
    println!("{}: at most {BUDGET_PERCENT} % is the budget", if within { "ok" } else { "TOO MUCH" });
    ExitCode::from(u8::from(!within))
}

struct Quartiles {
    first: f64,
    median: f64,
    third: f64,
}

impl Quartiles {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |part: usize| values.get(values.len() * part / 4).copied().unwrap_or(f64::NAN);
        Self { first: at(1), median: at(2), third: at(3) }
    }
}

impl std::fmt::Display for Quartiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:9.1} {:9.1} {:9.1}", self.first, self.median, self.third)
    }
}
