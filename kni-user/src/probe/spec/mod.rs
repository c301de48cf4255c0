//! Every hook, declared once: where it can be had, in which order, and what is lost without it.

mod table;

use kni_ebpf::hook::Hook;

pub use table::SPECS;

/// A hook and the ways to have it.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The hook.
    pub hook: Hook,
    /// Ways to have it, best first: the first that can be attached is used.
    pub candidates: &'static [Candidate],
    /// Whether a boundary can't be told without it.
    pub required: bool,
    /// What is lost without it, as the end of "without it, ...".
    pub lost: &'static str,
}

/// One way to have a hook.
#[derive(Clone, Copy, Debug)]
pub enum Candidate {
    /// Tracepoints: all of them, together.
    Tracepoints(&'static [Tracepoint]),
    /// A function: its entry and its return.
    Function {
        /// Whose it is.
        owner: Owner,
        /// Its names. More than one only for a library's: those that there are, all of them.
        symbols: &'static [&'static str],
        /// The programs.
        programs: Programs,
    },
    /// What a compiler made of a function of the module: `of.isra.0` and the like.
    Variants {
        /// The function.
        of: &'static str,
        /// The programs.
        programs: Programs,
    },
}

/// Where a function is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Owner {
    /// In the kernel itself.
    Kernel,
    /// In `rte_kni.ko`.
    Module,
    /// In a DPDK library, or in an executable that has it inside.
    Library,
}

/// The programs for a function, by their names in the object.
#[derive(Clone, Copy, Debug)]
pub struct Programs {
    /// For its entry.
    pub enter: &'static str,
    /// For its return, if that is observed.
    pub exit: Option<&'static str>,
}

/// A tracepoint and its program.
#[derive(Clone, Copy, Debug)]
pub struct Tracepoint {
    /// `syscalls` in `syscalls:sys_enter_ioctl`.
    pub category: &'static str,
    /// `sys_enter_ioctl` in `syscalls:sys_enter_ioctl`.
    pub name: &'static str,
    /// The program; if the kernel refuses to load it, the next.
    pub programs: &'static [&'static str],
    /// Fields that the program reads, at these offsets. A kernel that has them elsewhere isn't observed wrongly but not at all.
    pub fields: &'static [(&'static str, u32)],
    /// Whether the hook can be had without it, where the kernel has no such tracepoint.
    pub optional: bool,
}

impl Spec {
    /// Whose functions the hook is had by; `None`: tracepoints.
    #[must_use]
    pub fn owner(&self) -> Option<Owner> {
        self.candidates.iter().find_map(|candidate| match candidate {
            Candidate::Tracepoints(_) => None,
            Candidate::Function { owner, .. } => Some(*owner),
            Candidate::Variants { .. } => Some(Owner::Module),
        })
    }
}

impl Spec {
    /// Whether being attached costs every process of the machine something: the kernel sends a task's every system
    /// call through its slow path as long as any tracepoint of the category is in use
    /// (`syscall_regfunc`, kernel/tracepoint.c, 5.10 to 6.18).
    #[must_use]
    pub fn taxes_everybody(&self) -> bool {
        self.candidates.iter().any(|candidate| match candidate {
            Candidate::Tracepoints(tracepoints) => {
                tracepoints.iter().any(|tracepoint| tracepoint.category == "syscalls")
            }
            Candidate::Function { .. } | Candidate::Variants { .. } => false,
        })
    }

    /// The names of all programs that the hook may take, each once.
    #[must_use]
    pub fn programs(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.candidates.iter().flat_map(Candidate::programs).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Candidate {
    fn programs(&self) -> Vec<&'static str> {
        match self {
            Self::Tracepoints(tracepoints) => {
                tracepoints.iter().flat_map(|tracepoint| tracepoint.programs).copied().collect()
            }
            Self::Function { programs, .. } | Self::Variants { programs, .. } => {
                programs.exit.into_iter().chain([programs.enter]).collect()
            }
        }
    }
}

/// The hooks that are had by that owner's functions.
pub fn owned_by(owner: Owner) -> impl Iterator<Item = &'static Spec> {
    SPECS.iter().filter(move |spec| spec.owner() == Some(owner))
}

/// The hooks that are attached only while a process uses KNI, unless it is asked for otherwise.
pub fn on_demand() -> impl Iterator<Item = &'static Spec> {
    SPECS.iter().filter(|spec| spec.taxes_everybody())
}

/// The hook's spec.
#[must_use]
pub fn of(hook: Hook) -> Option<&'static Spec> {
    SPECS.iter().find(|spec| spec.hook == hook)
}

/// Functions that no hook wants, and that tell releases of the library apart by being there or not.
pub const TELLING: &[&str] = &[
    "rte_kni_create",
    "rte_kni_get",
    "rte_kni_get_name",
    "rte_kni_get_port_id",
    "rte_kni_handle_request",
    "rte_kni_info_get",
    "rte_kni_register_handlers",
    "rte_kni_unregister_handlers",
    "rte_kni_update_link",
];

/// The names of all functions that are looked for in libraries and executables.
#[must_use]
pub fn object_symbols() -> Vec<&'static str> {
    library_symbols().into_iter().chain(TELLING.iter().copied()).collect()
}

/// The names of all functions that hooks want of libraries and executables.
#[must_use]
pub fn library_symbols() -> Vec<&'static str> {
    let functions = SPECS.iter().flat_map(|spec| spec.candidates).filter_map(|candidate| match candidate {
        Candidate::Function { owner: Owner::Library, symbols, .. } => Some(*symbols),
        _ => None,
    });
    functions.flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use kni_ebpf::hook::Hook;

    use super::SPECS;

    #[test]
    fn every_hook_is_declared_once_in_the_order_of_an_attempt() {
        let declared: Vec<_> = SPECS.iter().map(|spec| spec.hook).collect();
        assert_eq!(declared, Hook::ALL);
    }
}
