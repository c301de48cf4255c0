//! What `--help` shows below the options of each command.

pub(super) const TOP: &str = "\
Examples:
  sudo kniwatch                     every attempt from now on, full-screen on a
                                    terminal (? there shows the keys)
  sudo kniwatch check --expect vEth0_0 -- ./dpdk-app -l 1-2
                                    run it and say whether vEth0_0 came into being
  kniwatch explain lib.memzone-missing
                                    what that verdict means and what to do";

pub(super) const WATCH: &str = "\
Examples:
  sudo kniwatch                     full-screen on a terminal, until q
  sudo kniwatch watch --lines       in lines, until Ctrl-C
  sudo kniwatch watch --comm l3fwd-kni --stop-after 1
                                    the next attempt of that program
  sudo kniwatch watch --format json --for 10m >attempts.jsonl
                                    ten minutes, for a program to read";

pub(super) const CHECK: &str = "\
Examples:
  sudo kniwatch check --expect vEth0_0 -- ./dpdk-app -l 1-2
                                    start the program and judge its vEth0_0
  sudo kniwatch check --expect vEth0_0 --expect vEth0_1 --within 1m
                                    wait for a program that somebody else starts
  sudo kniwatch check --expect-outcome lib.memzone-missing -- ./dpdk-app
                                    a negative test: it must fail, and so
  sudo kniwatch check --expect vEth0_0 --junit kni.xml -- ./dpdk-app
                                    for a CI system that shows test results
  sudo kniwatch check --wait -- dpdk-testpmd --vdev=net_kni0 -- -i
                                    stay to the end, tell of the release too

Exit status (of several interfaces the lowest but 0; docs/exit-status.md):
   0  created, or as expected       14  stopped in the network core
  10  not attempted                 15  created elsewhere, doomed, or gone again
  11  stopped in the library        16  died, or in progress at the deadline
  12  stopped at the system call    17  created, and not expected to be
  13  stopped in the module         20  inconclusive
   1  failed for another reason      2  usage
   3  cannot observe here";

pub(super) const RECORD: &str = "\
Examples:
  sudo kniwatch record kni.rec      until Ctrl-C
  sudo kniwatch record --for 1m kni.rec
                                    one minute";

pub(super) const REPLAY: &str = "\
Examples:
  kniwatch replay kni.rec           the same lines again
  kniwatch replay --format json kni.rec
                                    the same run as JSON Lines
  kniwatch replay --junit kni.xml kni.rec
                                    the answer of a check, for a CI system";

pub(super) const EXPORT: &str = "\
Examples:
  kniwatch export --format html kni.rec
                                    kni.html, for any browser, without network
  kniwatch export --format html --attempt 3 kni.rec
                                    the third attempt alone
  kniwatch export --format perfetto -o kni.pftrace kni.rec
                                    for https://ui.perfetto.dev";

pub(super) const PROBES: &str = "\
Examples:
  sudo kniwatch probes              what this machine allows
  sudo kniwatch probes --exe /opt/app/bin/dpdk-app
                                    and in that statically linked program";

pub(super) const LS: &str = "\
Examples:
  sudo kniwatch ls                  in all network namespaces: owner, link, age
  kniwatch ls --format json         what can be seen without privileges, as
                                    JSON Lines";

pub(super) const SCHEMA: &str = "\
Examples:
  kniwatch schema >kniwatch.schema.json
                                    for a validator, or a generator of code";

pub(super) const EXPLAIN: &str = "\
Examples:
  kniwatch explain                  every cause, one line each
  kniwatch explain net.name-exists
                                    one in full";

pub(super) const DOCTOR: &str = "\
Examples:
  sudo kniwatch doctor              what is wrong here, and what to do about it
  kniwatch doctor --format json     what can be told without privileges, as
                                    JSON Lines

Exit status (docs/exit-status.md):
   0  nothing to do                  30  a warning: it works, but not as one
   1  failed for another reason          may expect
   2  usage                          31  a failure: KNI or kniwatch can't work";

pub(super) const GENERATE: &str = "\
Examples:
  kniwatch generate debian/kniwatch/usr
                                    for a package";
