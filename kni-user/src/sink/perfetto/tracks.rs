//! Which track shows what. Slices of one track must lie in each other or apart, so attempts that overlap, which are
//! of several threads, have tracks of their own.

use super::proto::{ORDERING_EXPLICIT, ProcessDescriptor, TracePacket, TrackDescriptor};
use crate::event::Nanos;
use crate::report::Attempt;
use crate::sink::escape;
use crate::sink::run::About;

/// Below a process, in this order.
const NAMES: [&str; 5] = ["attempts", "library", "syscall", "module", "network"];
/// The track of what concerns no process.
const RUN: u64 = 1;
/// Columns that a name gets at most.
const WORD: usize = 60;

/// Tracks, and what describes them.
pub(super) struct Tracks {
    descriptors: Vec<TrackDescriptor>,
    processes: Vec<Process>,
}

struct Process {
    pid: u32,
    start_ns: Option<u64>,
    track: u64,
    rows: Vec<Row>,
}

/// Tracks of attempts that follow each other.
#[derive(Clone, Debug)]
pub(super) struct Row {
    tid: u32,
    /// Where the last one ended.
    free: Nanos,
    /// The track of the attempts themselves.
    pub(super) attempts: u64,
    /// Those of library, syscall, module, network.
    pub(super) lanes: [u64; 4],
}

impl Tracks {
    pub(super) fn new(about: &About) -> Self {
        let host = about.start.as_ref().map(|(_, start)| format!(" on {}", escape::word(&start.host, WORD)));
        let name = format!("kniwatch{}", host.unwrap_or_default());
        let run = TrackDescriptor { uuid: Some(RUN), name: Some(name), ..TrackDescriptor::default() };
        Self { descriptors: vec![run], processes: Vec::new() }
    }

    /// The tracks for `attempt`, which lasted from `began` to `ended`. Asked for in the order in which they began.
    pub(super) fn row(&mut self, attempt: &Attempt, began: Nanos, ended: Nanos) -> Row {
        let (pid, start_ns) = (attempt.process.pid, attempt.process.start_ns);
        let known = self.processes.iter().position(|known| (known.pid, known.start_ns) == (pid, start_ns));
        let at = known.unwrap_or_else(|| self.add_process(attempt));
        let tid = attempt.process.tid;
        let Self { descriptors, processes } = self;
        // The index is of the list.
        let Some(process) = processes.get_mut(at) else { return Row::at(tid, RUN) };
        if let Some(row) = process.rows.iter_mut().find(|row| row.tid == tid && row.free <= began) {
            row.free = ended;
            return row.clone();
        }
        let row = Row { free: ended, ..Row::at(tid, next(descriptors)) };
        let thread = if tid == pid { String::new() } else { format!(" (thread {tid})") };
        let rank = i32::try_from(process.rows.len() * NAMES.len()).unwrap_or(i32::MAX);
        let tracks = [row.attempts].into_iter().chain(row.lanes);
        for ((uuid, name), rank) in tracks.zip(NAMES).zip(rank..) {
            descriptors.push(TrackDescriptor {
                uuid: Some(uuid),
                parent_uuid: Some(process.track),
                name: Some(format!("{name}{thread}")),
                sibling_order_rank: Some(rank),
                ..TrackDescriptor::default()
            });
        }
        process.rows.push(row.clone());
        row
    }

    /// The track of a process; the run's, if it has none.
    pub(super) fn of(&self, pid: Option<u32>) -> u64 {
        let process = self.processes.iter().rev().find(|process| Some(process.pid) == pid);
        process.map_or(RUN, |process| process.track)
    }

    pub(super) fn into_packets(self) -> impl Iterator<Item = TracePacket> {
        self.descriptors
            .into_iter()
            .map(|track| TracePacket { track_descriptor: Some(track), ..TracePacket::default() })
    }

    fn add_process(&mut self, attempt: &Attempt) -> usize {
        let (pid, track) = (attempt.process.pid, next(&self.descriptors));
        self.descriptors.push(TrackDescriptor {
            uuid: Some(track),
            process: Some(ProcessDescriptor {
                pid: i32::try_from(pid).ok(),
                process_name: Some(escape::word(&attempt.process.comm, WORD)),
            }),
            child_ordering: Some(ORDERING_EXPLICIT),
            ..TrackDescriptor::default()
        });
        self.processes.push(Process { pid, start_ns: attempt.process.start_ns, track, rows: Vec::new() });
        self.processes.len() - 1
    }
}

impl Row {
    /// Tracks numbered from `first`.
    const fn at(tid: u32, first: u64) -> Self {
        Self { tid, free: 0, attempts: first, lanes: [first + 1, first + 2, first + 3, first + 4] }
    }
}

/// The next free number: they are given in order, from [`RUN`] on.
fn next(descriptors: &[TrackDescriptor]) -> u64 {
    descriptors.len() as u64 + RUN
}
