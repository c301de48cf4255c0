//! The files that a package puts beside the program: manual pages, and completions for the shells. All of it is made
//! of the definition of the command line, so that it can't say anything else than `--help`.

use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory as _};
use clap_complete::{Shell, generate};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::Cli;

const NAME: &str = "kniwatch";

/// Where each shell looks for completions, below `/usr`.
const COMPLETIONS: [(Shell, &str); 3] = [
    (Shell::Bash, "share/bash-completion/completions/kniwatch"),
    (Shell::Zsh, "share/zsh/vendor-completions/_kniwatch"),
    (Shell::Fish, "share/fish/vendor_completions.d/kniwatch.fish"),
];

const MANUAL: &str = "share/man/man1";

/// A file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GeneratedFile {
    /// Where it belongs, below `/usr`.
    pub path: PathBuf,
    /// What is in it.
    pub contents: Vec<u8>,
}

/// All of them.
#[must_use]
pub fn generated() -> Vec<GeneratedFile> {
    let completions = COMPLETIONS.iter().map(|(shell, path)| {
        let mut contents = Vec::new();
        generate(*shell, &mut shown(&definition()), NAME, &mut contents);
        GeneratedFile { path: PathBuf::from(path), contents }
    });
    completions.chain(pages()).collect()
}

/// The command line, with all that commands have in common in each of them.
#[must_use]
pub fn definition() -> Command {
    let mut definition = Cli::command();
    definition.build();
    definition
}

/// As much of a command as completions need, without what is hidden: they would offer it.
fn shown(command: &Command) -> Command {
    let about = command.get_about().cloned();
    let arguments = command.get_arguments().filter(|argument| !argument.is_hide_set());
    let commands = command.get_subcommands().filter(|command| !command.is_hide_set());
    Command::new(command.get_name().to_owned())
        .about(about.unwrap_or_default())
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .args(arguments.cloned())
        .subcommands(commands.map(shown))
}

/// A page for the program, and one for each of its commands.
fn pages() -> Vec<GeneratedFile> {
    let program = definition();
    let commands: Vec<Command> =
        program.get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect();
    let others = |own: &str| -> Vec<String> {
        let names = commands.iter().map(|command| format!("{NAME}-{}", command.get_name()));
        std::iter::once(NAME.to_owned()).chain(names).filter(|name| name != own).collect()
    };
    let page = |command: Command| {
        let name = command.get_display_name().unwrap_or(NAME).to_owned();
        let contents = page(command, &others(&name)).into_bytes();
        GeneratedFile { path: Path::new(MANUAL).join(format!("{name}.1")), contents }
    };
    std::iter::once(program.clone()).chain(commands.iter().cloned()).map(page).collect()
}

/// In roff, with what the help has below its options as sections of its own.
fn page(command: Command, others: &[String]) -> String {
    let sections = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let command = command.after_help(None::<&str>);
    let man = Man::new(command.about(in_short(&about)).long_about(about))
        .source(format!("{NAME} {}", env!("CARGO_PKG_VERSION")))
        .manual("kniwatch's manual");
    let mut page = Vec::new();
    // Nothing fails to be written there.
    drop(man.render(&mut page));
    let mut roff = Roff::new();
    for section in sections.split("\n\n") {
        as_section(&mut roff, section);
    }
    roff.control("SH", ["SEE ALSO"]);
    let others: Vec<String> = others.iter().map(|name| format!("{name}(1)")).collect();
    roff.text([roman(others.join(", "))]);
    String::from_utf8_lossy(&page).into_owned() + &roff.render()
}

/// What stands beside the name, which it does not say again: of the program's description, the first clause.
fn in_short(about: &str) -> String {
    let clause = about.strip_prefix("kniwatch ").and_then(|about| about.split(':').next());
    clause.unwrap_or(about).to_owned()
}

/// Lines as they stand, below their first one as the heading.
fn as_section(roff: &mut Roff, section: &str) {
    let Some((heading, lines)) = section.split_once(":\n") else { return };
    // A remark in brackets is no part of the heading.
    let (heading, remark) = heading.split_once(" (").unwrap_or((heading, ""));
    roff.control("SH", [heading.to_uppercase().as_str()]);
    if let Some(remark) = remark.strip_suffix(')') {
        roff.text([roman(format!("({remark})"))]);
        roff.control("PP", []);
    }
    roff.control("nf", []);
    for line in lines.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}
