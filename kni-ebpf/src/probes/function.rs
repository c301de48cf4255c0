//! What all probes of a function have in common: its entry and its return.

use aya_ebpf::programs::{ProbeContext, RetProbeContext};
use kni_ebpf::counter::Outcome;
use kni_ebpf::hook::Hook;
use kni_ebpf::record::{FLAG_UNPAIRED, PHASE_ENTER, PHASE_RETURN, Step};

use crate::emit::{Moment, count, submit};
use crate::flight;
use crate::maps::Frame;
use crate::memory::{Text, read_text};

/// An argument register; 0 where there is none.
#[inline(always)]
pub(super) fn argument(ctx: &ProbeContext, n: usize) -> u64 {
    ctx.arg::<u64>(n).unwrap_or(0)
}

/// The result of a function that returns `int`: the register's upper half means nothing.
#[inline(always)]
pub(super) fn int(ctx: &RetProbeContext) -> i64 {
    i64::from(ctx.ret::<i32>())
}

/// The result of a function that returns a pointer.
#[inline(always)]
pub(super) fn pointer(ctx: &RetProbeContext) -> i64 {
    ctx.ret::<i64>()
}

/// Records an entry, within the thread's attempt `attempt`.
#[inline(always)]
pub(super) fn entered(moment: &Moment, attempt: u64, args: [u64; 3], text: Text) -> Outcome {
    entered_with(moment, attempt, args, text, |_| {})
}

/// Records an entry that `fill` has more to say of.
#[inline(always)]
pub(super) fn entered_with(
    moment: &Moment,
    attempt: u64,
    args: [u64; 3],
    text: Text,
    fill: impl FnOnce(&mut Step),
) -> Outcome {
    submit::<Step>(moment, |step| {
        step.header.phase = PHASE_ENTER;
        step.header.attempt = attempt;
        step.args = args;
        step.text_len = read_text(&mut step.text, text);
        fill(step);
    })
}

/// Records an entry and keeps it for its return.
#[inline(always)]
pub(super) fn entered_and_kept(moment: &Moment, attempt: u64, args: [u64; 3], text: Text) -> Outcome {
    flight::keep(moment, args, text.address());
    entered(moment, attempt, args, text)
}

/// Keeps an entry that is told with its return alone.
#[inline(always)]
pub(super) fn kept(moment: &Moment, args: [u64; 3], text: Text) -> Outcome {
    flight::keep(moment, args, text.address());
    Outcome::Kept
}

/// Records a return, with the arguments and the string of its entry.
#[inline(always)]
pub(super) fn returned(moment: &Moment, attempt: u64, value: i64) -> Outcome {
    returned_with(moment, attempt, value, |_| {})
}

/// Records a return that `fill` has more to say of.
#[inline(always)]
pub(super) fn returned_with(
    moment: &Moment,
    attempt: u64,
    value: i64,
    fill: impl FnOnce(&mut Step),
) -> Outcome {
    let frame = flight::take(moment);
    if frame.is_none() {
        count(moment.hook, Outcome::Unpaired);
    }
    returned_to(moment, attempt, value, frame, fill)
}

/// Records a return whose entry is `frame`, if that was seen.
#[inline(always)]
pub(super) fn returned_to(
    moment: &Moment,
    attempt: u64,
    value: i64,
    frame: Option<Frame>,
    fill: impl FnOnce(&mut Step),
) -> Outcome {
    submit::<Step>(moment, |step| {
        step.header.phase = PHASE_RETURN;
        step.header.attempt = attempt;
        step.value = value;
        match frame {
            Some(frame) => {
                step.header.entered = frame.entered;
                step.args = frame.args;
                step.text_len = read_text(&mut step.text, place(moment.hook, frame.text));
            }
            None => step.header.flags = FLAG_UNPAIRED,
        }
        fill(step);
    })
}

/// Whose memory a hook's string argument is in.
#[inline(always)]
const fn place(hook: Hook, address: u64) -> Text {
    match hook {
        Hook::AllocNetdev | Hook::RegisterNetdev | Hook::CreateThread | Hook::SetUpRequest => {
            Text::kernel(address)
        }
        _ => Text::user(address),
    }
}
