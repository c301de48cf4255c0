//! What `kniwatch doctor` finds: it is the program that `check` starts, and makes no attempt.

use super::NOTHING_SAID;
use crate::guest::Kernel;
use crate::scenario::{Background, Expect, Module, Run, Scenario};

/// Its exit statuses (docs/exit-status.md).
const NOTHING_TO_DO: Option<i64> = Some(0);
const WARNING: Option<i64> = Some(30);
const FAILURE: Option<i64> = Some(31);

/// Nobody asked for an interface.
const NOT_ATTEMPTED: u8 = 10;

const fn finds(status: Option<i64>, says: &'static [&'static str]) -> Run {
    Run {
        options: &["--within", "60s"],
        program: "kniwatch",
        arguments: &["doctor", "--format", "json"],
        expect: Expect {
            status: NOT_ATTEMPTED,
            program_status: status,
            says,
            must_not_say: &["STOPPED", "INCONCLUSIVE"],
            ..NOTHING_SAID
        },
    }
}

/// What is so in every guest.
macro_rules! everywhere {
    ($($says:literal),* $(,)?) => {
        &[
            r#"{"about":"privileges","level":"ok""#,
            r#"{"about":"tracefs","level":"ok""#,
            r#"{"about":"module-file","level":"ok""#,
            r#"{"about":"hugepages","level":"ok""#,
            $($says),*
        ]
    };
}

/// In the order in which they are told of.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "doctor-carrier",
        shows: "doctor, with the module loaded with carrier=off",
        module: Module::With("carrier=off"),
        smoke: true,
        runs: &[finds(
            WARNING,
            everywhere![
                r#"{"about":"kprobes","level":"ok""#,
                r#"{"about":"module","level":"ok","found":"rte_kni 1.0 is loaded","evidence":["from /lib/modules/"#,
                "its struct has 136 bytes, layout D (",
                r#"{"about":"module-parameter","level":"warning","found":"rte_kni is loaded with carrier=off"#,
                r#"{"about":"device","level":"ok","found":"/dev/kni: 10:"#,
                r#"{"about":"device-holder","level":"ok","found":"/dev/kni: free""#,
                r#"{"about":"library","level":"ok""#,
                r#"layout D, as the loaded module""#,
            ],
        )],
        ..Scenario::USUAL
    },
    Scenario {
        name: "doctor-absent",
        shows: "doctor, without the module",
        module: Module::Absent,
        runs: &[finds(
            FAILURE,
            everywhere![
                r#"{"about":"module","level":"failure","found":"rte_kni is not loaded""#,
                "layout D, as the module for this kernel",
            ],
        )],
        ..Scenario::USUAL
    },
    Scenario {
        name: "doctor-held",
        shows: "doctor, while testpmd has /dev/kni open",
        module: Module::With("carrier=on"),
        before: Some(Background { command: "testpmd-session stay", until_interface: "kni0" }),
        runs: &[finds(
            NOTHING_TO_DO,
            everywhere![
                r#"{"about":"module-parameter","level":"ok","found":"carrier=on"#,
                r#"{"about":"device-holder","level":"note","found":"/dev/kni is open in dpdk-testpmd["#,
                "runs in dpdk-testpmd[",
            ],
        )],
        ..Scenario::USUAL
    },
    Scenario {
        name: "doctor-variant",
        shows: "doctor, with a module that modprobe would not load",
        module: Module::Variant("create-inlined"),
        runs: &[finds(
            WARNING,
            everywhere![
                r#"{"about":"module","level":"note","found":"rte_kni 1.0 is loaded","evidence":["from /lib/modules/"#,
                "extra/variants/create-inlined/rte_kni.ko, built for",
                "it is not the file that modprobe would load",
            ],
        )],
        kernels: &Kernel::WITH_DPDK_22_11,
        ..Scenario::USUAL
    },
    Scenario {
        name: "doctor-skew",
        shows: "doctor, with a library of another layout (stand-in)",
        runs: &[Run {
            program: "sh",
            arguments: &[
                "-c",
                "LD_LIBRARY_PATH=$(dirname $(command -v standin-kni-1908))/lib-1908 kniwatch doctor --format json",
            ],
            ..finds(
                FAILURE,
                everywhere![
                    r#"{"about":"layout-skew","level":"failure""#,
                    "uses layout C (144 bytes); the loaded module takes layout D (136)",
                    "mod.size-skew",
                    // The library that belongs to the module.
                    "layout D, as the loaded module",
                ],
            )
        }],
        ..Scenario::USUAL
    },
    Scenario {
        name: "doctor-kprobes-off",
        shows: "doctor, with kprobes switched off",
        situation: Some("kprobes_off"),
        runs: &[finds(
            FAILURE,
            everywhere![
                r#"{"about":"kprobes","level":"failure","found":"kprobes are switched off"#,
                "echo 1 > /sys/kernel/debug/kprobes/enabled",
            ],
        )],
        ..Scenario::USUAL
    },
    Scenario {
        name: "doctor-unprivileged",
        shows: "doctor, by a user without privileges",
        runs: &[Run {
            program: "setpriv",
            arguments: &[
                "--reuid=4711",
                "--regid=4711",
                "--clear-groups",
                "--inh-caps=-all",
                "--bounding-set=-all",
                "kniwatch",
                "doctor",
                "--format",
                "json",
            ],
            ..finds(
                FAILURE,
                &[
                    r#"{"about":"privileges","level":"failure","found":"kniwatch lacks CAP_BPF"#,
                    r#"{"about":"tracefs","level":"failure","found":"tracefs may not be read"#,
                    r#"{"about":"kprobes","level":"unknown""#,
                    r#"{"about":"device-holder","level":"unknown""#,
                    r#"{"about":"module-file","level":"ok""#,
                ],
            )
        }],
        ..Scenario::USUAL
    },
];
