//! What `tests/guest/view-session.sh` must have had on its screen.

use std::fs;
use std::path::Path;

/// A screen, or another file of the session's.
struct Screen {
    name: &'static str,
    has: &'static [&'static str],
    has_not: &'static [&'static str],
}

/// In the order in which they are shown.
const SCREENS: &[Screen] = &[
    Screen {
        name: "waiting",
        has: &[
            "kniwatch",
            "rte_kni",
            "is loaded",
            "IDLE",
            "lost 0, missed 0",
            "[Attempts]",
            "0 listed",
            "q quit",
        ],
        has_not: &["ready>", "STOPPED"],
    },
    Screen {
        name: "attempts",
        has: &[
            "ARMED",
            "2 listed",
            "stopped: library",
            "lib.memzone-missing",
            "stopped: network",
            "net.name-exists",
            "lo  STOPPED IN THE NETWORK CORE",
            "FAILED register_netdev(\"lo\")",
            "errno     the kernel's function said EEXIST",
            "next: kniwatch explain net.name-exists",
        ],
        has_not: &["created"],
    },
    Screen {
        name: "selected",
        has: &[
            "vEth0_0  STOPPED IN THE LIBRARY",
            "FAILED",
            "rte_memzone_lookup",
            "syscall | not reached",
            "next: kniwatch explain lib.memzone-missing",
        ],
        has_not: &["lo  STOPPED IN THE NETWORK CORE"],
    },
    Screen {
        name: "opened",
        has: &[
            "vEth0_0  STOPPED IN THE LIBRARY",
            "rte_memzone_lookup(\"MP_mbuf_pool\") found nothing",
            "enter close",
        ],
        has_not: &["VERDICT"],
    },
    Screen {
        name: "processes",
        has: &["[Processes]", "kni-create[", "vEth9", "created", "runs"],
        has_not: &["No process"],
    },
    Screen {
        name: "interfaces",
        has: &["[Interfaces]", "vEth9", "kni-create[", "down", "own"],
        has_not: &["no KNI interfaces"],
    },
    Screen { name: "probes", has: &["[Probes]", "kernel-log", "live"], has_not: &[] },
    Screen { name: "help", has: &["this help", "hold the list still"], has_not: &[] },
    Screen {
        name: "left",
        has: &[
            "3 attempts: 1 created, 1 stopped in the library, 1 stopped in the network core",
            "0 lost, 0 missed: complete.",
            "RESTORED",
        ],
        has_not: &["[Attempts]", "this help"],
    },
    Screen { name: "terminal", has: &["as before"], has_not: &[] },
];

/// What is wrong with the screens that a session left in `dir`; nothing: all is as it must be.
#[must_use]
pub fn judge(dir: &Path) -> Vec<String> {
    let mut complaints = Vec::new();
    for Screen { name, has, has_not } in SCREENS {
        // A file that is missing has nothing of what it must have.
        let text = fs::read_to_string(dir.join(name)).unwrap_or_default();
        let missing = has.iter().filter(|part| !text.contains(**part)).map(|part| format!("no {part:?}"));
        let present = has_not.iter().filter(|part| text.contains(**part)).map(|part| format!("{part:?}"));
        let wrong: Vec<String> = missing.chain(present).collect();
        if !wrong.is_empty() {
            complaints.push(format!("the screen {name:?} has {}:\n{text}", wrong.join(", ")));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{SCREENS, judge};

    #[test]
    fn what_is_missing_and_what_must_not_be_there_are_complained_of() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(judge(dir.path()).len(), SCREENS.len());
        for screen in SCREENS {
            fs::write(dir.path().join(screen.name), screen.has.join("\n")).unwrap();
        }
        assert_eq!(judge(dir.path()), Vec::<String>::new());
        fs::write(dir.path().join("terminal"), "500:5:bf").unwrap();
        let waiting = fs::read_to_string(dir.path().join("waiting")).unwrap();
        fs::write(dir.path().join("waiting"), waiting + "ready> ").unwrap();
        let complaints = judge(dir.path());
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert!(complaints[0].contains("ready>") && complaints[1].contains("as before"), "{complaints:?}");
    }
}
