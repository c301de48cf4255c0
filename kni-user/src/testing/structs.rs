//! `struct rte_kni_device_info` as libraries fill it, in each layout.

/// The layouts.
pub(crate) const LAYOUTS: [char; 4] = ['A', 'B', 'C', 'D'];

/// What a module of that layout shows: bytes of its struct, and of the name in it.
pub(crate) const fn shown(layout: char) -> (u32, Option<u32>) {
    match layout {
        'A' => (136, Some(32)),
        'B' => (152, Some(32)),
        'C' => (144, Some(32)),
        _ => (136, Some(16)),
    }
}

/// What is in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Struct<'a> {
    pub(crate) name: &'a str,
    /// Of the queues: tx, rx, alloc, free, req, resp, sync.
    pub(crate) addresses: [u64; 7],
    pub(crate) core_id: u32,
    pub(crate) force_bind: bool,
    pub(crate) mtu: u32,
    pub(crate) mac: [u8; 6],
    /// Vendor and device of the PCI device (layouts A to C).
    pub(crate) device: Option<(u16, u16)>,
    pub(crate) is_virtual: bool,
}

impl<'a> Struct<'a> {
    /// As a library fills it whose memory begins at 16 MB.
    pub(crate) const fn of(name: &'a str) -> Self {
        let mut addresses = [0; 7];
        let mut at = 0;
        while at < addresses.len() {
            addresses[at] = 0x0100_0000 + 0x1000 * at as u64;
            at += 1;
        }
        let (mac, device) = ([0x02, 0x11, 0x22, 0x33, 0x44, 0x55], None);
        Self { name, addresses, core_id: 0, force_bind: false, mtu: 1500, mac, device, is_virtual: false }
    }

    /// Its bytes (`rte_kni_common.h` of 17.11, 18.11, 19.08, 22.11).
    pub(crate) fn in_layout(&self, layout: char) -> Vec<u8> {
        let (size, name, group, mtu, mac) = match layout {
            'A' => (136, 32, 120, None, None),
            'B' => (152, 32, 120, Some(136), Some(140)),
            'C' => (144, 32, 112, Some(128), Some(132)),
            'D' => (136, 16, 96, Some(112), Some(124)),
            other => panic!("no layout {other}"),
        };
        let mut bytes = vec![0; size];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(0, self.name.as_bytes());
        for (number, address) in self.addresses.iter().enumerate() {
            put(name + 8 * number, &address.to_le_bytes());
        }
        // sync_va.
        put(name + 56, &0x7f00_0000_1000_u64.to_le_bytes());
        if let (Some((vendor, device)), 'A' | 'B') = (self.device, layout) {
            put(112, &vendor.to_le_bytes());
            put(114, &device.to_le_bytes());
        }
        put(group + 4, &self.core_id.to_le_bytes());
        put(group + 8, &[u8::from(self.force_bind)]);
        put(group + 12, &2048u32.to_le_bytes());
        if let Some(at) = mtu {
            put(at, &self.mtu.to_le_bytes());
        }
        if let Some(at) = mac {
            put(at, &self.mac);
        }
        if layout == 'D' {
            put(130, &[u8::from(self.is_virtual)]);
        }
        bytes
    }
}
