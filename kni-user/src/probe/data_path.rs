//! What is never probed: anything that a program may call for every packet.
//!
//! A hit costs some 0.2 to 16 us (docs/probes.md), a packet at 10 Gbit/s may cost no more than 0.067. Tests hold `spec`'s
//! table against this, and what is really attached in DPDK's libraries: one function may have several names, and
//! the compiler may give two of them one address.

/// Functions that allocate and free, in DPDK's own heap.
const HEAP: [&str; 5] = ["rte_malloc", "rte_zmalloc", "rte_calloc", "rte_realloc", "rte_free"];
/// Functions that move packet buffers, by the beginnings of their names.
const BUFFERS: [&str; 15] = [
    "rte_mempool_get",
    "rte_mempool_put",
    "rte_mempool_generic_",
    "rte_mempool_do_generic_",
    "rte_mempool_ops_enqueue",
    "rte_mempool_ops_dequeue",
    "rte_mempool_default_cache",
    "rte_mbuf_raw_",
    "rte_pktmbuf_alloc",
    "rte_pktmbuf_free",
    "rte_pktmbuf_clone",
    "rte_pktmbuf_copy",
    "rte_pktmbuf_prefree",
    "kni_net_",
    "kni_fifo_",
];
/// Families of which each member with one of these in its name moves packets.
const FAMILIES: [(&str, &[&str]); 3] = [
    ("rte_eth_", &["burst"]),
    ("rte_kni_", &["burst", "handle_request"]),
    ("rte_ring_", &["enqueue", "dequeue"]),
];

/// Whether a function of DPDK or of `rte_kni.ko` may be called for every packet.
#[must_use]
pub fn lies_on_it(symbol: &str) -> bool {
    HEAP.iter().chain(&BUFFERS).any(|start| symbol.starts_with(start))
        || FAMILIES.iter().any(|(family, parts)| {
            symbol.starts_with(family) && parts.iter().any(|part| symbol.contains(part))
        })
}

#[cfg(test)]
mod tests {
    use super::lies_on_it;
    use crate::probe::spec::{Candidate, Owner, SPECS, library_symbols};

    #[test]
    fn what_moves_packets_lies_on_it() {
        for symbol in [
            "rte_kni_tx_burst",
            "rte_kni_rx_burst",
            "rte_kni_handle_request",
            "rte_eth_tx_burst",
            "rte_eth_rx_burst",
            "rte_malloc_socket",
            "rte_zmalloc",
            "rte_calloc_socket",
            "rte_free",
            "rte_mempool_get_bulk",
            "rte_mempool_put",
            "rte_mempool_generic_get",
            "rte_mempool_ops_enqueue_bulk",
            "rte_mempool_ops_dequeue_bulk",
            "rte_ring_enqueue_burst",
            "rte_ring_mc_dequeue_bulk",
            "rte_ring_sp_enqueue",
            "rte_pktmbuf_alloc_bulk",
            "rte_pktmbuf_free",
            "rte_pktmbuf_free_bulk",
            "kni_net_tx",
            "kni_net_rx_normal",
        ] {
            assert!(lies_on_it(symbol), "{symbol}");
        }
    }

    #[test]
    fn nothing_that_is_probed_in_a_library_lies_on_it() {
        for symbol in library_symbols() {
            assert!(!lies_on_it(symbol), "{symbol}");
        }
    }

    /// In the kernel the other way round: these are called to open, create, set up and release, and there are no others.
    #[test]
    fn in_the_kernel_and_the_module_only_these_are_probed() {
        const CONTROL: [&str; 9] = [
            "kni_open",
            "kni_release",
            "kni_ioctl",
            "kni_compat_ioctl",
            "kni_ioctl_create",
            "kni_net_process_request",
            "alloc_netdev_mqs",
            "register_netdev",
            "kthread_create_on_node",
        ];
        for candidate in SPECS.iter().flat_map(|spec| spec.candidates) {
            let symbols = match candidate {
                Candidate::Function { owner: Owner::Kernel | Owner::Module, symbols, .. } => *symbols,
                Candidate::Variants { of, .. } => std::slice::from_ref(of),
                Candidate::Function { owner: Owner::Library, .. } | Candidate::Tracepoints(_) => &[],
            };
            for symbol in symbols {
                assert!(CONTROL.contains(symbol), "{symbol}");
            }
        }
    }
}
