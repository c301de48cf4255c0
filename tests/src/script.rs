//! The guest's side of a scenario, as a script for its shell.
//!
//! The scripts are calls of the functions in `tests/guest/scenario.sh`, nothing more.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use crate::guest::Guest;
use crate::scenario::{Background, Module, Run, Scenario};

/// Where the guest leaves what a run of a test left, beneath the job's directory.
#[must_use]
pub fn results_of(scenario: &Scenario, run: usize) -> String {
    format!("{}-{}", scenario.name, run + 1)
}

/// Runs `scenarios` as tests, one after the other, beneath a storm of foreign ioctls.
#[must_use]
pub fn test(scenarios: &[&Scenario]) -> Vec<u8> {
    let mut script = Script::default();
    script.call(&["storm"]);
    for scenario in scenarios {
        script.situation(scenario);
        for (index, run) in scenario.runs.iter().enumerate() {
            let check = if scenario.guest == Guest::Stalls { "check_unended" } else { "check" };
            script.call(
                &[&[check, &results_of(scenario, index)], run.options, &["--", run.program], run.arguments]
                    .concat(),
            );
        }
        script.settle(scenario);
    }
    script.finish()
}

/// Shows `scenarios` one after the other: kniwatch's output is the script's, and so is the last exit status.
#[must_use]
pub fn show(scenarios: &[&Scenario], json: bool) -> Vec<u8> {
    let mut script = Script::default();
    let format = if json { "json" } else { "text" };
    for scenario in scenarios {
        script.call(&["announce", scenario.name, scenario.shows]);
        script.situation(scenario);
        for Run { options, program, arguments, .. } in scenario.runs {
            let show = if scenario.guest == Guest::Stalls { "show_unended" } else { "show" };
            script.call(&[&[show, format], *options, &["--", "logged", program], *arguments].concat());
        }
        script.settle(scenario);
    }
    script.call(&["finish"]);
    script.finish()
}

#[derive(Debug)]
struct Script(Vec<u8>);

impl Default for Script {
    fn default() -> Self {
        Self(b". scenario\n".to_vec())
    }
}

impl Script {
    fn situation(&mut self, scenario: &Scenario) {
        match scenario.module {
            Module::Absent => self.call(&["module", "absent"]),
            Module::Loaded => self.call(&["module", "loaded"]),
            Module::With(parameters) => self.call(&["module", "loaded", parameters]),
            Module::Refused(parameters) => self.call(&["module", "refused", parameters]),
            Module::Variant(name) => self.call(&["module", "variant", name]),
        }
        if let Some(situation) = scenario.situation {
            self.call(&["situation", situation]);
        }
        if let Some(Background { command, until_interface }) = scenario.before {
            self.call(&["beside", until_interface, command]);
        }
    }

    /// A guest that stalls is of no further use.
    fn settle(&mut self, scenario: &Scenario) {
        if scenario.guest != Guest::Stalls {
            self.call(&["settle"]);
        }
    }

    fn call(&mut self, words: &[&str]) {
        let words: Vec<Vec<u8>> = words.iter().map(|word| quote(OsStr::new(word))).collect();
        self.0.extend(words.join(&b' '));
        self.0.push(b'\n');
    }

    fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// `word` as one word of a POSIX shell.
#[must_use]
pub fn quote(word: &OsStr) -> Vec<u8> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_./=,:+".contains(byte);
    let bytes = word.as_bytes();
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return bytes.to_vec();
    }
    let mut quoted = vec![b'\''];
    for byte in bytes {
        match byte {
            b'\'' => quoted.extend_from_slice(br"'\''"),
            byte => quoted.push(*byte),
        }
    }
    quoted.push(b'\'');
    quoted
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::process::Command;

    use proptest::prelude::*;

    use super::{quote, show, test};
    use crate::scenario::{Module, Scenario};
    use crate::table::find;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn a_shell_reads_a_quoted_word_back(word in proptest::collection::vec(1_u8..=255, 0..24)) {
            let script = [b"printf %s ".as_slice(), &quote(OsStr::from_bytes(&word))].concat();
            let output = Command::new("sh").arg("-c").arg(OsStr::from_bytes(&script)).output().unwrap();
            prop_assert_eq!(output.stdout, word);
        }
    }

    fn text(script: Vec<u8>) -> String {
        String::from_utf8(script).unwrap()
    }

    #[test]
    fn a_test_makes_the_situation_before_each_check_and_undoes_it_after() {
        let scenarios = [find("t30").unwrap(), find("t23").unwrap()];
        assert_eq!(
            text(test(&scenarios)),
            "\
. scenario
storm
module loaded
beside kni0 'testpmd-session stay'
check t30-1 --expect kni0 --within 60s -- kni-create --opened-elsewhere kni0
settle
module loaded
check t23-1 --expect vEth7 --within 60s -- kni-create --on /dev/null vEth7
check t23-2 --expect vEth7 --within 60s -- kni-create --on-closed vEth7
settle
"
        );
    }

    #[test]
    fn the_modules_state_is_one_call() {
        for (module, call) in [
            (Module::Absent, "module absent"),
            (Module::Loaded, "module loaded"),
            (
                Module::With("carrier=on kthread_mode=multiple"),
                "module loaded 'carrier=on kthread_mode=multiple'",
            ),
            (Module::Refused("kthread_mode=foo"), "module refused kthread_mode=foo"),
            (Module::Variant("no-compat"), "module variant no-compat"),
        ] {
            let scenario = Scenario { module, ..Scenario::USUAL };
            assert_eq!(text(test(&[&scenario])), format!(". scenario\nstorm\n{call}\nsettle\n"));
        }
    }

    #[test]
    fn in_a_guest_that_stalls_nobodys_end_is_waited_for() {
        assert_eq!(
            text(test(&[find("t45").unwrap()])),
            "\
. scenario
storm
module loaded
check_unended t45-1 --within 60s --wait -- kni-app --in-memory --no-pci -l 0 -m 32 --iova-mode=va -- killed vEth0_0
"
        );
    }

    #[test]
    fn a_show_announces_and_keeps_the_commands_output_apart() {
        assert_eq!(
            text(show(&[find("t31").unwrap()], true)),
            "\
. scenario
announce t31 'CREATE of lo: the network core says why, the module not'
module loaded
show json --expect lo --within 60s -- logged kni-create lo
settle
finish
"
        );
    }
}
