//! What is told of the program and its library.

use expect_test::expect;
use kni_ebpf::hook::Hook;

use super::{VERBOSE, check, paragraph};
use crate::report::{Attempt, Check, Outcome, ProcessEnd};
use crate::sink::samples::{self, library};
use crate::sink::text::TextOptions;

#[test]
fn a_refusing_check_is_told_with_its_place_among_the_others() {
    check(
        library::zone_taken(),
        &expect![[r#"
        14:02:11.204  kni-refused[4121]  vEth0_0  STOPPED IN THE LIBRARY
            the library could not reserve a memzone because one of that name exists
              already: "kni_req_vEth0_0"
            the library logged "EAL: %s(): memzone <%s> already exists"
            rte_memzone_reserve("kni_req_vEth0_0") returned NULL (EEXIST), the 5th of
              the 7 memzones
            rte_kni_alloc returned NULL 41 us after it was entered
            no ioctl was issued: the module was not asked, dmesg has nothing on it
            next: kniwatch explain lib.memzone-exists
    "#]],
    );
    check(
        library::out_of_memory(),
        &expect![[r#"
            14:02:11.204  kni-refused[4121]  vEth0_0  STOPPED IN THE LIBRARY
                the library ran out of hugepage memory
                rte_kni_alloc returned NULL 41 us after it was entered
                rte_kni_alloc refused at check 4 of 6 (DPDK 18.11 to 23.07): memory for the
                  entry in the list of interfaces
                no ioctl was issued: the module was not asked, dmesg has nothing on it
                next: kniwatch explain lib.no-memory
        "#]],
    );
}

#[test]
fn arguments_that_are_missing_or_unreadable_are_told() {
    check(
        library::no_pool(),
        &expect![[r#"
            14:02:11.204  kni-refused[4121]  vEth0_0  STOPPED IN THE LIBRARY
                the program passed no mbuf pool (NULL) to rte_kni_alloc
                41 ms before, rte_pktmbuf_pool_create("mbuf_pool") had returned NULL
                  (ENOMEM)
                rte_kni_alloc returned NULL 1 us after it was entered
                no ioctl was issued: the module was not asked, dmesg has nothing on it
                next: kniwatch explain lib.no-pool
        "#]],
    );
    check(
        library::no_configuration(),
        &expect![[r#"
            14:02:11.204  kni-refused[4121]  -        STOPPED IN THE LIBRARY
                the program passed the library no configuration, an empty interface name, or
                  0 as the number of interfaces
                rte_kni_alloc was called without a configuration (NULL)
                rte_kni_alloc returned NULL 1 us after it was entered
                no ioctl was issued: the module was not asked, dmesg has nothing on it
                next: kniwatch explain lib.bad-argument
        "#]],
    );
    check(
        library::empty_name(),
        &expect![[r#"
            14:02:11.204  kni-refused[4121]  -        STOPPED IN THE LIBRARY
                the program passed the library no configuration, an empty interface name, or
                  0 as the number of interfaces
                rte_kni_alloc was called with an empty interface name
                rte_kni_alloc returned NULL 1 us after it was entered
                no ioctl was issued: the module was not asked, dmesg has nothing on it
                next: kniwatch explain lib.bad-argument
        "#]],
    );
    check(
        library::unreadable(),
        &expect![[r#"
        14:02:11.204  kni-refused[4121]  -        STOPPED IN THE LIBRARY
            which check of the library it was is not known
            the configuration could not be read (EFAULT)
            the mbuf pool's name could not be read (EFAULT)
            rte_kni_alloc returned NULL 1 us after it was entered
            no ioctl was issued: the module was not asked, dmesg has nothing on it
            next: read the program's own log: librte_kni gives most of its reasons there
    "#]],
    );
}

#[test]
fn the_first_cause_stands_before_the_symptom() {
    check(
        library::init_had_failed(),
        &expect![[r#"
            14:02:11.204  kni-refused[4121]  vEth0_0  STOPPED AT THE SYSTEM CALL
                /dev/kni does not exist, or there is no device behind it
                12 ms before, open("/dev/kni") had returned ENOENT (No such file or
                  directory)
                the library logged "KNI: KNI subsystem has not been initialized. Invoke
                  rte_kni_init() first"
                rte_kni_alloc returned NULL 41 us after it was entered
                rte_kni_alloc refused at check 2 of 6 (DPDK 18.11 to 23.07): whether
                  rte_kni_init succeeded
                no create ioctl was issued
                next: kniwatch explain sys.device-missing
        "#]],
    );
    check(
        library::closed_before(),
        &expect![[r#"
            14:02:11.204  kni-refused[4121]  vEth0_0  STOPPED IN THE LIBRARY
                rte_kni_alloc was called while the library had not been initialised, or
                  after it was closed
                2 s before, rte_kni_close had been called
                the library logged "KNI: KNI subsystem has not been initialized. Invoke
                  rte_kni_init() first"
                rte_kni_alloc returned NULL 41 us after it was entered
                rte_kni_alloc refused at check 2 of 6 (DPDK 18.11 to 23.07): whether
                  rte_kni_init succeeded
                no ioctl was issued: the module was not asked, dmesg has nothing on it
                next: kniwatch explain lib.not-initialised
        "#]],
    );
    check(
        library::release_had_failed(),
        &expect![[r#"
            14:02:11.204  kni-refused[4121]  vEth0_0  STOPPED IN THE LIBRARY
                the library holds an interface of that name in this process already
                5 ms before, rte_kni_release had returned -1
                the library logged "KNI: KNI already exists"
                rte_kni_alloc returned NULL 41 us after it was entered
                rte_kni_alloc refused at check 3 of 6 (DPDK 18.11 to 23.07): whether the
                  name is free in this process
                no ioctl was issued: the module was not asked, dmesg has nothing on it
                next: kniwatch explain lib.already-exists
        "#]],
    );
}

#[test]
fn the_programs_addresses_are_told_where_they_are_refused() {
    check(
        library::virtual_addresses(),
        &expect![[r#"
            14:02:11.204  kni-refused[4121]  -        STOPPED IN THE LIBRARY
                the library refuses to work in IOVA-as-VA mode (DPDK 19.08, and later
                  releases built for kernels before 4.10)
                the program works with virtual addresses (IOVA mode VA)
                the library logged "KNI: KNI requires IOVA as PA"
                rte_kni_init returned -1
                no ioctl was issued: the module was not asked, dmesg has nothing on it
                librte_kni.so.23: DPDK 22.11 to 23.07, layout D (soname librte_kni.so.23)
                next: kniwatch explain lib.iova-mode
        "#]],
    );
}

#[test]
fn a_panic_is_told_with_its_function_and_words_and_how_the_process_ended() {
    check(
        library::panicked(),
        &expect![[r#"
        14:02:11.204  l3fwd-kni[4121]  -        DIED IN THE SYSTEM CALL
            /dev/kni does not exist, or there is no device behind it
            open("/dev/kni") returned ENOENT (No such file or directory)
            rte_kni_init called rte_panic, which aborts the program: "Can not open
              /dev/kni"
            it was inside rte_kni_init, which will never return
            no create ioctl was issued
            the process died of SIGABRT, core dumped
            next: kniwatch explain sys.device-missing
    "#]],
    );
}

#[test]
fn a_release_is_told_where_releases_differ() {
    check(
        library::layout_skew(),
        &expect![[r#"
            14:02:11.204  testpmd[4533]    kni0     CREATED, BUT DOOMED in 1.8 ms  ifindex 9
                library and module lay the request's struct out differently, and the module
                  can't tell
                l3fwd-kni: an executable with the library inside, DPDK 16.04 to 16.07,
                  layout A (ioctl 0xc0880002 with no addresses at byte 16)
                kernel: rte_kni: Creating kni...
                next: kniwatch explain mod.layout-skew
        "#]],
    );
}

#[test]
fn the_last_check_is_said_to_be_the_last() {
    let check = Check {
        function: "rte_kni_alloc",
        releases: "16.04",
        what: "whether the pool has its memzone MP_<pool>",
        number: 5,
        of: 5,
        time: None,
    };
    super::check(
        Attempt { check: Some(check), ..samples::silent_refusal_1604() },
        &expect![[r#"
        14:02:11.204  l3fwd-kni[4121]  vEth0_0  STOPPED IN THE LIBRARY
            the library looked up a memzone that nobody has made: "MP_mbuf_pool"
            rte_memzone_lookup("MP_mbuf_pool") found nothing, and that is the last check
              before the ioctl
            rte_kni_alloc returned NULL 41 us after it was entered
            no ioctl was issued: the module was not asked, dmesg has nothing on it
            next: kniwatch explain lib.memzone-missing
    "#]],
    );
    let last = Check { number: 6, of: 6, time: Some((7, 7)), ..check };
    super::check(
        Attempt { check: Some(last), ..library::zone_taken() },
        &expect![[r#"
        14:02:11.204  kni-refused[4121]  vEth0_0  STOPPED IN THE LIBRARY
            the library could not reserve a memzone because one of that name exists
              already: "kni_req_vEth0_0"
            the library logged "EAL: %s(): memzone <%s> already exists"
            rte_memzone_reserve("kni_req_vEth0_0") returned NULL (EEXIST), the last of
              the 7 memzones, and that is the last check before the ioctl
            rte_kni_alloc returned NULL 41 us after it was entered
            no ioctl was issued: the module was not asked, dmesg has nothing on it
            next: kniwatch explain lib.memzone-exists
    "#]],
    );
    let chunks = Check { what: "whether the pool's memory is one piece", number: 6, of: 6, ..check };
    let mut attempt = library::out_of_memory();
    attempt.cause = None;
    super::check(
        Attempt { check: Some(chunks), ..attempt },
        &expect![[r#"
            14:02:11.204  kni-refused[4121]  vEth0_0  STOPPED IN THE LIBRARY
                rte_kni_alloc refused at check 6 of 6, the last before the ioctl (DPDK
                  16.04): whether the pool's memory is one piece
                rte_kni_alloc returned NULL 41 us after it was entered
                no ioctl was issued: the module was not asked, dmesg has nothing on it
                next: kniwatch -v shows every step that was seen
        "#]],
    );
}

#[test]
fn every_kind_of_first_cause_has_its_sentence() {
    let kinds = [
        (Hook::PoolCreate, "mbuf_pool", Some(0)),
        (Hook::MempoolCreate, "mbuf_pool", Some(0)),
        (Hook::RingCreate, "HT_mbuf_pool", Some(0)),
        (Hook::Open, "/dev/kni", Some(-16)),
        (Hook::DeviceOpen, "", Some(-16)),
        (Hook::Ioctl, "", Some(-22)),
        (Hook::LibraryInit, "", Some(-1)),
        (Hook::LibraryInit, "", Some(0x7000)),
        (Hook::LibraryRelease, "", Some(-1)),
        (Hook::LibraryClose, "", None),
        (Hook::LibraryAlloc, "vEth0_0", Some(0x1000)),
        (Hook::MemzoneReserve, "kni_tx_vEth0_0", Some(0x1000)),
        (Hook::MemzoneReserve, "KNI_INFO_0", Some(0)),
        (Hook::MemzoneLookup, "MP_mbuf_pool", Some(0)),
        (Hook::LibraryLog, "KNI: Can not open /dev/kni\n", None),
        (Hook::Panic, "Unable to initialize KNI\n", None),
    ];
    let sentence = |(hook, text, value)| {
        let origin = Some(library::origin(hook, 41_000_000, text, value));
        let told = paragraph(TextOptions::default(), Attempt { origin, ..library::closed_before() });
        let told = told.split_once("41 ms before, ").unwrap().1;
        let (told, _) = told.split_once("\n    the library logged \"KNI: KNI subsystem").unwrap();
        format!("{}\n", told.replace("\n      ", " "))
    };
    expect![[r#"
        rte_pktmbuf_pool_create("mbuf_pool") had returned NULL
        rte_mempool_create("mbuf_pool") had returned NULL
        rte_ring_create("HT_mbuf_pool") had returned NULL
        open("/dev/kni") had returned EBUSY (Device or resource busy)
        kni_open had returned EBUSY (Device or resource busy)
        the ioctl had returned EINVAL (Invalid argument)
        rte_kni_init had returned -1
        rte_kni_init had returned
        rte_kni_release had returned -1
        rte_kni_close had been called
        rte_kni_alloc had succeeded
        rte_memzone_reserve("kni_tx_vEth0_0") had succeeded
        rte_memzone_reserve("KNI_INFO_0") had returned NULL
        rte_memzone_lookup("MP_mbuf_pool") had found nothing
        the library had logged "KNI: Can not open /dev/kni"
        the library had called rte_panic, which aborts the program: "Unable to initialize KNI"
    "#]]
    .assert_eq(&kinds.map(sentence).concat());
}

#[test]
fn processes_end_in_words() {
    let ends = [
        (Outcome::Died, library::killed(9, false)),
        (Outcome::Stopped, library::killed(6, true)),
        (Outcome::Stopped, library::killed(99, false)),
        (Outcome::Stopped, ProcessEnd { status: Some(1), signal: None, core_dumped: false }),
        (Outcome::Stopped, ProcessEnd { status: None, signal: None, core_dumped: false }),
    ];
    let told = ends.map(|(outcome, end)| {
        let attempt = Attempt { outcome, end: Some(end), ..library::panicked() };
        let told = paragraph(TextOptions::default(), attempt);
        told.lines().find(|line| line.contains("the process")).unwrap().trim().to_owned()
    });
    expect![[r#"
        the process died of SIGKILL
        the process then died of SIGABRT, core dumped
        the process then died of signal 99
        the process then ended with exit status 1
        the process then ended
    "#]]
    .assert_eq(&format!("{}\n", told.join("\n")));
}

#[test]
fn verbose_names_the_library_its_evidence_and_the_namespaces() {
    let attempt = Attempt { process: library::contained(), ..library::zone_taken() };
    expect![[r#"
        14:02:11.204  l3fwd-kni[4121]  vEth0_0  STOPPED IN THE LIBRARY
            the library could not reserve a memzone because one of that name exists
              already: "kni_req_vEth0_0"
            the library logged "EAL: %s(): memzone <%s> already exists"
            rte_memzone_reserve("kni_req_vEth0_0") returned NULL (EEXIST), the 5th of
              the 7 memzones
            rte_kni_alloc returned NULL 41 us after it was entered
            no ioctl was issued: the module was not asked, dmesg has nothing on it
            program: "/usr/bin/dpdk-testpmd"
            library: "/usr/lib/x86_64-linux-gnu/librte_kni.so.23", DPDK 22.11 to 23.07,
              layout D (soname librte_kni.so.23)
            thread 4121, process 12 in its own PID namespace, mount namespace 4026532201
            mbuf pool: "mbuf_pool"
            +0 ns     rte_kni_alloc entered (mbuf_pool)
            +2 us     rte_mcfg_tailq_write_lock entered
            +8 us     rte_memzone_reserve("kni_tx_vEth0_0") -> 0x1000
            +14 us    rte_memzone_reserve("kni_rx_vEth0_0") -> 0x2000
            +20 us    rte_memzone_reserve("kni_alloc_vEth0_0") -> 0x3000
            +26 us    rte_memzone_reserve("kni_free_vEth0_0") -> 0x4000
            +29 us    rte_log("EAL: %s(): memzone <%s> already exists\n") entered
            +30 us    rte_memzone_reserve("kni_req_vEth0_0") -> NULL, rte_errno EEXIST
            +41 us    rte_kni_alloc -> NULL, rte_errno EEXIST
            next: kniwatch explain lib.memzone-exists
    "#]]
    .assert_eq(&paragraph(VERBOSE, attempt));
    expect![[r#"
        14:02:11.204  l3fwd-kni[4121]  -        INCONCLUSIVE
            open("/dev/kni") succeeded
            rte_kni_init returned 0
            rte_pktmbuf_pool_create("mbuf_pool") returned NULL (ENOMEM)
            whether the program then tried to create an interface is not known
            the process then ended with exit status 1
            an attempt that stops before its ioctl is not seen at all (its executable is
              stripped)
            program: "/usr/bin/dpdk-testpmd"
            library: "/opt/app/l3fwd-kni", an executable with the library inside, DPDK
              release not known
            thread 4121
            +0 ns     rte_kni_init entered
            +12 us    open("/dev/kni") -> 5
            +20 us    rte_kni_init -> 0
            +30 ms    rte_pktmbuf_pool_create("mbuf_pool") -> NULL, rte_errno ENOMEM
            next: kniwatch probes shows what is not observed here, and why
    "#]]
    .assert_eq(&paragraph(VERBOSE, library::stripped()));
}
