//! What the kernel shows of threads that wait in it: `/proc/PID/task/TID/{stat,stack,wchan}`.

use std::fs;
use std::path::{Path, PathBuf};

use super::procfs;
use crate::event::Stack;
use crate::untrusted::Untrusted;

/// Functions of one stack that are kept.
const MAX_FUNCTIONS: usize = 32;
/// Threads that are looked at to find those who are in one another's way.
const MAX_THREADS: usize = 8192;
/// Stacks that are read for it.
const MAX_STACKS: usize = 512;

/// Where threads sleep that wait for work: they are in nobody's way.
const IDLE: [&[u8]; 19] = [
    b"do_epoll_wait",
    b"ep_poll",
    b"do_poll",
    b"do_sys_poll",
    b"do_select",
    b"poll_schedule_timeout",
    b"futex_wait",
    b"hrtimer_nanosleep",
    b"do_nanosleep",
    b"pipe_read",
    b"pipe_wait_readable",
    b"do_wait",
    b"do_sigtimedwait",
    b"wait_woken",
    b"worker_thread",
    b"rescuer_thread",
    b"kthreadd",
    b"smpboot_thread_fn",
    b"unix_stream_read",
];

/// A thread, as it was looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Look {
    /// The state letter.
    pub state: char,
    /// As [`Blocked::stack`](crate::event::Blocked::stack).
    pub stack: Option<Vec<Untrusted>>,
}

/// The thread as it is now; `None`: there is none, or it has ended.
#[must_use]
pub fn look(pid: u32, tid: u32) -> Option<Look> {
    let thread = PathBuf::from(format!("/proc/{pid}/task/{tid}"));
    let state = procfs::state(&fs::read(thread.join("stat")).ok()?)?;
    if matches!(state, 'Z' | 'X') {
        return None;
    }
    let sleeps_in = || wchan(&thread).map(|function| vec![Untrusted::from(function.as_slice())]);
    // The kernel must not walk the stack of one that runs while a probe waits for one of its functions to return:
    // it warns (`rethook_find_ret_addr`, kernel/trace/rethook.c, Linux 6.1), which may be fatal (`panic_on_warn`).
    let stack = if state == 'R' { Some(Vec::new()) } else { functions(&thread).or_else(sleeps_in) };
    Some(Look { state, stack })
}

/// Threads that sleep in the kernel and whose stacks are `wanted`.
#[must_use]
pub fn others(wanted: impl Fn(&[Untrusted]) -> bool) -> Vec<Stack> {
    let threads = procfs::pids().flat_map(|pid| tids(pid).map(move |tid| (pid, tid)));
    let sleeping = threads.take(MAX_THREADS).filter(|(pid, tid)| {
        let thread = PathBuf::from(format!("/proc/{pid}/task/{tid}"));
        wchan(&thread).is_some_and(|function| !is_idle(&function))
    });
    let stacks = sleeping.take(MAX_STACKS).filter_map(|(pid, tid)| {
        let thread = PathBuf::from(format!("/proc/{pid}/task/{tid}"));
        let functions = functions(&thread).filter(|functions| wanted(functions))?;
        let comm = fs::read(thread.join("comm")).ok()?;
        let comm = Untrusted::from(comm.strip_suffix(b"\n").unwrap_or(&comm));
        Some(Stack { pid, tid, comm, functions })
    });
    stacks.collect()
}

fn tids(pid: u32) -> impl Iterator<Item = u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    threads.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn is_idle(wchan: &[u8]) -> bool {
    IDLE.iter().any(|idle| wchan.starts_with(idle))
}

/// The function that it sleeps in; `None`: it may not be looked at, or does not sleep.
fn wchan(thread: &Path) -> Option<Vec<u8>> {
    let function = fs::read(thread.join("wchan")).ok()?;
    (!function.is_empty() && function != b"0").then_some(function)
}

/// Needs `CAP_SYS_ADMIN` (`proc_pid_stack`, fs/proc/base.c), and a kernel with `CONFIG_STACKTRACE`.
fn functions(thread: &Path) -> Option<Vec<Untrusted>> {
    fs::read(thread.join("stack")).ok().map(|stack| parse(&stack))
}

/// Lines such as `[<0>] kni_ioctl_create+0x3c5/0x6d0 [rte_kni]`.
fn parse(stack: &[u8]) -> Vec<Untrusted> {
    let function = |line: &[u8]| {
        let rest = line.strip_prefix(b"[<")?;
        let name = rest.splitn(2, |byte| *byte == b']').nth(1)?.trim_ascii();
        let name = name.split(|byte| *byte == b'+' || *byte == b' ').next()?;
        (!name.is_empty()).then(|| Untrusted::from(name))
    };
    stack.split(|byte| *byte == b'\n').filter_map(function).take(MAX_FUNCTIONS).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::{Look, MAX_FUNCTIONS, is_idle, look, others, parse};

    fn names(stack: &[u8]) -> Vec<String> {
        let text = |name: &crate::untrusted::Untrusted| String::from_utf8_lossy(name.as_bytes()).into_owned();
        parse(stack).iter().map(text).collect()
    }

    #[test]
    fn a_stack_is_its_functions_names() {
        let stack = b"[<0>] register_netdev+0xd/0x30\n[<0>] kni_ioctl_create+0x3c5/0x6d0 [rte_kni]\n\
            [<0>] __kthread_create_on_node.isra.0+0x1/0x2\n[<ffffffff81000000>] do_syscall_64+0x5b/0xc0\n";
        let expected =
            ["register_netdev", "kni_ioctl_create", "__kthread_create_on_node.isra.0", "do_syscall_64"];
        assert_eq!(names(stack), expected);
        for none in [&b""[..], b"\n", b"[<0>]", b"[<0>] \n", b"[<0", b"0xffff\n"] {
            assert!(names(none).is_empty());
        }
        assert_eq!(names(&b"[<0>] a+0x1/0x2\n".repeat(100)).len(), MAX_FUNCTIONS);
    }

    #[test]
    fn who_waits_for_work_is_in_nobodys_way() {
        assert!(is_idle(b"ep_poll") && is_idle(b"futex_wait_queue_me"));
        assert!(!is_idle(b"kni_net_process_request") && !is_idle(b"register_netdev"));
    }

    #[test]
    fn a_thread_that_sleeps_is_seen_and_one_that_is_gone_is_not() {
        let (stop, stopped) = channel::<()>();
        let (tell, told) = channel();
        let sleeper = std::thread::spawn(move || {
            tell.send(nix::unistd::gettid()).unwrap();
            stopped.recv().unwrap_err();
        });
        let tid = told.recv().unwrap().as_raw().cast_unsigned();
        let own = std::process::id();
        assert!(look(own, tid).is_some_and(|Look { state, .. }| matches!(state, 'S' | 'R')));
        assert!(others(|_| false).is_empty());
        drop(stop);
        sleeper.join().unwrap();
        assert_eq!(look(u32::MAX, 1), None);
    }
}
