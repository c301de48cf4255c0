//! Huge pages, and which addresses programs give to the module.

use super::facts::{Facts, Pool};
use super::{Finding, module, text};

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut findings = vec![hugepages(facts)];
    findings.extend(nodes(facts));
    findings.push(mounts(facts));
    findings.push(iova(facts));
    findings
}

const HUGEPAGES: &str = "hugepages";

fn hugepages(facts: &Facts) -> Finding {
    let pools = match &facts.hugepages {
        Ok(pools) => pools,
        Err(why) => return Finding::unknown(HUGEPAGES, "how many huge pages there are", why),
    };
    let told: Vec<String> = pools.iter().filter(|pool| pool.total > 0).map(told).collect();
    let told = told.join(", ");
    if told.is_empty() {
        return Finding::failure(HUGEPAGES, "no huge pages are reserved")
            .because("DPDK programs end at once without them, unless started with --no-huge")
            .remedy("sysctl vm.nr_hugepages=512, or hugepages=512 on the kernel's command line");
    }
    if pools.iter().all(|pool| pool.free == 0) {
        return Finding::warning(HUGEPAGES, format!("no huge page is free: {told}"))
            .because(
                "one more DPDK program, or a restarted one, gets none; files of ended programs may hold them",
            )
            .remedy("reserve more (sysctl vm.nr_hugepages), or remove stale rtemap_* files from hugetlbfs");
    }
    Finding::ok(HUGEPAGES, format!("huge pages: {told}"))
}

fn told(pool: &Pool) -> String {
    format!("{} of {} of {} free", pool.free, pool.total, size(pool.page_kib))
}

fn size(kib: u64) -> String {
    match kib {
        _ if kib.is_multiple_of(1 << 20) => format!("{} GB", kib >> 20),
        _ if kib.is_multiple_of(1 << 10) => format!("{} MB", kib >> 10),
        _ => format!("{kib} kB"),
    }
}

/// A pool that is asked for memory of a NUMA node without any can't be made.
fn nodes(facts: &Facts) -> Option<Finding> {
    let pools = facts.hugepages.as_ref().ok()?;
    let mut numbers: Vec<u32> =
        pools.iter().flat_map(|pool| pool.nodes.iter().map(|(node, ..)| *node)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let pages = |node: u32| -> u64 {
        let of_node = pools.iter().flat_map(|pool| &pool.nodes).filter(|(number, ..)| *number == node);
        of_node.map(|(_, total, _)| *total).sum()
    };
    let (without, with): (Vec<u32>, Vec<u32>) = numbers.into_iter().partition(|node| pages(*node) == 0);
    if without.is_empty() || with.is_empty() {
        return None;
    }
    let list: Vec<String> = without.iter().map(ToString::to_string).collect();
    Some(
        Finding::note(HUGEPAGES, format!("NUMA node {} has no huge pages", list.join(", ")))
            .because("a mbuf pool that is asked of that node (socket) can't be made")
            .remedy("echo 256 > /sys/devices/system/node/nodeN/hugepages/hugepages-2048kB/nr_hugepages"),
    )
}

fn mounts(facts: &Facts) -> Finding {
    const ABOUT: &str = "hugetlbfs";
    match &facts.hugetlbfs {
        Err(why) => Finding::unknown(ABOUT, "whether hugetlbfs is mounted", why),
        Ok(mounts) if mounts.is_empty() => Finding::warning(ABOUT, "hugetlbfs is not mounted")
            .because("DPDK programs end at once, unless started with --in-memory or --no-huge")
            .remedy("mount -t hugetlbfs hugetlbfs /dev/hugepages"),
        Ok(mounts) => {
            let mounts: Vec<String> = mounts.iter().map(text).collect();
            Finding::ok(ABOUT, format!("hugetlbfs: at {}", mounts.join(", ")))
        }
    }
}

/// The first kernel on which modules can translate virtual addresses (`HAVE_IOVA_TO_KVA_MAPPING_SUPPORT` in
/// `kernel/linux/kni/compat.h` of 19.11).
const TRANSLATES: (u32, u32) = (4, 10);

/// EAL chooses by itself (`rte_eal_init`, `lib/eal/linux/eal.c`): since 17.11 virtual addresses where all devices want
/// them, since 19.08 also where it may not read physical ones, or where there is an IOMMU and no `rte_kni` was loaded
/// before. Modules before 19.11, of another layout than D, take physical ones alone.
fn iova(facts: &Facts) -> Finding {
    const ABOUT: &str = "iova-mode";
    let groups = match &facts.iommu_groups {
        Ok(groups) => *groups,
        Err(why) => return Finding::unknown(ABOUT, "which addresses DPDK programs choose (IOMMU)", why),
    };
    if groups == 0 {
        return Finding::ok(
            ABOUT,
            "IOVA mode: no IOMMU, so DPDK chooses physical addresses, which every module takes",
        )
        .because("programs that may not read them (CAP_SYS_ADMIN) get virtual ones from DPDK 19.08 on");
    }
    let translates = facts.version().is_none_or(|version| version >= TRANSLATES);
    match module::layout(facts) {
        Some('D') if translates => Finding::ok(
            ABOUT,
            "IOVA mode: with this IOMMU DPDK may choose virtual addresses, which this module takes",
        )
        .because(
            "kill -9 of a program in that mode can crash the module, which stays busy then: sys.device-stuck",
        ),
        Some(_) => Finding::warning(
            ABOUT,
            "with this IOMMU DPDK may choose virtual addresses; this module takes physical ones",
        )
        .because(
            "with the module loaded before the program starts, DPDK prefers physical ones; loaded later, it \
                     gets virtual ones and does not notice: mod.bad-address",
        )
        .remedy("load the module first, or start programs with --iova-mode=pa"),
        None => Finding::note(ABOUT, "with this IOMMU DPDK may choose virtual addresses")
            .because("modules of DPDK 19.11 and later take them; older ones take physical ones alone")
            .remedy("with such a module, start programs with --iova-mode=pa"),
    }
}
