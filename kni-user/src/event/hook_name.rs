//! Hooks by their stable names.

use kni_ebpf::hook::Hook;
use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer, Serializer};

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(super) fn serialize<S: Serializer>(hook: &Hook, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(hook.name())
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hook, D::Error> {
    let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    Hook::from_name(&name).ok_or_else(|| D::Error::custom(format!("no hook is called {name:?}")))
}
