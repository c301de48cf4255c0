//! What threads do, in one word.

use kni_ebpf::hook::Hook;
use kni_ebpf::kni::{NR_RELEASE, request_nr};

use super::{CREATE, RELEASE, SOME, Stream, Who};

impl Stream {
    pub(crate) fn alloc(&mut self, who: Who, name: &str) {
        self.enter(who, Hook::LibraryAlloc, [SOME, SOME, 0], name);
    }

    pub(crate) fn alloc_returns(&mut self, who: Who, handle: i64) {
        self.leave(who, Hook::LibraryAlloc, handle, [SOME, SOME, 0]);
    }

    pub(crate) fn lookup(&mut self, who: Who, zone: &str, address: i64) {
        self.pass(who, Hook::MemzoneLookup, address, [0; 3], zone);
    }

    pub(crate) fn reserve(&mut self, who: Who, zone: &str, address: i64) {
        self.pass(who, Hook::MemzoneReserve, address, [0; 3], zone);
    }

    pub(crate) fn says(&mut self, who: Who, format: &str) {
        self.note(who, Hook::LibraryLog, [4, 8, 0], format);
    }

    pub(crate) fn open(&mut self, who: Who, value: i64) {
        self.pass(who, Hook::Open, value, [0; 3], "/dev/kni");
    }

    /// `rte_kni_init`, with one opening of the device.
    pub(crate) fn init(&mut self, who: Who, open: i64, value: i64) {
        self.enter(who, Hook::LibraryInit, [4, 0, 0], "");
        self.open(who, open);
        self.leave(who, Hook::LibraryInit, value, [4, 0, 0]);
    }

    /// Into the handler, and how far from there.
    pub(crate) fn request(&mut self, who: Who, name: &str, kernel: Kernel) {
        self.call(who, 5, CREATE, name);
        self.enter(who, Hook::Dispatcher, [SOME, u64::from(CREATE), SOME], "");
        self.enter(who, Hook::Handler, [0, u64::from(CREATE), SOME], "");
        self.log("rte_kni: Creating kni...");
        let value = self.kernel(who, name, kernel);
        self.leave(who, Hook::Handler, value, [0, u64::from(CREATE), SOME]);
        self.leave(who, Hook::Dispatcher, value, [SOME, u64::from(CREATE), SOME]);
        self.answer(who, 5, CREATE, value);
    }

    pub(crate) fn kernel(&mut self, who: Who, name: &str, kernel: Kernel) -> i64 {
        let (allocated, registered, value) = match kernel {
            Kernel::Creates => (Some(0x1000), Some(0), 0),
            Kernel::Refuses(errno) => (None, None, -errno),
            Kernel::CannotAllocate => (Some(0), None, -16),
            Kernel::CannotRegister(errno) => (Some(0x1000), Some(-errno), -19),
            Kernel::CannotStartThread => (Some(0x1000), Some(0), -125),
        };
        if let Some(address) = allocated {
            self.pass(who, Hook::AllocNetdev, address, [0; 3], name);
        }
        if let Some(value) = registered {
            let ifindex = if value == 0 { 7 } else { 0 };
            self.pass(who, Hook::RegisterNetdev, value, [SOME, ifindex, 0], name);
        }
        if matches!(kernel, Kernel::CannotStartThread) {
            self.pass(who, Hook::CreateThread, -4, [0; 3], "");
        }
        value
    }

    pub(crate) fn release(&mut self, who: Who, name: &str, value: i64) {
        self.call(who, 5, RELEASE, name);
        self.answer(who, 5, RELEASE, value);
        assert_eq!(request_nr(RELEASE), NR_RELEASE);
    }
}

/// What the kernel makes of a request. Errnos are positive.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kernel {
    Creates,
    Refuses(i64),
    CannotAllocate,
    CannotRegister(i64),
    CannotStartThread,
}
