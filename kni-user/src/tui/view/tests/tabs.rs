//! The tabs beside the attempts.

use super::*;
use crate::correlate::User;
use crate::report::Repeat;
use kni_ebpf::hook::Hook;

fn turned(mut state: State, tabs: usize) -> State {
    press(&mut state, &vec![Key::Tab; tabs]);
    state
}

fn user(pid: u32) -> User {
    User { pid, comm: Some("l3fwd-kni".into()), exe: None, inside: None, last: None, ended: false }
}

#[test]
fn processes_tell_how_far_each_came_and_how_often_it_was_restarted() {
    let looping = samples::looping();
    assert!(looping.repeat.as_ref().is_some_and(|Repeat { count, .. }| *count == 47));
    let mut state = turned(with([samples::silent_refusal_1604(), samples::created(), looping]), 1);
    state.set_users(vec![
        User { exe: Some("/opt/app/vpn-gw".into()), comm: None, ..user(77) },
        User { last: Some(samples::returned(Hook::LibraryInit, 0, 0)), ..user(78) },
        User { inside: Some(1), ..user(79) },
        User { ended: true, ..user(80) },
        User { comm: Some("testpmd".into()), ..user(4533) },
        User { ended: true, ..user(4131) },
    ]);
    check(
        &mut state,
        &expect![[r#"
            kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
            rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
            ARMED: 3 hooks live, 1 waiting, 3 missing
             Attempts [Processes] Interfaces  Probes  Events                        2 listed
            PROCESS           INTERFACE HOW FAR IT CAME              ATTEMPTS RESTARTS STATE
            vpn-gw[77]        -         has DPDK's code mapped              0        0 runs
            l3fwd-kni[78]     -         rte_kni_init returned 0             0        0 runs
            l3fwd-kni[79]     -         is inside an attempt                0        0 runs
            testpmd[4533]     kni0      created                             1        0 runs
            l3fwd-kni[4131]   vEth0_0   stopped in the library              1       46 ended













            j/k scroll  tab more  p pause  ? help  q quit"#]],
    );
}

#[test]
fn without_users_and_interfaces_it_says_so() {
    let mut state = turned(armed(), 1);
    check(
        &mut state,
        &expect![[r#"
        kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
        rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
        ARMED: 3 hooks live, 1 waiting, 3 missing
         Attempts [Processes] Interfaces  Probes  Events                        0 listed
          No process is known to use KNI.


















        j/k scroll  tab more  p pause  ? help  q quit"#]],
    );
    press(&mut state, &[Key::Tab]);
    assert!(state.wants().interfaces);
    state.set_interfaces(Vec::new(), vec!["what could not be looked at".to_owned()]);
    check(
        &mut state,
        &expect![[r#"
        kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
        rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
        ARMED: 3 hooks live, 1 waiting, 3 missing
         Attempts  Processes [Interfaces] Probes  Events                        0 listed
        no KNI interfaces
        not seen: what could not be looked at

















        j/k scroll  tab more  p pause  ? help  q quit"#]],
    );
}

#[test]
fn interfaces_grow_older() {
    let mut state = turned(armed(), 2);
    state.set_interfaces(vec![samples::kernel::alive()], Vec::new());
    state.pass(samples::AT + 60 * SECOND);
    check(
        &mut state,
        &expect![[r#"
        kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:01:00
        rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
        ARMED: 3 hooks live, 1 waiting, 3 missing
         Attempts  Processes [Interfaces] Probes  Events                        0 listed
        NAME  LINK            OWNER    NETNS  AGE                THREAD
        kni0  up, no carrier  ip[412]  blue   at most 1 min 4 s  alive

















        j/k scroll  tab more  p pause  ? help  q quit"#]],
    );
}

#[test]
fn probes_are_all_there_and_scroll() {
    let mut state = turned(armed(), 3);
    state.set_probes(&samples::rows());
    state.set_sources(samples::sources());
    check(
        &mut state,
        &expect![[r#"
        kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
        rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
        ARMED: 3 hooks live, 1 waiting, 3 missing
         Attempts  Processes  Interfaces [Probes] Events                        0 listed
        missing  kernel-log        /dev/kmsg
            why: Operation not permitted (os error 1): it takes CAP_SYSLOG (or root), or
              sysctl kernel.dmesg_restrict=0
            lost: the module's own words are not told, nor causes that only they tell
              apart
        live     library-alloc     rte_kni_alloc in /usr/lib/librte_kni.so.23 (emulated)
        live     memzone-reserve   rte_memzone_reserve, rte_memzone_reserve_aligned in
            /usr/lib/librte_eal.so.23 (1 emulated, 2 single-stepped)
        waiting  dispatcher        kni_ioctl
        gone     handler           kni_ioctl_create
        idle     open              sys_enter_openat
        missing  register-netdev   register_netdev
            why: this kernel has no kprobes
            lost: the network core's own error is hidden behind the module's ENODEV
        2 of 6 attached; 1 idle: attached as soon as a program uses KNI




        j/k scroll  tab more  p pause  ? help  q quit"#]],
    );
    press(&mut state, &[Key::End]);
    let short = rows(&buffer(&mut state, PLAIN, 80, 12));
    assert!(short[10].contains("attached"), "{short:?}");
    press(&mut state, &[Key::Home]);
    assert!(rows(&buffer(&mut state, PLAIN, 80, 12))[4].contains("kernel-log"));
}

#[test]
fn events_are_told_newest_first() {
    let mut state = armed();
    for report in samples::everything() {
        state.take(&report);
    }
    state.note(["kniwatch: a warning of its own".to_owned()]);
    check(
        &mut turned(state, 4),
        &expect![[r#"
            kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
            rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
            IDLE (no program uses KNI): 4 hooks live, 1 idle, 1 waiting, 3 missing
             Attempts  Processes  Interfaces  Probes [Events]                      29 listed
            kniwatch: a warning of its own
            14:02:11.204  the command ended with exit status 1
            14:02:11.204  3 RECORDS LOST (4 in all): an attempt of that time may stay
                inconclusive or unseen
            14:02:11.204  testpmd[4533]    kni0     RELEASED by request, lived 4.9 s
            14:02:11.204  now observed: dispatcher, handler; the module had been there
                unobserved for 1.2 ms
            14:02:11.204  no longer observed: dispatcher, handler
            14:02:11.204  testpmd[4533]    kni0     DIED IN THE MODULE, inside kni_release
                the kernel failed in __get_user_pages
                kernel: BUG: kernel NULL pointer dereference, address: 0000000000000000
                kernel: RIP: 0010:__get_user_pages+0x4f/0x6b0
                kni0 stays
                /dev/kni stays busy until the machine is restarted
                next: kniwatch explain sys.device-stuck
            14:02:11.204  -                kni0     UP
            14:02:11.204  testpmd[4533]    kni0     LEFT WITHOUT ITS MODULE
                it was created in another network namespace than the device was opened in,
                  so that closing the device left it where it was
            j/k scroll  tab more  p pause  ? help  q quit"#]],
    );
}
