//! Code that processes map: executables, their libraries, plugins that they load later.
//!
//! The kernel tells of each mapping of code in a file (`PERF_RECORD_MMAP2`) without a probe, and so at no cost to
//! what programs do otherwise.

use std::future::poll_fn;
use std::io;
use std::path::PathBuf;
use std::task::Poll;

use perf_event::data::Record;
use perf_event::events::Software;
use perf_event::{Builder, Clock, SampleFlag, Sampler};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::files::Mapping;
use super::{procfs, system};
use crate::event::Nanos;

/// Bytes of each CPU's ring: some 500 mappings, a hundred programs started.
const RING_BYTES: usize = 1 << 16;

/// `PERF_RECORD_MISC_COMM_EXEC` of `include/uapi/linux/perf_event.h`: the name is a new program's.
const COMM_EXEC: u16 = 1 << 13;

/// What was noticed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Sighting {
    /// A process has mapped code.
    Mapped(Mapping),
    /// A process executes a program: what it had mapped is gone. The program's own mappings follow.
    Executed {
        /// The process.
        pid: u32,
        /// When.
        at: Nanos,
    },
    /// The kernel had more to tell than there was room for.
    Lost,
}

/// Tells of all processes' mappings of code from its opening on.
pub struct Watcher {
    /// One for each CPU that was online.
    rings: Vec<AsyncFd<Sampler>>,
}

impl Watcher {
    /// Begins to watch. Denied without `CAP_PERFMON`.
    pub fn open() -> io::Result<Self> {
        let rings = system::online_cpus().into_iter().map(ring).collect::<io::Result<_>>()?;
        Ok(Self { rings })
    }

    /// Waits until there is something to take.
    pub async fn readable(&self) -> io::Result<()> {
        poll_fn(|context| {
            let mut any = Poll::Pending;
            for ring in &self.rings {
                if let Poll::Ready(mut ready) = ring.poll_read_ready(context)? {
                    ready.clear_ready();
                    any = Poll::Ready(Ok(()));
                }
            }
            any
        })
        .await
    }

    /// Takes all that is there, in the order in which it happened.
    pub fn sightings(&mut self) -> Vec<Sighting> {
        let mut sightings = Vec::new();
        for ring in &mut self.rings {
            let ring = ring.get_mut();
            while let Some(record) = ring.next_record() {
                let at = time(&record);
                let sighting = match record.parse_record() {
                    Ok(parsed) => sighting(at, &parsed, record.misc()),
                    Err(error) => {
                        log::debug!("a mapping could not be read: {error}");
                        Some(Sighting::Lost)
                    }
                };
                sightings.extend(sighting.map(|sighting| (at, sighting)));
            }
        }
        sightings.sort_by_key(|(at, _)| *at);
        sightings.into_iter().map(|(_, sighting)| sighting).collect()
    }
}

/// When it happened: with nothing else asked for, that is the end of every record.
fn time(record: &perf_event::Record<'_>) -> Nanos {
    record.to_contiguous().last_chunk().map_or(0, |time| Nanos::from_ne_bytes(*time))
}

/// Whether the kernel would tell.
pub fn try_out() -> io::Result<()> {
    system::online_cpus().first().map_or(Ok(()), |cpu| counter(*cpu).build().map(drop))
}

fn ring(cpu: usize) -> io::Result<AsyncFd<Sampler>> {
    let sampler = counter(cpu).build()?.sampled(RING_BYTES)?;
    // SAFETY: the sampler owns its one descriptor as long as it lives.
    unsafe { AsyncFd::register_with_interest(sampler, Interest::READABLE) }.map_err(Into::into)
}

fn counter(cpu: usize) -> Builder<'static> {
    let mut counter = Builder::new(Software::DUMMY);
    counter.any_pid().one_cpu(cpu).mmap(true).mmap2(true).comm(true).comm_exec(true);
    counter.sample_id_all(true).sample(SampleFlag::TIME).clockid(Clock::MONOTONIC);
    // Each record wakes its reader: a program may call what it has mapped at once.
    counter.wakeup_watermark(1).enabled(true);
    counter
}

fn sighting(at: Nanos, record: &Record<'_>, flags: u16) -> Option<Sighting> {
    match record {
        Record::Mmap2(mapped) if procfs::is_file_name(&mapped.filename) => Some(Sighting::Mapped(Mapping {
            pid: mapped.pid,
            path: PathBuf::from(mapped.filename_os()),
            device: (mapped.maj()?, mapped.min()?),
            inode: mapped.ino()?,
        })),
        Record::Comm(comm) if flags & COMM_EXEC != 0 => Some(Sighting::Executed { pid: comm.pid, at }),
        Record::Lost(_) => Some(Sighting::Lost),
        _ => None,
    }
}
