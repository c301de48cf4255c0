//! The probes: declared in `spec`, resolved in `plan`, attached in `attach`.

mod address;
mod attach;
mod calls;
mod counters;
pub mod data_path;
mod follow;
mod graveyard;
mod load;
mod missed;
mod objects;
pub mod plan;
mod pulse;
mod row;
mod sites;
pub mod spec;

use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use aya::Ebpf;
use aya::maps::{Array, HashMap, MapData, MapError, RingBuf};
use kni_ebpf::control;
use kni_ebpf::hook::Hook;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use self::attach::Link;
pub use self::calls::Arm;
pub use self::counters::Counters;
use self::counters::Descriptors;
pub use self::follow::Change;
use self::graveyard::Graveyard;
pub use self::load::OBJECT;
pub use self::objects::{Known, mapped};
use self::plan::{Decision, Host, Planned, Usable, plan};
use self::pulse::Pulse;
pub use self::row::Row;
use self::sites::Sites;
use self::spec::{Owner, SPECS};
use crate::event::{Coverage, HookState, Nanos};
use crate::host::{clock, kallsyms, modules, procfs, tracefs};
use crate::preflight;
pub use crate::preflight::CannotObserve;

/// What to attach.
#[derive(Clone, Debug)]
pub struct Config {
    /// Hooks to leave out.
    pub without: Vec<Hook>,
    /// When system calls are observed.
    pub arm: Arm,
    /// Bytes of the ring buffer: a power of two, at least a page. `None`: 256 KiB.
    pub ring_bytes: Option<u32>,
    /// Executables that may have the library inside; by name or path.
    pub executables: Vec<PathBuf>,
    /// Libraries beside those that are found.
    pub libraries: Vec<PathBuf>,
}

impl Default for Config {
    /// All that can be had, all the time: who says nothing does not tell who uses KNI either.
    fn default() -> Self {
        let (without, executables, libraries) = (Vec::new(), Vec::new(), Vec::new());
        Self { without, arm: Arm::Always, ring_bytes: None, executables, libraries }
    }
}

/// The loaded object and its attachments.
pub struct Probes {
    object: Ebpf,
    config: Config,
    host: Host,
    tracefs: Option<PathBuf>,
    /// What holds the attachments.
    links: Vec<Held>,
    /// Attachments that are of no use any more.
    dead: Graveyard,
    /// Whether kprobes fire; `None`: there are none.
    pulse: Option<Pulse>,
    /// The loading of the module that its hooks were attached for.
    loading: Option<u64>,
    /// When it went for the last time.
    went: Option<Instant>,
    /// When all that is told live was seen well, in nanoseconds of the monotonic clock.
    well: Nanos,
    /// Lets go of the system calls' attachments.
    leaving: Option<JoinHandle<()>>,
    descriptors: Descriptors,
    /// Whether something was attached since they were taken.
    has_news: bool,
    sites: Sites,
    rows: Vec<Row>,
    /// The files that were looked at.
    files: objects::Files,
    /// Who ran which object when the hooks were attached.
    running: Vec<(u32, PathBuf)>,
}

/// An attachment, and for what it is held.
struct Held {
    hook: Hook,
    /// The library or executable.
    object: Option<PathBuf>,
    link: Link,
}

impl Probes {
    /// Loads the object. Nothing is attached yet, and nothing is recorded before [`Probes::arm`].
    ///
    /// Fails with [`CannotObserve`] where this machine or this process can't have any probe.
    pub fn load(config: &Config) -> Result<Self> {
        let preflight = preflight::check();
        if let Some(error) = preflight.cannot_observe() {
            return Err(error.into());
        }
        let host = Host::new(preflight);
        let object = load::object(config).map_err(|error| CannotObserve::unloadable(&error))?;
        load::trim_heap();
        let (config, tracefs) = (config.clone(), tracefs::find());
        let pulse = (host.kprobes == Usable::Yes).then(Pulse::default);
        Ok(Self {
            object,
            config,
            host,
            tracefs,
            links: Vec::new(),
            dead: Graveyard::default(),
            pulse,
            loading: None,
            went: None,
            well: clock::monotonic_ns(),
            leaving: None,
            descriptors: Descriptors::default(),
            has_news: false,
            sites: Sites::default(),
            rows: Vec::new(),
            files: objects::Files::default(),
            running: Vec::new(),
        })
    }

    /// Attaches all that can be had, and makes ready what is wanted when the module comes.
    pub fn attach_all(&mut self) -> Vec<Coverage> {
        self.note_module();
        self.find_objects();
        self.feel_pulse();
        let coverage = self.carry_out(&plan(SPECS, &self.host, &self.config));
        if !self.host.module_loaded && self.host.kprobes == Usable::Yes {
            self.preload_module_programs();
        }
        load::trim_heap();
        coverage
    }

    /// From now on records flow.
    pub fn arm(&mut self) -> Result<()> {
        self.set_armed(1)
    }

    /// From now on nothing more is recorded: what was can be counted.
    pub fn disarm(&mut self) -> Result<()> {
        self.set_armed(0)
    }

    fn set_armed(&mut self, armed: u32) -> Result<()> {
        let map = self.object.map_mut("CONTROL").context("the object has no map CONTROL")?;
        let mut words = Array::<_, u32>::try_from(map)?;
        words.set(control::ARMED, armed, 0).context("cannot arm the probes")
    }

    /// The ring buffer that records come through. It can be taken once.
    pub fn take_ring(&mut self) -> Result<RingBuf<MapData>> {
        let map = self.object.take_map("RINGBUF").context("the ring buffer is taken")?;
        Ok(RingBuf::try_from(map)?)
    }

    /// What became of the programs' runs until now.
    pub fn counters(&mut self) -> Result<Counters> {
        self.refresh_descriptors();
        counters::read(&self.object, &self.descriptors)
    }

    /// How often the programs of `hook` have run by the kernel's own count, to compare with [`Counters::runs`].
    /// 0 unless the kernel keeps statistics of eBPF programs.
    pub fn kernel_runs(&mut self, hook: Hook) -> Result<u64> {
        self.refresh_descriptors();
        self.descriptors.runs(hook).context("cannot read the programs' descriptors")
    }

    /// Follows a process and all its descendants to come, whether they use KNI or not.
    pub fn follow(&mut self, pid: u32) -> Result<()> {
        self.users()?.insert(pid, control::USER_FOLLOWED, 0).context("cannot follow the process")
    }

    /// Follows it no longer. Its descendants stay followed.
    pub fn unfollow(&mut self, pid: u32) -> Result<()> {
        match self.users()?.remove(&pid) {
            // It has ended.
            Ok(()) | Err(MapError::KeyNotFound) => Ok(()),
            Err(error) => Err(anyhow!(error).context("cannot stop following the process")),
        }
    }

    /// Takes notice that a process uses KNI before any of the hooks does: its children, what it executes and its
    /// end are told of from here on.
    pub fn remember(&mut self, pid: u32) -> Result<()> {
        let mut users = self.users()?;
        match users.insert(pid, control::USER_KNOWN, NO_REPLACE) {
            Ok(()) => {}
            Err(error) if is_there(&error) => return Ok(()),
            Err(error) => return Err(anyhow!(error).context("cannot remember the process")),
        }
        // Nobody else would take it out.
        if procfs::has_ended(pid) { self.unfollow(pid) } else { Ok(()) }
    }

    /// Forwards the eBPF side's own warnings to `log`, by a task of the running tokio runtime.
    pub fn forward_log(&mut self) -> Result<()> {
        let logger =
            aya_log::EbpfLogger::init(&mut self.object).context("cannot read the probes' own log")?;
        // SAFETY: the logger owns its ring buffer, and so the one descriptor, for as long as it lives.
        let mut logger = unsafe { AsyncFd::register_with_interest(logger, Interest::READABLE) }?;
        tokio::spawn(async move {
            while let Ok(mut ready) = logger.readable_mut().await {
                ready.get_inner_mut().flush();
                ready.clear_ready();
            }
        });
        Ok(())
    }

    /// Every hook, and what became of it.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    fn users(&mut self) -> Result<HashMap<&mut MapData, u32, u32>> {
        let map = self.object.map_mut("USERS").context("the object has no map USERS")?;
        Ok(HashMap::try_from(map)?)
    }

    /// So that attaching, when the module comes, takes none of the verifier's time.
    fn preload_module_programs(&mut self) {
        let loaded = Host { module_loaded: true, ..self.host.clone() };
        let planned = plan(spec::owned_by(Owner::Module), &loaded, &self.config);
        for program in planned.iter().flat_map(Planned::programs) {
            if let Err(error) = attach::load_first(&mut self.object, &[program]) {
                log::warn!("{error}");
            }
        }
    }

    /// Attaches what is to be attached, and tells of each hook.
    fn carry_out(&mut self, planned: &[Planned]) -> Vec<Coverage> {
        self.carry_out_timed(planned).into_iter().map(|(_, coverage)| coverage).collect()
    }

    /// The same, and since when it is so.
    fn carry_out_timed(&mut self, planned: &[Planned]) -> Vec<(Nanos, Coverage)> {
        let coverage = self.attach_each(planned);
        self.has_news = true;
        coverage
    }

    fn attach_each(&mut self, planned: &[Planned]) -> Vec<(Nanos, Coverage)> {
        let mut coverage = Vec::new();
        let mut unresolved = Vec::new();
        for planned in planned {
            match self.attach(planned) {
                // The function isn't there by its own name: see, once the others are attached, how the compiler
                // named it.
                Err(_) if follow::is_module_hook(planned.hook) && self.host.module_functions.is_none() => {
                    unresolved.push(planned.hook);
                }
                Ok(row) | Err(row) => coverage.push((clock::monotonic_ns(), self.note(row))),
            }
        }
        if !unresolved.is_empty() {
            let functions = kallsyms::module_functions();
            self.host.module_functions = Some(functions.unwrap_or_else(|error| {
                log::warn!("cannot read /proc/kallsyms: {error}");
                Vec::new()
            }));
            let specs = unresolved.into_iter().filter_map(spec::of);
            coverage.extend(self.attach_each(&plan(specs, &self.host, &self.config)));
        }
        coverage
    }

    /// For programs and links that have come since. Not as soon as they come: who has just been attached to is told
    /// of first.
    fn refresh_descriptors(&mut self) {
        if !std::mem::take(&mut self.has_news) {
            return;
        }
        if let Err(error) = self.descriptors.refresh(&self.object) {
            log::warn!("runs that the kernel leaves out can't be counted: {error}");
        }
    }

    /// Attaches a hook in the first way that succeeds: `Err` if there was a way, and none did.
    fn attach(&mut self, planned: &Planned) -> Result<Row, Row> {
        let (ways, state) = match &planned.decision {
            Decision::Attach(ways) => (ways, HookState::Live),
            Decision::Prepare(ways) => (ways, HookState::Idle),
            Decision::Not { .. } => return Ok(Row::of_plan(planned)),
        };
        let mut first_error = None;
        for way in ways {
            self.sites.announce(&mut self.object, planned.hook, way);
            let tried = if state == HookState::Live {
                attach::attach(&mut self.object, way, self.tracefs.as_deref())
            } else {
                attach::prepare(&mut self.object, way, self.tracefs.as_deref())
            };
            match tried {
                Ok(links) => {
                    let held = |link| Held { hook: planned.hook, object: planned.object.clone(), link };
                    self.links.extend(links.into_iter().map(held));
                    let row = Row::new(planned.hook, &way.via, planned.object.clone(), state);
                    return Ok(row.with_sites(way));
                }
                Err((error, links)) => {
                    self.dead.take(links);
                    self.dead.bury();
                    first_error = first_error.or(Some((way, error)));
                }
            }
        }
        let (via, reason) = match first_error {
            Some((way, error)) => (way.via.as_str(), error.to_string()),
            None => (planned.hook.place(), "there is nothing to attach to".to_owned()),
        };
        Err(Row::new(planned.hook, via, planned.object.clone(), HookState::Missing { reason }))
    }

    /// Keeps a row in the place of what was known of the same hook in the same object.
    fn note(&mut self, row: Row) -> Coverage {
        let coverage = row.coverage();
        let displaced =
            |old: &Row| old.object == row.object || (old.object.is_none() && row.state == HookState::Live);
        self.rows.retain(|old| old.hook != row.hook || !displaced(old));
        self.rows.push(row);
        coverage
    }
}

/// What would be attached, for where nothing can be: the plan alone.
#[must_use]
pub fn planned_rows(config: &Config) -> Vec<Row> {
    let mut host = Host::new(preflight::check());
    host.module_loaded = modules::is_loaded();
    host.objects = objects::named_or_installed(config);
    plan(SPECS, &host, config).iter().map(Row::of_plan).collect()
}

/// `BPF_NOEXIST` of include/uapi/linux/bpf.h.
const NO_REPLACE: u64 = 1;

fn is_there(error: &MapError) -> bool {
    matches!(error, MapError::SyscallError(error) if error.io_error.raw_os_error() == Some(libc::EEXIST))
}
