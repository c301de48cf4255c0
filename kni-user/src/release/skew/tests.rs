use super::{bad_addresses, layout_in, layouts_for, misread, name_ends, read};
use crate::event::DeviceInfo;
use crate::report::Field;
use crate::testing::structs::{LAYOUTS, Struct};

fn fields(told: &[Field]) -> Vec<(&'static str, u64)> {
    told.iter().map(|field| (field.name, field.value)).collect()
}

#[test]
fn every_layout_reads_back_what_was_meant() {
    for layout in LAYOUTS {
        let info = Struct { core_id: 3, force_bind: true, ..Struct::of("vEth0") }.in_layout(layout);
        assert_eq!(read("core_id", layout, &info), Some(3), "{layout}");
        assert_eq!(read("force_bind", layout, &info), Some(1), "{layout}");
        assert_eq!(read("tx_phys", layout, &info), Some(Struct::of("").addresses[0]), "{layout}");
        assert_eq!(read("sync_phys", layout, &info), Some(Struct::of("").addresses[6]), "{layout}");
        assert_eq!(read("mbuf_size", layout, &info), Some(2048), "{layout}");
        assert_eq!(read("mtu", layout, &info), (layout != 'A').then_some(1500), "{layout}");
        assert_eq!(misread(layout, layout, &info), [], "{layout}");
        assert_eq!(bad_addresses(layout, &info, Some(1 << 40)), [], "{layout}");
    }
    assert_eq!(read("core_id", 'E', &[0; 152]), None);
    assert_eq!(read("core_id", 'A', &[0; 100]), None);
}

#[test]
fn layout_a_read_as_layout_d_has_the_pci_ids_as_its_mtu() {
    let device = Some((0x8086, 0x10d3));
    let info = Struct { device, ..Struct::of("vEth0") }.in_layout('A');
    let told = fields(&misread('A', 'D', &info));
    assert_eq!(told[0], ("mtu", 282_296_454));
    assert!(told.contains(&("tx_phys", 0)), "{told:?}");
    assert!(told.contains(&("alloc_phys", Struct::of("").addresses[0])), "{told:?}");
}

#[test]
fn layout_d_read_as_an_older_one_has_the_mac_as_its_core() {
    let info = Struct { mac: [2, 0, 0, 0, 1, 0], ..Struct::of("vEth0") }.in_layout('D');
    for module in ['A', 'B'] {
        let told = fields(&misread('D', module, &info));
        assert!(told.contains(&("core_id", 2)) && told.contains(&("force_bind", 1)), "{module} {told:?}");
        assert!(told.contains(&("tx_phys", Struct::of("").addresses[2])), "{module} {told:?}");
    }
}

#[test]
fn addresses_are_bad_where_nothing_of_the_program_can_be() {
    let at = |addresses, is_virtual| Struct { addresses, is_virtual, ..Struct::of("vEth0") }.in_layout('D');
    let high = 0x0011_80ac_bd80;
    for (what, addresses, is_virtual, memory_end, bad) in [
        ("in memory", [0x1000; 7], false, Some(0x2000), 0),
        ("behind its end", [0x2000; 7], false, Some(0x2000), 7),
        ("virtual ones taken as physical", [high; 7], false, Some(0x2000_0000), 7),
        ("the end is not known", [high; 7], false, None, 0),
        ("none", [0; 7], false, None, 7),
        ("one of them", [1, 1, 0, 1, 1, 1, 1], false, None, 1),
        ("virtual", [high; 7], true, Some(0x2000), 0),
        ("virtual, none", [0; 7], true, Some(0x2000), 7),
        ("virtual, the kernel's", [0xffff_8880_0000_1000; 7], true, None, 7),
    ] {
        assert_eq!(bad_addresses('D', &at(addresses, is_virtual), memory_end).len(), bad, "{what}");
    }
}

#[test]
fn a_module_s_size_and_name_tell_its_layout() {
    let info = |size, name_bytes| DeviceInfo { size, name_bytes, source: String::new() };
    for (size, name_bytes, layout) in [
        (152, None, Some('B')),
        (144, None, Some('C')),
        (136, None, None),
        (136, Some(16), Some('D')),
        (136, Some(32), Some('A')),
        (100, Some(16), None),
    ] {
        assert_eq!(layout_in(&info(size, name_bytes)), layout, "{size}");
    }
    assert_eq!(layouts_for(136).collect::<String>(), "ABCD");
    assert_eq!(layouts_for(144).collect::<String>(), "BC");
    assert_eq!(layouts_for(160).count(), 0);
}

#[test]
fn a_name_ends_within_its_field_or_it_does_not() {
    assert_eq!(name_ends(16, b"vEth0_0123456789\0"), Some(false));
    assert_eq!(name_ends(32, b"vEth0_0123456789\0"), Some(true));
    assert_eq!(name_ends(16, b"vEth0\0"), Some(true));
    assert_eq!(name_ends(16, b"vEth0"), None);
}
