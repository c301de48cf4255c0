//! What keys do to what is shown: the filter, the pause, the help.

use super::*;

#[test]
fn a_filter_shows_what_matches_and_says_how_many() {
    let mut state = with([samples::created(), samples::silent_refusal_1604()]);
    press(&mut state, &[Key::Char('/')]);
    press(&mut state, &"CREATED".chars().map(Key::Char).collect::<Vec<_>>());
    check(
        &mut state,
        &expect![[r#"
            kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
            rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
            ARMED: 3 hooks live, 1 waiting, 3 missing
            [Attempts] Processes  Interfaces  Probes  Events                    1 of 2 match
             TIME     PROCESS         INTERFACE VERDICT           CAUSE                 TOOK
            >14:02:11 testpmd[4533]   kni0      created           -                   1.8 ms
            --------------------------------------------------------------------------------
            testpmd[4533]  kni0  CREATED  14:02:11.204  1.8 ms
            library |====================|  1.8 ms rte_kni_alloc("kni0") -> 0x7f001000
            syscall |==================  |  1.6 ms ioctl -> 0
            module  | reached
            network |    =               |         alloc_netdev_mqs("kni0") -> 0xffff90000..
                    |          =         |         register_netdev("kni0") -> 0
                program: "/usr/bin/dpdk-testpmd"
                thread 4534, net namespace 4026531840
                +0 ns     rte_kni_alloc entered
                +31 us    ioctl entered
                +400 us   alloc_netdev_mqs("kni0") -> 0xffff900000000000
                +900 us   register_netdev("kni0") -> 0
                +1.7 ms   ioctl -> 0
                +1.8 ms   rte_kni_alloc -> 0x7f001000


            filter: CREATED_"#]],
    );
    press(&mut state, &[Key::Char('!'), Key::Enter]);
    check(
        &mut state,
        &expect![[r#"
        kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
        rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
        ARMED: 3 hooks live, 1 waiting, 3 missing
        [Attempts] Processes  Interfaces  Probes  Events                    0 of 2 match
         TIME     PROCESS         INTERFACE VERDICT           CAUSE                 TOOK

        --------------------------------------------------------------------------------
          No attempt has these letters. esc shows all.















        j/k select  enter open  / filter  p pause  e export  tab more  ? help  q quit"#]],
    );
    press(&mut state, &[Key::Escape]);
    assert_eq!(state.attempts.count_shown(), 2);
}

#[test]
fn a_filter_that_is_given_up_leaves_the_one_before() {
    let mut state = with([samples::created()]);
    press(&mut state, &[Key::Char('/'), Key::Char('a'), Key::Enter]);
    press(&mut state, &[Key::Char('/'), Key::Backspace, Key::Char('q'), Key::Char('?'), Key::Escape]);
    assert_eq!(state.attempts.filter(), "a");
}

#[test]
fn while_it_is_paused_nothing_moves_and_what_came_is_counted() {
    let mut state = with([samples::created()]);
    press(&mut state, &[Key::Char('p')]);
    told(&mut state, Told::Attempt(Box::new(samples::device_busy())));
    check(
        &mut state,
        &expect![[r#"
            kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
            rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
            ARMED: 3 hooks live, 1 waiting, 3 missing
            [Attempts] Processes  Interfaces  Probes  Events         PAUSED, 1 wait 1 listed
             TIME     PROCESS         INTERFACE VERDICT           CAUSE                 TOOK
            >14:02:11 testpmd[4533]   kni0      created           -                   1.8 ms
            --------------------------------------------------------------------------------
            testpmd[4533]  kni0  CREATED  14:02:11.204  1.8 ms
            library |====================|  1.8 ms rte_kni_alloc("kni0") -> 0x7f001000
            syscall |==================  |  1.6 ms ioctl -> 0
            module  | reached
            network |    =               |         alloc_netdev_mqs("kni0") -> 0xffff90000..
                    |          =         |         register_netdev("kni0") -> 0
                program: "/usr/bin/dpdk-testpmd"
                thread 4534, net namespace 4026531840
                +0 ns     rte_kni_alloc entered
                +31 us    ioctl entered
                +400 us   alloc_netdev_mqs("kni0") -> 0xffff900000000000
                +900 us   register_netdev("kni0") -> 0
                +1.7 ms   ioctl -> 0
                +1.8 ms   rte_kni_alloc -> 0x7f001000


            j/k select  enter open  / filter  p pause  e export  tab more  ? help  q quit"#]],
    );
    press(&mut state, &[Key::Char('p')]);
    assert_eq!((state.attempts.len(), state.attempts.paused()), (2, None));
}

#[test]
fn the_keys_are_explained_over_what_is_there() {
    let mut state = with([samples::created()]);
    press(&mut state, &[Key::Char('?')]);
    check(
        &mut state,
        &expect![[r#"
            kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64                            00:00:00
            rte_kni 22.11 is loaded: carrier=off, kthread_mode=single       lost 0, missed 0
            ARMED: 3 hooks live, 1 waiting, 3 missing
            [Attempts] Processes  Interfaces  Probes  Events                        1 listed
             T+--------------------------------------------------------------------------+OK
            >1| up, down, k, j      select an attempt, scroll                            |ms
            --| page up, page down  the same by pages                                    |--
            te| home, end, g, G     the newest, which is then followed; the oldest       |
            li| enter               open the selected attempt, close it                  |
            sy| tab, shift-tab      the next tab, the one before                         |
            mo| /                   show only attempts with these letters (enter keeps)  |
            ne| esc                 close, give up the filter                            |..
              | p                   hold the list still, go on                           |
              | e                   write the selected attempt as a page (HTML) here     |
              | ?                   this help                                            |
              | ^L, ^Z              draw anew; back to the shell (fg returns)            |
              | q, ^C               quit                                                 |
              +--------------------------------------------------------------------------+
                +900 us   register_netdev("kni0") -> 0
                +1.7 ms   ioctl -> 0
                +1.8 ms   rte_kni_alloc -> 0x7f001000


            any key closes this"#]],
    );
    press(&mut state, &[Key::Char('j')]);
    assert!(!rows(&buffer(&mut state, PLAIN, 80, 24)).concat().contains("this help"));
}
