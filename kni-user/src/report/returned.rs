//! What the value that a place returned means.

use kni_ebpf::hook::Hook;

use super::Step;
use crate::untrusted::Untrusted;

/// The largest errno (`MAX_ERRNO`, `include/linux/err.h`).
const MAX_ERRNO: i64 = 4095;

/// What a place returned, by its kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Returned {
    /// A pointer to nothing.
    Null,
    /// A pointer to something.
    Pointer(i64),
    /// A negative errno; here positive.
    Errno(i32),
    /// A number that is no errno.
    Number(i64),
}

/// How a place says that it failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Failure {
    /// By a negative errno; here positive.
    Errno(i32),
    /// By NULL.
    Null,
    /// By a negative number that is no errno.
    Negative(i64),
}

/// The errno in what the kernel returned, positive.
#[must_use]
pub fn errno_of(value: i64) -> Option<i32> {
    i32::try_from(value.checked_neg()?).ok().filter(|errno| (1..=MAX_ERRNO).contains(&i64::from(*errno)))
}

impl Step {
    /// What it returned; none: it was entered.
    #[must_use]
    pub fn returned(&self) -> Option<Returned> {
        let value = self.value?;
        let hook = Hook::from_name(self.hook);
        let pointer = matches!(
            hook,
            Some(
                Hook::LibraryAlloc
                    | Hook::MemzoneLookup
                    | Hook::MemzoneReserve
                    | Hook::PoolCreate
                    | Hook::MempoolCreate
                    | Hook::RingCreate
                    | Hook::AllocNetdev
                    | Hook::CreateThread
            )
        );
        Some(match (errno_of(value), pointer) {
            (_, true) if value == 0 => Returned::Null,
            (Some(errno), _) if hook != Some(Hook::LibraryInit) => Returned::Errno(errno),
            (_, true) => Returned::Pointer(value),
            _ => Returned::Number(value),
        })
    }

    /// Whether and how it failed. A lookup that finds nothing is none by itself (16.04's `rte_kni_init` looks
    /// up before it reserves): only that of `subject` counts.
    #[must_use]
    pub fn failure(&self, subject: Option<&Untrusted>) -> Option<Failure> {
        let value = self.value?;
        match Hook::from_name(self.hook)? {
            Hook::Ioctl
            | Hook::Open
            | Hook::Dispatcher
            | Hook::CompatDispatcher
            | Hook::Handler
            | Hook::DeviceOpen
            | Hook::RegisterNetdev
            | Hook::CreateThread
            | Hook::SetUpRequest => errno_of(value).map(Failure::Errno),
            Hook::MemzoneLookup => {
                (value == 0 && self.text.is_some() && self.text.as_ref() == subject).then_some(Failure::Null)
            }
            Hook::LibraryAlloc
            | Hook::MemzoneReserve
            | Hook::AllocNetdev
            | Hook::PoolCreate
            | Hook::MempoolCreate
            | Hook::RingCreate => (value == 0).then_some(Failure::Null),
            Hook::LibraryInit => (value < 0).then_some(Failure::Negative(value)),
            Hook::DeviceRelease
            | Hook::LibraryClose
            | Hook::TailqLock
            | Hook::IovaMode
            | Hook::Panic
            | Hook::LibraryRelease
            | Hook::LibraryLog
            | Hook::Fork
            | Hook::Exec
            | Hook::Exit
            | Hook::ModuleLoad
            | Hook::ModuleFree => None,
        }
    }

    /// Whether the place is one that is left again, and seen to be.
    #[must_use]
    pub fn is_left(&self) -> bool {
        !matches!(
            Hook::from_name(self.hook),
            Some(
                Hook::LibraryLog
                    | Hook::LibraryClose
                    | Hook::TailqLock
                    | Hook::Panic
                    | Hook::Fork
                    | Hook::Exec
                    | Hook::Exit
                    | Hook::ModuleLoad
                    | Hook::ModuleFree
            ) | None
        )
    }
}

#[cfg(test)]
mod tests {
    use super::errno_of;

    #[test]
    fn an_errno_is_what_the_kernel_takes_for_one() {
        for (value, expected) in
            [(-17, Some(17)), (0, None), (3, None), (-4095, Some(4095)), (-4096, None), (i64::MIN, None)]
        {
            assert_eq!(errno_of(value), expected, "{value}");
        }
    }
}
