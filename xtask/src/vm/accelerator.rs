//! Whether the processor itself can execute guests here.

use std::fs::{self, File, OpenOptions};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::say;
use crate::vm::qemu::{Accelerator, Machine, Sinks, boot};

/// Emulation needs two to four seconds to get there, KVM a fraction of one.
const PROBE: Duration = Duration::from_secs(6);

/// KVM where a guest with this kernel has booted under it since the host's own boot, else emulation.
/// Some machines offer a `/dev/kvm` on which guests hang. The answer is kept in `dir`.
pub(crate) fn choose(dir: &Path, kernel: &Path, initramfs: &Path) -> Result<Accelerator> {
    if OpenOptions::new().read(true).write(true).open("/dev/kvm").is_err() {
        return Ok(Accelerator::Emulation);
    }
    let host_boot =
        fs::read_to_string("/proc/sys/kernel/random/boot_id").context("can't read the boot id")?;
    let memory = dir.join("kvm");
    let known = fs::read_to_string(&memory).unwrap_or_default();
    let works = match known.strip_prefix(host_boot.as_str()).map(str::trim) {
        Some("works") => true,
        Some("hangs") => false,
        _ => {
            say!("trying whether guests boot under KVM here (once)");
            let works = probe(dir, kernel, initramfs)?;
            let answer = if works { "works" } else { "hangs" };
            say!("KVM {answer}");
            fs::write(&memory, format!("{host_boot}{answer}\n"))
                .with_context(|| format!("can't write {}", memory.display()))?;
            works
        }
    };
    Ok(if works { Accelerator::Kvm } else { Accelerator::Emulation })
}

fn probe(dir: &Path, kernel: &Path, initramfs: &Path) -> Result<bool> {
    let log = dir.join("kvm-probe.log");
    let machine = Machine {
        accelerator: Accelerator::Kvm,
        kernel: kernel.to_path_buf(),
        initramfs: initramfs.to_path_buf(),
        shares: Vec::new(),
        options: vec!["kniwatch.probe"],
        terminal: false,
    };
    let sinks = Sinks {
        stdout: Box::new(std::io::sink()),
        stderr: Box::new(std::io::sink()),
        console: File::create(&log).with_context(|| format!("can't write {}", log.display()))?,
    };
    boot(&machine, sinks, Some(PROBE))?;
    let console = fs::read(&log).with_context(|| format!("can't read {}", log.display()))?;
    Ok(String::from_utf8_lossy(&console).contains("kniwatch-vm: up"))
}
