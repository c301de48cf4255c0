//! Attempts: the list, the one that is selected, the one that is opened.

use super::*;

#[test]
fn the_newest_attempt_is_selected_and_told_of() {
    check(
        &mut with([samples::created(), samples::silent_refusal_1604()]),
        &expect![[r#"
            kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
            rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
            ARMED: 3 hooks live, 1 waiting, 3 missing
            [Attempts] Processes  Interfaces  Probes  Events                        2 listed
             TIME     PROCESS         INTERFACE VERDICT           CAUSE                 TOOK
            >14:02:11 l3fwd-kni[4121] vEth0_0   stopped: library  lib.memzone-missing 1.8 ms
             14:02:11 testpmd[4533]   kni0      created           -                   1.8 ms
            --------------------------------------------------------------------------------
            l3fwd-kni[4121]  vEth0_0  STOPPED IN THE LIBRARY  14:02:11.204  1.8 ms
            library |=                   |   41 us rte_kni_alloc("vEth0_0") -> NULL
                    |=                   |           rte_memzone_lookup("KNI_INFO_0") -> N..
                    |x                   |         FAILED   rte_memzone_lookup("MP_mbuf_po..
            syscall | not reached
            module  | not reached
            network | not reached
                the library looked up a memzone that nobody has made: "MP_mbuf_pool"
                rte_memzone_lookup("MP_mbuf_pool") found nothing
                rte_kni_alloc returned NULL 41 us after it was entered
                no ioctl was issued: the module was not asked, dmesg has nothing on it
                program: "/usr/bin/dpdk-testpmd"
                thread 4121
                ... (enter shows all)
                next: kniwatch explain lib.memzone-missing
            j/k select  enter open  / filter  p pause  e export  tab more  ? help  q quit"#]],
    );
}

#[test]
fn another_can_be_selected_and_stays_when_newer_ones_come() {
    let mut state = with([samples::name_taken(), samples::created()]);
    press(&mut state, &[Key::Down]);
    told(&mut state, Told::Attempt(Box::new(samples::device_busy())));
    check(
        &mut state,
        &expect![[r#"
            kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
            rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
            ARMED: 3 hooks live, 1 waiting, 3 missing
            [Attempts] Processes  Interfaces  Probes  Events                        3 listed
             TIME     PROCESS         INTERFACE VERDICT           CAUSE                 TOOK
             14:02:11 testpmd[4533]   -         stopped: syscall  sys.device-busy     1.8 ms
             14:02:11 testpmd[4533]   kni0      created           -                   1.8 ms
            >14:02:11 testpmd[4533]   lo        stopped: network  net.name-exists     1.8 ms
            --------------------------------------------------------------------------------
            testpmd[4533]  lo  STOPPED IN THE NETWORK CORE  14:02:11.204  1.8 ms
            library | not known: nothing was seen of it
            syscall |=                   |   16 us ioctl -> -ENODEV (No such device)
            module  |=                   |   12 us kni_ioctl -> -ENODEV (No such device)
                    |=                   |   10 us   kni_ioctl_create -> -ENODEV (No such ..
            network |x                   |         FAILED register_netdev("lo") -> -EEXIST..
            errno     the kernel's function said EEXIST (File exists) -> the program was t..
                a network interface of that name exists already in this network namespace
                register_netdev("lo") returned EEXIST (File exists)
                kni_ioctl_create returned ENODEV (No such device) instead, and so did the
                  ioctl
                kernel: rte_kni: error -17 registering device "lo"
                ... (enter shows all)
                next: kniwatch explain net.name-exists
            j/k select  enter open  / filter  p pause  e export  tab more  ? help  q quit"#]],
    );
}

#[test]
fn an_opened_attempt_has_the_screen_and_scrolls_to_its_end() {
    let mut state = with([samples::name_taken()]);
    press(&mut state, &[Key::Enter]);
    check(
        &mut state,
        &expect![[r#"
            kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
            rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
            ARMED: 3 hooks live, 1 waiting, 3 missing
            [Attempts] Processes  Interfaces  Probes  Events                        1 listed
            testpmd[4533]  lo  STOPPED IN THE NETWORK CORE  14:02:11.204  1.8 ms
            library | not known: nothing was seen of it
            syscall |=                   |   16 us ioctl -> -ENODEV (No such device)
            module  |=                   |   12 us kni_ioctl -> -ENODEV (No such device)
                    |=                   |   10 us   kni_ioctl_create -> -ENODEV (No such ..
            network |x                   |         FAILED register_netdev("lo") -> -EEXIST..
            errno     the kernel's function said EEXIST (File exists) -> the program was t..
                a network interface of that name exists already in this network namespace
                register_netdev("lo") returned EEXIST (File exists)
                kni_ioctl_create returned ENODEV (No such device) instead, and so did the
                  ioctl
                kernel: rte_kni: error -17 registering device "lo"
                program: "/usr/bin/dpdk-testpmd"
                thread 4534
                +0 ns     ioctl entered
                +2 us     kni_ioctl entered
                +3 us     kni_ioctl_create entered
                +9 us     register_netdev("lo") -> -EEXIST (File exists)
                +13 us    kni_ioctl_create -> -ENODEV (No such device)
            j/k scroll  enter close  e export  ? help  q quit"#]],
    );
    press(&mut state, &[Key::End]);
    check(
        &mut state,
        &expect![[r#"
            kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
            rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
            ARMED: 3 hooks live, 1 waiting, 3 missing
            [Attempts] Processes  Interfaces  Probes  Events                        1 listed
            module  |=                   |   12 us kni_ioctl -> -ENODEV (No such device)
                    |=                   |   10 us   kni_ioctl_create -> -ENODEV (No such ..
            network |x                   |         FAILED register_netdev("lo") -> -EEXIST..
            errno     the kernel's function said EEXIST (File exists) -> the program was t..
                a network interface of that name exists already in this network namespace
                register_netdev("lo") returned EEXIST (File exists)
                kni_ioctl_create returned ENODEV (No such device) instead, and so did the
                  ioctl
                kernel: rte_kni: error -17 registering device "lo"
                program: "/usr/bin/dpdk-testpmd"
                thread 4534
                +0 ns     ioctl entered
                +2 us     kni_ioctl entered
                +3 us     kni_ioctl_create entered
                +9 us     register_netdev("lo") -> -EEXIST (File exists)
                +13 us    kni_ioctl_create -> -ENODEV (No such device)
                +14 us    kni_ioctl -> -ENODEV (No such device)
                +16 us    ioctl -> -ENODEV (No such device)
                next: kniwatch explain net.name-exists
            j/k scroll  enter close  e export  ? help  q quit"#]],
    );
}

#[test]
fn every_outcome_has_its_words() {
    let all = samples::kernel::all().into_iter().chain(samples::library::all());
    let several = [samples::created(), samples::inconclusive(samples::unseen()), samples::device_busy()];
    let mut state = with(all.chain(several));
    let buffer = buffer(&mut state, PLAIN, 80, 100);
    let list: Vec<String> = rows(&buffer).into_iter().take(46).collect();
    expect![[r#"
        kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
        rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
        ARMED: 3 hooks live, 1 waiting, 3 missing
        [Attempts] Processes  Interfaces  Probes  Events                       26 listed
         TIME     PROCESS         INTERFACE VERDICT           CAUSE                 TOOK
        >14:02:11 testpmd[4533]   -         stopped: syscall  sys.device-busy     1.8 ms
         14:02:11 kni-ref..[4121] vEth0_0   inconclusive      -                   1.8 ms
         14:02:11 testpmd[4533]   kni0      created           -                   1.8 ms
         14:02:11 l3fwd-kni[4121] -         inconclusive      -                   1.8 ms
         14:02:11 l3fwd-kni[4121] -         not attempted     -                   1.8 ms
         14:02:11 l3fwd-kni[4121] -         not attempted     lib.no-pool         1.8 ms
         14:02:11 testpmd[4533]   kni0      created           -                   1.8 ms
         14:02:11 testpmd[4533]   kni0      created, doomed   mod.layout-skew     1.8 ms
         14:02:11 l3fwd-kni[4121] -         died: syscall     sys.device-missing  1.8 ms
         14:02:11 kni-ref..[4121] -         stopped: library  lib.iova-mode       1.8 ms
         14:02:11 kni-ref..[4121] vEth0_0   stopped: library  lib.already-exists  1.8 ms
         14:02:11 kni-ref..[4121] vEth0_0   stopped: library  lib.not-initialised 1.8 ms
         14:02:11 kni-ref..[4121] vEth0_0   stopped: syscall  sys.device-missing  1.8 ms
         14:02:11 kni-ref..[4121] -         stopped: library  -                     1 us
         14:02:11 kni-ref..[4121] -         stopped: library  lib.bad-argument      1 us
         14:02:11 kni-ref..[4121] -         stopped: library  lib.bad-argument      1 us
         14:02:11 kni-ref..[4121] vEth0_0   stopped: library  lib.no-pool           1 us
         14:02:11 kni-ref..[4121] vEth0_0   stopped: library  lib.no-memory       1.8 ms
         14:02:11 kni-ref..[4121] vEth0_0   stopped: library  lib.memzone-exists  1.8 ms
         14:02:11 testpmd[4533]   kni0      created elsewhere -                   1.8 ms
         14:02:11 testpmd[4533]   kni0      created, doomed   mod.layout-skew     1.8 ms
         14:02:11 testpmd[4533]   kni0      stopped: module   mod.size-skew       1.8 ms
         14:02:11 testpmd[4533]   -         stopped: syscall  sys.device-stuck    1.8 ms
         14:02:11 testpmd[4533]   kni0      died: module      proc.crash          900 us
         14:02:11 testpmd[4533]   kni0      still in progress proc.blocked         9.1 s
         14:02:11 testpmd[4533]   kni0      created           -                    2.9 s
        --------------------------------------------------------------------------------
        testpmd[4533]  -  STOPPED AT THE SYSTEM CALL  14:02:11.204  1.8 ms
        library |=                   |   20 us rte_kni_init -> -1
        syscall |x                   |         FAILED open("/dev/kni") -> -EBUSY (Devi..
        module  |=                   |         kni_open -> -EBUSY (Device or resource ..
        network | not reached
        errno     the program was told EBUSY (Device or resource busy)
            /dev/kni is open already, and only one opening a network namespace is
              allowed
            kni_open returned EBUSY (Device or resource busy), and so did
              open("/dev/kni")
            rte_kni_init returned -1
            no create ioctl was issued
            /dev/kni is held by dpdk-testpmd[4507]
            program: "/usr/bin/dpdk-testpmd""#]]
    .assert_eq(&list.join("\n"));
}

#[test]
fn a_wide_screen_has_room_for_more() {
    let mut state = with([samples::created(), samples::silent_refusal_1604()]);
    expect![[r#"
        kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                                                                    00:00:00
        rte_kni 22.11 is loaded: carrier=off, kthread_mode=single                                               lost 0, missed 0
        ARMED: 3 hooks live, 1 waiting, 3 missing
        [Attempts] Processes  Interfaces  Probes  Events                                                                2 listed
         TIME         PROCESS                         INTERFACE       VERDICT                     CAUSE                     TOOK
        >14:02:11.204 l3fwd-kni[4121]                 vEth0_0         stopped in the library      lib.memzone-missing     1.8 ms
         14:02:11.204 testpmd[4533]                   kni0            created                     -                       1.8 ms
        ------------------------------------------------------------------------------------------------------------------------
        l3fwd-kni[4121]  vEth0_0  STOPPED IN THE LIBRARY  14:02:11.204  1.8 ms
        library |=                             |   41 us rte_kni_alloc("vEth0_0") -> NULL
                |=                             |           rte_memzone_lookup("KNI_INFO_0") -> NULL
                |x                             |         FAILED   rte_memzone_lookup("MP_mbuf_pool") -> NULL
        syscall | not reached
        module  | not reached
        network | not reached
            the library looked up a memzone that nobody has made: "MP_mbuf_pool"
            rte_memzone_lookup("MP_mbuf_pool") found nothing
            rte_kni_alloc returned NULL 41 us after it was entered
            no ioctl was issued: the module was not asked, dmesg has nothing on it
            program: "/usr/bin/dpdk-testpmd"
            thread 4121
            ... (enter shows all)
            next: kniwatch explain lib.memzone-missing
        j/k select  enter open  / filter  p pause  e export  tab more  ? help  q quit"#]].assert_eq(&rows(&buffer(&mut state, PLAIN, 120, 24)).join("\n"));
}

#[test]
fn a_restart_loop_is_one_line_with_a_count() {
    let later = |count| {
        let attempt = samples::restarted();
        let repeat = attempt.repeat.clone().map(|repeat| crate::report::Repeat { count, ..repeat });
        Attempt { repeat, ..attempt }
    };
    let mut state = with([samples::silent_refusal_1604(), samples::created(), later(2), later(3)]);
    check(
        &mut state,
        &expect![[r#"
            kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
            rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
            ARMED: 3 hooks live, 1 waiting, 3 missing
            [Attempts] Processes  Interfaces  Probes  Events                        2 listed
             TIME     N    PROCESS      IFNAME  VERDICT           CAUSE                 TOOK
            >14:02:11 x3   l3fw..[4131] vEth0_0 stopped: library  lib.memzone-missing 1.8 ms
             14:02:11      test..[4533] kni0    created           -                   1.8 ms
            --------------------------------------------------------------------------------
            l3fwd-kni[4131]  vEth0_0  STOPPED IN THE LIBRARY  14:02:11.204  1.8 ms, 3rd time
            library |=                   |   41 us rte_kni_alloc("vEth0_0") -> NULL
                    |=                   |           rte_memzone_lookup("KNI_INFO_0") -> N..
                    |x                   |         FAILED   rte_memzone_lookup("MP_mbuf_po..
            syscall | not reached
            module  | not reached
            network | not reached
                same, 3rd time (restarted by supervisord[812], lived 1.9 s)
                the library looked up a memzone that nobody has made: "MP_mbuf_pool"
                rte_memzone_lookup("MP_mbuf_pool") found nothing
                rte_kni_alloc returned NULL 41 us after it was entered
                no ioctl was issued: the module was not asked, dmesg has nothing on it
                program: "/usr/bin/dpdk-testpmd"
                ... (enter shows all)
                next: kniwatch explain lib.memzone-missing
            j/k select  enter open  / filter  p pause  e export  tab more  ? help  q quit"#]],
    );
}

#[test]
fn an_attempt_in_progress_gives_way_to_its_last_word() {
    let meanwhile = samples::kernel::in_progress();
    let mut state = with([meanwhile.clone()]);
    check(
        &mut state,
        &expect![[r#"
            kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
            rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
            ARMED: 3 hooks live, 1 waiting, 3 missing
            [Attempts] Processes  Interfaces  Probes  Events                        1 listed
             TIME     PROCESS         INTERFACE VERDICT           CAUSE                 TOOK
            >14:02:11 testpmd[4533]   kni0      in progress       proc.blocked           1 s
            --------------------------------------------------------------------------------
            testpmd[4533]  kni0  IN PROGRESS  14:02:11.204  1 s
            library | not known: nothing was seen of it
            syscall |===================>|     1 s ioctl has not returned
            module  |===================>|  999 ms kni_ioctl has not returned
                    |===================>|  999 ms   kni_ioctl_create has not returned
            network | not known: nothing was seen of it
                in progress for 1 s, waiting for rtnl (network configuration lock), held by
                  ip[412]
                the thread waits inside the kernel
                it is inside kni_ioctl_create
                1 s after it began, it was waiting for rtnl (network configuration lock),
                  held by ip[412]
                program: "/usr/bin/dpdk-testpmd"
                thread 4534, net namespace 4026531840
                ... (enter shows all)
                next: kniwatch explain proc.blocked
            j/k select  enter open  / filter  p pause  e export  tab more  ? help  q quit"#]],
    );
    told(&mut state, Told::Attempt(Box::new(Attempt { is_final: true, ..meanwhile })));
    assert_eq!(state.attempts.len(), 1);
}
