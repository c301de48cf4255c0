//! What the functions on the way of a request returned.

use serde_json::Value;

use super::{Complaints, at};

/// From the inside out: each returns what the one before returned (`kni_ioctl` of
/// `kernel/linux/kni/kni_misc.c`, DPDK 16.04 to 23.07), and so does the system call.
const ON_THE_WAY: [&str; 3] = ["handler", "dispatcher", "ioctl"];

/// None of them may be told to have returned something else than another.
pub(super) fn judge(number: usize, attempt: &Value, complaints: &mut Complaints) {
    let steps = at(attempt, "/steps").as_array().map_or(&[][..], Vec::as_slice);
    let on_the_way = |step: &&Value| ON_THE_WAY.iter().any(|hook| step["hook"] == *hook);
    let returned: Vec<_> =
        steps.iter().filter(on_the_way).map(|step| &step["value"]).filter(|value| !value.is_null()).collect();
    if returned.iter().any(|value| returned.first() != Some(value)) {
        complaints.say(format!("attempt {number}: one request returned {returned:?}"));
    }
}
