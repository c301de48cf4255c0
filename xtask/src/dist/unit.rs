//! The systemd unit: how much it is exposed, as systemd itself counts it.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::tree::UNIT;
use crate::shell::output;
use crate::workspace::Workspace;

/// What `systemd-analyze security` says of the unit.
#[derive(Debug)]
pub(crate) struct Security {
    /// All of it.
    pub(crate) table: String,
    /// The level: 0 (safest) to 10.
    pub(crate) exposure: f64,
}

/// Asks it, without a running systemd.
pub(crate) fn security(workspace: &Workspace) -> Result<Security> {
    let mut command = Command::new("systemd-analyze");
    command.args(["security", "--offline=true", "--no-pager"]).arg(workspace.root.join(UNIT));
    let table = output(command.env("LC_ALL", "C.UTF-8").env("SYSTEMD_COLORS", "0"))?;
    let exposure =
        exposure(&table).with_context(|| format!("no level in what systemd-analyze says:\n{table}"))?;
    ensure!((0.0..=10.0).contains(&exposure), "no such level: {exposure}");
    Ok(Security { table, exposure })
}

/// `Overall exposure level for kniwatch.service: 2.8 OK`.
fn exposure(table: &str) -> Option<f64> {
    let (_, level) = table.lines().last()?.split_once("Overall exposure level for kniwatch.service: ")?;
    level.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::exposure;

    #[test]
    fn the_level_is_in_the_last_line() {
        let table = "  NAME DESCRIPTION EXPOSURE\nx PrivateUsers= ... 0.2\n\n→ Overall exposure level for kniwatch.service: 2.8 OK :-)\n";
        assert_eq!(exposure(table), Some(2.8));
        for other in ["", "→ Overall exposure level for other.service: 2.8", "2.8"] {
            assert_eq!(exposure(other), None, "{other}");
        }
    }
}
