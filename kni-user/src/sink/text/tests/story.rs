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
            rte_memzone_reserve("kni_tx_vEth0") returned NULL
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
            rte_memzone_reserve("kni_tx_vEth0") returned NULL
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
                the library logged "KNI: KNI subsystem has not been initialized. Invoke
                  rte_kni_init() first"
                rte_kni_alloc returned NULL 2 us after it was entered
                an earlier call had told the program ENOENT (No such file or directory)
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
