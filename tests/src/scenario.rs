//! What a scenario consists of.

use crate::guest::{Guest, Kernel};

/// One situation, the command that is checked in it, and the verdict that it must get.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// What it shows, in a line.
    pub shows: &'static str,
    /// The module's state at the start.
    pub module: Module,
    /// What else is otherwise in the guest: a name in `tests/guest/situations.sh`.
    pub situation: Option<&'static str>,
    /// What runs already when kniwatch starts.
    pub before: Option<Background>,
    /// The guest that it needs.
    pub guest: Guest,
    /// The kernels that it is shown on.
    pub kernels: &'static [Kernel],
    /// Whether it is among the few that are run on every one of its kernels, and not on [`Kernel::MAIN`] alone.
    pub smoke: bool,
    /// What is checked, one after the other.
    pub runs: &'static [Run],
}

impl Scenario {
    /// What most have in common: the module with its defaults, a guest with others, every kernel.
    pub const USUAL: Self = Self {
        name: "",
        shows: "",
        module: Module::Loaded,
        situation: None,
        before: None,
        guest: Guest::Shared,
        kernels: &Kernel::ALL,
        smoke: false,
        runs: &[],
    };
}

/// The state of `rte_kni.ko`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Module {
    /// Not loaded.
    Absent,
    /// Loaded, with its defaults.
    Loaded,
    /// Loaded, with these parameters, which blanks separate.
    With(&'static str),
    /// Not loaded: it refuses these parameters.
    Refused(&'static str),
    /// Loaded: the variant of that name, which `tests/guest/provision` made.
    Variant(&'static str),
}

/// A program that runs beside.
#[derive(Clone, Copy, Debug)]
pub struct Background {
    /// A command line for the shell.
    pub command: &'static str,
    /// The network interface that is there once it has started.
    pub until_interface: &'static str,
}

/// One `kniwatch check`.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Its options, without those about output.
    pub options: &'static [&'static str],
    /// The program whose attempts are judged.
    pub program: &'static str,
    /// Its arguments.
    pub arguments: &'static [&'static str],
    /// What it must answer.
    pub expect: Expect,
}

/// What one `check` must answer.
#[derive(Clone, Copy, Debug)]
pub struct Expect {
    /// `check`'s exit status.
    pub status: u8,
    /// The attempts.
    pub attempts: Attempts,
    /// What is said besides of each of them.
    pub each: &'static [Field],
    /// What is told of interfaces besides, in order.
    pub interfaces: &'static [Became],
    /// What is told of threads that died in the module outside of any attempt, in order.
    pub died: &'static [&'static [Field]],
    /// So many returns at least must have been missed by the kernel, and counted.
    pub missed: u64,
    /// How often the module's hooks come while kniwatch observes, each time soon after the module's loading.
    pub module_comes: usize,
    /// The status that the program must end with, where that says something of kniwatch.
    pub program_status: Option<i64>,
    /// What must be said on stderr.
    pub says: &'static [&'static str],
    /// What neither the verdicts nor the text may say.
    pub must_not_say: &'static [&'static str],
}

/// The module may be there unobserved for so long, on a processor.
pub const ATTACHED_WITHIN_NS: u64 = 50_000_000;

/// On an emulated one, whose clock counts a nanosecond an instruction: 50 ms of a processor that executes three
/// instructions a nanosecond, one a cycle at 3 GHz.
pub const ATTACHED_WITHIN_EMULATED_NS: u64 = 3 * ATTACHED_WITHIN_NS;

/// Which attempts must be told.
#[derive(Clone, Copy, Debug)]
pub enum Attempts {
    /// These, in order, and no others.
    Exactly(&'static [Attempt]),
    /// These and no others, each of another interface, in whatever order.
    InAnyOrder(&'static [Attempt]),
    /// This one again and again, at least so often, while the module comes and goes. But what begins before kniwatch
    /// has attached to a module that came is inconclusive.
    AroundLoading(usize, &'static Attempt),
    /// So many like one of those, of each entry, in whatever order, and no others.
    Crowd(&'static [(usize, &'static [Attempt])]),
    /// The same again and again, by a program that is restarted: at least so often, counted as repeats.
    Repeated(u64, &'static Attempt),
}

/// What became of an interface.
#[derive(Clone, Copy, Debug)]
pub struct Became {
    /// `event`.
    pub event: &'static str,
    /// `name`.
    pub name: &'static str,
    /// What else is said.
    pub also: &'static [Field],
}

impl Became {
    /// `name` was released by the program's request.
    #[must_use]
    pub const fn released(name: &'static str) -> Self {
        Self { event: "released", name, also: &[("/how", Said::Text("request"))] }
    }

    /// `name` was released with the device.
    #[must_use]
    pub const fn closed(name: &'static str) -> Self {
        Self { also: &[("/how", Said::Text("close"))], ..Self::released(name) }
    }

    /// That event of `name`'s.
    #[must_use]
    pub const fn event(event: &'static str, name: &'static str, also: &'static [Field]) -> Self {
        Self { event, name, also }
    }
}

/// A field of an attempt, as a JSON pointer, and what it must say. A `*` in place of an array's index: one
/// of its elements must say it.
pub type Field = (&'static str, Said);

/// What a field must say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Said {
    /// Nothing: null.
    Nothing,
    /// Anything but that.
    Something,
    /// This.
    Is(bool),
    /// This.
    Number(i64),
    /// A number from there to there.
    Between(i64, i64),
    /// This.
    Text(&'static str),
    /// A text that ends so.
    Ending(&'static str),
    /// A text with that in it.
    Having(&'static str),
}

/// One attempt's verdict. A field of `None` means that nothing may be said there; what `also` has not is
/// not judged.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// `outcome`.
    pub outcome: &'static str,
    /// `boundary`.
    pub boundary: Option<&'static str>,
    /// `cause`.
    pub cause: Option<&'static str>,
    /// `interface.claimed`.
    pub claimed: Option<&'static str>,
    /// `interface.consumed`.
    pub consumed: Option<&'static str>,
    /// `errno.user`.
    pub errno_user: Option<i64>,
    /// `errno.kernel`.
    pub errno_kernel: Option<i64>,
    /// `subject`.
    pub subject: Option<&'static str>,
    /// `issued`.
    pub issued: Option<bool>,
    /// `holder.comm`; its pid must be the one that the guest noted.
    pub holder: Option<&'static str>,
    /// `interface.ifindex`.
    pub ifindex: Index,
    /// `coverage.complete`.
    pub complete: bool,
    /// What else is said.
    pub also: &'static [Field],
}

/// What is expected of an interface's index.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Index {
    /// There is none.
    None,
    /// There is one.
    Some,
    /// It is the one that the guest noted.
    Noted,
}

impl Attempt {
    /// An attempt of which everything was seen, and whose ioctl was refused or never issued.
    const STOPPED: Self = Self {
        outcome: "stopped",
        boundary: None,
        cause: None,
        claimed: None,
        consumed: None,
        errno_user: None,
        errno_kernel: None,
        subject: None,
        issued: Some(false),
        holder: None,
        ifindex: Index::None,
        complete: true,
        also: &[],
    };

    /// Created, with an index that the guest doesn't note.
    #[must_use]
    pub const fn got(name: &'static str) -> Self {
        Self { ifindex: Index::Some, ..Self::created(name) }
    }

    /// What is said of it while it lasts.
    #[must_use]
    pub const fn meanwhile(self, also: &'static [Field]) -> Self {
        let claimed = self.claimed;
        Self { outcome: "in-progress", claimed, issued: Some(true), also, ..Self::STOPPED }
    }

    /// Created under `name`.
    #[must_use]
    pub const fn created(name: &'static str) -> Self {
        Self {
            outcome: "created",
            claimed: Some(name),
            consumed: Some(name),
            issued: Some(true),
            ifindex: Index::Noted,
            ..Self::STOPPED
        }
    }

    /// Refused by the library, no request issued.
    #[must_use]
    pub const fn in_library(name: &'static str, cause: &'static str) -> Self {
        Self { boundary: Some("library"), cause: Some(cause), claimed: Some(name), ..Self::STOPPED }
    }

    /// Refused by the library for the sake of that memzone.
    #[must_use]
    pub const fn for_memzone(name: &'static str, cause: &'static str, zone: &'static str) -> Self {
        Self { subject: Some(zone), ..Self::in_library(name, cause) }
    }

    /// Never tried: what came before was in vain.
    #[must_use]
    pub const fn not_attempted(cause: &'static str) -> Self {
        Self { outcome: "not-attempted", cause: Some(cause), ..Self::STOPPED }
    }

    /// Not decided by what could be seen, but no request was issued.
    #[must_use]
    pub const fn inconclusive() -> Self {
        Self { outcome: "inconclusive", complete: false, ..Self::STOPPED }
    }

    /// Stopped at the system call with that errno.
    #[must_use]
    pub const fn at_syscall(cause: &'static str, errno: i64) -> Self {
        Self { boundary: Some("syscall"), cause: Some(cause), errno_user: Some(errno), ..Self::STOPPED }
    }

    /// Refused behind the ioctl.
    #[must_use]
    pub const fn in_kernel(
        boundary: &'static str,
        name: &'static str,
        cause: &'static str,
        errno: i64,
    ) -> Self {
        Self {
            boundary: Some(boundary),
            cause: Some(cause),
            claimed: Some(name),
            errno_user: Some(errno),
            issued: Some(true),
            ..Self::STOPPED
        }
    }
}
