//! From events to lines: what the correlation really tells, printed.

use expect_test::{Expect, expect};
use kni_ebpf::hook::Hook;

use super::{TextOptions, printed};
use crate::testing::{CREATE, Kernel, Stream, Who, process};

const APP: Who = process(100);
const OTHER: Who = process(200);

/// The lines of the attempts of a stream.
fn told(without: &[Hook], build: impl Fn(&mut Stream), expected: &Expect) {
    let mut stream = Stream::without(without);
    build(&mut stream);
    let reports = stream.end().reports;
    let all = printed(TextOptions::default(), reports.into_iter().map(|report| report.what));
    let (_, attempts) = all.split_once("\n\n").expect("a header");
    let (attempts, _) = attempts.rsplit_once("\n\n").expect("totals");
    expected.assert_eq(&format!("{attempts}\n"));
}

fn library(stream: &mut Stream, inside: impl Fn(&mut Stream)) {
    stream.process(APP.pid, 1);
    stream.init(APP, 5, 0);
    stream.alloc(APP, "vEth0");
    inside(stream);
}

#[test]
fn refusals_of_the_library() {
    let exists = |stream: &mut Stream| {
        library(stream, |stream| {
            stream.says(APP, "EAL: %s(): memzone <%s> already exists\n");
            stream.reserve(APP, "kni_tx_vEth0", 0);
            stream.alloc_returns(APP, 0);
        });
    };
    told(
        &[],
        exists,
        &expect![[r#"
            22:13:20.000  app[100]         vEth0    STOPPED IN THE LIBRARY
                the library could not reserve a memzone because one of that name exists
                  already: "kni_tx_vEth0"
                the library logged "EAL: %s(): memzone <%s> already exists"
                rte_memzone_reserve("kni_tx_vEth0") returned NULL, the 1st of the 7 memzones
                rte_kni_alloc returned NULL 3 us after it was entered
                no ioctl was issued: the module was not asked, dmesg has nothing on it
                next: kniwatch explain lib.memzone-exists
        "#]],
    );
    told(
        &[Hook::LibraryLog],
        exists,
        &expect![[r#"
            22:13:20.000  app[100]         vEth0    STOPPED IN THE LIBRARY
                the library could not reserve a memzone because one of that name exists
                  already: "kni_tx_vEth0"
                the library logged "EAL: %s(): memzone <%s> already exists"
                rte_memzone_reserve("kni_tx_vEth0") returned NULL, the 1st of the 7 memzones
                rte_kni_alloc returned NULL 3 us after it was entered
                no ioctl was issued: the module was not asked, dmesg has nothing on it
                next: kniwatch explain lib.memzone-exists
        "#]],
    );
    told(
        &[Hook::Ioctl],
        exists,
        &expect![[r#"
        22:13:20.000  app[100]         vEth0    INCONCLUSIVE
            the library logged "EAL: %s(): memzone <%s> already exists"
            rte_memzone_reserve("kni_tx_vEth0") returned NULL
            rte_kni_alloc returned NULL 3 us after it was entered
            whether the ioctl was issued is not known: it may have stopped anywhere
            whether the library issued its ioctl, and what it was told, is not seen
              (left out)
            next: kniwatch probes shows what is not observed here, and why
    "#]],
    );
}

#[test]
fn refusals_of_the_device() {
    told(
        &[],
        |stream| {
            stream.process(APP.pid, 1);
            stream.init(APP, -2, -1);
            stream.alloc(APP, "vEth0");
            stream.says(APP, "KNI: KNI subsystem has not been initialized. Invoke rte_kni_init() first\n");
            stream.alloc_returns(APP, 0);
        },
        &expect![[r#"
            22:13:20.000  app[100]         -        STOPPED AT THE SYSTEM CALL
                /dev/kni does not exist, or there is no device behind it
                open("/dev/kni") returned ENOENT (No such file or directory)
                rte_kni_init returned -1
                no create ioctl was issued
                next: kniwatch explain sys.device-missing
            22:13:20.000  app[100]         vEth0    STOPPED AT THE SYSTEM CALL
                /dev/kni does not exist, or there is no device behind it
                2 us before, open("/dev/kni") had returned ENOENT (No such file or
                  directory)
                the library logged "KNI: KNI subsystem has not been initialized. Invoke
                  rte_kni_init() first"
                rte_kni_alloc returned NULL 2 us after it was entered
                no create ioctl was issued
                next: kniwatch explain sys.device-missing
        "#]],
    );
    told(
        &[],
        |stream| {
            stream.process(APP.pid, 1);
            stream.enter(APP, Hook::LibraryInit, [4, 0, 0], "");
            stream.holder(OTHER.pid, "testpmd");
            stream.open(APP, -16);
            stream.leave(APP, Hook::LibraryInit, -1, [4, 0, 0]);
        },
        &expect![[r#"
            22:13:20.000  app[100]         -        STOPPED AT THE SYSTEM CALL
                /dev/kni is open already, and only one opening a network namespace is
                  allowed
                open("/dev/kni") returned EBUSY (Device or resource busy)
                rte_kni_init returned -1
                no create ioctl was issued
                /dev/kni is held by testpmd[200]
                next: kniwatch explain sys.device-busy
        "#]],
    );
    told(
        &[],
        |stream| {
            stream.call(APP, 5, CREATE, "vEth0");
            stream.answer(APP, 5, CREATE, -25);
        },
        &expect![[r#"
            22:13:20.000  app[100]         vEth0    STOPPED AT THE SYSTEM CALL
                the request was sent to a file that is not /dev/kni: "fd 5"
                the ioctl returned ENOTTY (Inappropriate ioctl for device)
                next: kniwatch explain sys.wrong-device
        "#]],
    );
}

#[test]
fn refusals_of_the_kernel() {
    told(
        &[],
        |stream| stream.request(APP, "lo", Kernel::CannotRegister(17)),
        &expect![[r#"
        22:13:20.000  app[100]         lo       STOPPED IN THE NETWORK CORE
            a network interface of that name exists already in this network namespace
            register_netdev("lo") returned EEXIST (File exists)
            kni_ioctl_create returned ENODEV (No such device) instead, and so did the
              ioctl
            kernel: rte_kni: Creating kni...
            next: kniwatch explain net.name-exists
    "#]],
    );
    told(
        &[],
        |stream| {
            stream.request(APP, "vEth0", Kernel::Creates);
            stream.request(OTHER, "vEth0", Kernel::Refuses(22));
        },
        &expect![[r#"
            22:13:20.000  app[100]         vEth0    CREATED in 8 us  ifindex 7
            22:13:20.000  app[200]         vEth0    STOPPED IN THE MODULE
                which check of the module it was is not known
                kni_ioctl_create returned EINVAL (Invalid argument), and so did the ioctl
                kernel: rte_kni: Creating kni...
                next: kniwatch -v shows every step that was seen
        "#]],
    );
    told(
        &[],
        |stream| {
            library(stream, |stream| stream.request(APP, "vEth0", Kernel::CannotStartThread));
            stream.alloc_returns(APP, 0);
        },
        &expect![[r#"
            22:13:20.000  app[100]         vEth0    STOPPED IN THE MODULE
                the module could not start its kernel thread
                kthread_create_on_node returned EINTR (Interrupted system call)
                kni_ioctl_create returned ECANCELED (Operation canceled) instead, and so did
                  the ioctl
                rte_kni_alloc returned NULL 11 us after it was entered
                kernel: rte_kni: Creating kni...
                next: kniwatch explain mod.thread
        "#]],
    );
}

#[test]
fn a_creation_through_the_library() {
    told(
        &[],
        |stream| {
            library(stream, |stream| stream.request(APP, "vEth0", Kernel::Creates));
            stream.alloc_returns(APP, 0x1000);
        },
        &expect![[r#"
            22:13:20.000  app[100]         vEth0    CREATED in 10 us  ifindex 7
        "#]],
    );
}

#[test]
fn a_program_that_never_tries() {
    told(
        &[],
        |stream| {
            stream.process(APP.pid, 1);
            stream.init(APP, 5, 0);
            stream.fails(APP, Hook::MempoolCreate, "mbuf_pool", 12);
            stream.fails(APP, Hook::PoolCreate, "mbuf_pool", 12);
            stream.ends(APP, 0x100);
        },
        &expect![[r#"
            22:13:20.000  app[100]         -        NOT ATTEMPTED: it came as far as
                rte_pktmbuf_pool_create
                the program could not make its mbuf pool, and went no further
                open("/dev/kni") succeeded
                rte_kni_init returned 0
                rte_mempool_create("mbuf_pool") returned NULL (ENOMEM)
                rte_pktmbuf_pool_create("mbuf_pool") returned NULL (ENOMEM)
                no create ioctl was issued
                the process then ended with exit status 1
                next: kniwatch explain lib.no-pool
        "#]],
    );
    told(
        &[Hook::LibraryAlloc],
        |stream| {
            stream.process(APP.pid, 1);
            stream.init(APP, 5, 0);
            stream.ends(APP, 0x86);
        },
        &expect![[r#"
            22:13:20.000  app[100]         -        INCONCLUSIVE
                open("/dev/kni") succeeded
                rte_kni_init returned 0
                no create ioctl was issued
                the process then died of SIGABRT, core dumped
                an attempt that stops before its ioctl is not seen at all (left out)
                next: kniwatch probes shows what is not observed here, and why
        "#]],
    );
}

#[test]
fn a_program_that_is_restarted() {
    let mut stream = Stream::watch();
    for pid in 100..140 {
        stream.process(pid, 12);
        stream.alloc(process(pid), "vEth0");
        stream.lookup(process(pid), "MP_pool", 0);
        stream.alloc_returns(process(pid), 0);
        stream.now += 1_900_000_000 + u64::from(pid) * 1_000_000;
        stream.ends(process(pid), 0x100);
        stream.now += 50_000_000;
    }
    let reports = stream.end().reports;
    let all = printed(TextOptions::default(), reports.into_iter().map(|report| report.what));
    let (_, told) = all.split_once("\n\n").expect("a header");
    expect![[r#"
        22:13:20.000  app[100]         vEth0    STOPPED IN THE LIBRARY
            the library looked up a memzone that nobody has made: "MP_pool"
            rte_memzone_lookup("MP_pool") found nothing, and that is the last check
              before the ioctl
            rte_kni_alloc returned NULL 2 us after it was entered
            no ioctl was issued: the module was not asked, dmesg has nothing on it
            next: kniwatch explain lib.memzone-missing
        22:13:22.050  app[101]         vEth0    same, 2nd time in 2 s (restarted by
            supervisord[12], lived 2 s)
        22:13:32.315  app[106]         vEth0    same, 7th time in 12 s (restarted by
            supervisord[12], lived 2 s)
        22:13:42.605  app[111]         vEth0    same, 12th time in 22 s (restarted by
            supervisord[12], lived 2 s)
        22:13:52.920  app[116]         vEth0    same, 17th time in 32 s (restarted by
            supervisord[12], lived 2 s)
        22:14:03.260  app[121]         vEth0    same, 22nd time in 43 s (restarted by
            supervisord[12], lived 2 s)
        22:14:13.625  app[126]         vEth0    same, 27th time in 53 s (restarted by
            supervisord[12], lived 2 s)
        22:14:24.015  app[131]         vEth0    same, 32nd time in 1 min 4 s (restarted
            by supervisord[12], lived 2 s)
        22:14:34.430  app[136]         vEth0    same, 37th time in 1 min 14 s (restarted
            by supervisord[12], lived 2 s)

        40 attempts: 40 stopped in the library
        restart loop: app, vEth0: 40 times in 1 min 20 s stopped in the library,
            lib.memzone-missing (restarted by supervisord[12], lived 2 s)
        0 records, 0 lost, 0 missed: complete.
    "#]]
    .assert_eq(told);
}
