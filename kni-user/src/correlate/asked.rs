//! What the kernel was asked with, beside what it made of it.

use kni_ebpf::hook::Hook;
use kni_ebpf::kni::{NR_CREATE, NR_RELEASE, NR_TEST, request_nr};

use crate::event::{Call, Phase, Read, Step};
use crate::untrusted::Untrusted;

/// A CREATE request as the kernel got it, and what is to be known of the interface for it.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The request's word, from whichever function shows it.
    pub cmd: Option<u32>,
    /// The struct behind it, as claimed.
    pub info: Option<Untrusted>,
    /// Inode number of the network namespace that the request was made in.
    pub netns: Option<u64>,
    /// The MTU that the interface had when it was registered.
    pub mtu: Option<u32>,
    /// A request that the module does not know and refused.
    pub unknown: Option<u32>,
}

impl Asked {
    pub(super) fn step(&mut self, step: &Step) {
        let cmd = request_of(step);
        match (step.hook, step.phase) {
            (Hook::Handler | Hook::Dispatcher, Phase::Enter) if creates(cmd) => {
                self.cmd = cmd;
                if step.hook == Hook::Handler {
                    self.netns = step.args.first().and_then(|inode| namespace(*inode));
                }
            }
            (Hook::Dispatcher, Phase::Return { .. }) => self.unknown = refused_unknown(step).or(self.unknown),
            _ => {}
        }
    }

    /// Whether the name in it is empty.
    pub(super) fn names_nothing(&self) -> bool {
        self.info.as_ref().is_some_and(|info| info.as_bytes().first() == Some(&0))
    }

    pub(super) fn call(&mut self, call: &Call) {
        if request_nr(call.cmd) == NR_CREATE && call.phase == Phase::Enter {
            self.cmd = Some(call.cmd);
            self.info = match &call.info {
                Read::Bytes(info) => Some(info.clone()),
                Read::Failed(_) => None,
            };
        }
    }
}

/// The request that a step of the module's dispatcher or handler is about.
fn request_of(step: &Step) -> Option<u32> {
    step.args.get(1).and_then(|cmd| u32::try_from(*cmd).ok())
}

fn creates(cmd: Option<u32>) -> bool {
    cmd.is_some_and(|cmd| request_nr(cmd) == NR_CREATE)
}

/// The inode number of a namespace: 0 stands for none, and what does not fit is no such number.
pub(super) fn namespace(inode: u64) -> Option<u64> {
    (inode != 0 && u32::try_from(inode).is_ok()).then_some(inode)
}

/// The request that the dispatcher did not know, if a return of it is from one.
///
/// It looks at the number alone and answers EINVAL to what it does not know (`kni_ioctl` in
/// `kernel/linux/kni/kni_misc.c`, DPDK 16.04 to 23.07), and so to what is sent to any file, such as `FIONREAD`.
/// KNI's requests carry a struct both ways.
pub(super) fn refused_unknown(step: &Step) -> Option<u32> {
    const BOTH_WAYS: u32 = 3;
    let refused = matches!(step.phase, Phase::Return { value, .. } if value == -i64::from(libc::EINVAL));
    request_of(step).filter(|cmd| {
        let known = [NR_TEST, NR_CREATE, NR_RELEASE].contains(&request_nr(*cmd));
        step.hook == Hook::Dispatcher && refused && !known && cmd >> 30 == BOTH_WAYS
    })
}
