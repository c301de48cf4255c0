//! A terminal with a shell in it, as somebody sits at one: a multiplexer keeps what is on the screen.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Long enough for a loaded machine: only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(40);
const PROMPT: &str = "ready> ";

/// The terminal, until it is dropped.
pub(crate) struct Terminal {
    dir: TempDir,
}

impl Terminal {
    /// Of 80 columns and 24 rows.
    pub(crate) fn open() -> Self {
        let terminal = Self { dir: tempfile::tempdir().unwrap() };
        let shell = format!("PS1='{PROMPT}' exec sh -i");
        terminal.tmux(&["new-session", "-d", "-s", "it", "-x", "80", "-y", "24", &shell]);
        terminal.waits_for(PROMPT.trim_end());
        terminal
    }

    fn tmux(&self, arguments: &[&str]) -> Output {
        let mut tmux = Command::new("tmux");
        tmux.arg("-S").arg(self.dir.path().join("socket")).args(["-f", "/dev/null"]).args(arguments);
        let output = tmux.env_remove("TMUX").output().expect("cargo xtask setup installs tmux");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        output
    }

    /// Types `text` and enter.
    pub(crate) fn types(&self, text: &str) {
        self.tmux(&["send-keys", "-t", "it", "-l", text]);
        self.presses("Enter");
    }

    /// Presses a key, by its name.
    pub(crate) fn presses(&self, key: &str) {
        self.tmux(&["send-keys", "-t", "it", key]);
    }

    /// Takes another size.
    pub(crate) fn resizes(&self, columns: u16, rows: u16) {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        self.tmux(&["resize-window", "-t", "it", "-x", &columns, "-y", &rows]);
    }

    /// What is on it.
    pub(crate) fn screen(&self) -> String {
        String::from_utf8_lossy(&self.tmux(&["capture-pane", "-p", "-t", "it"]).stdout).into_owned()
    }

    /// Waits until the screen is as `wanted`; how long that took.
    pub(crate) fn waits(&self, what: &str, wanted: impl Fn(&str) -> bool) -> Duration {
        let began = Instant::now();
        loop {
            let screen = self.screen();
            if wanted(&screen) {
                return began.elapsed();
            }
            assert!(began.elapsed() < PATIENCE, "{what} in vain:\n{screen}");
        }
    }

    /// Waits until `text` is on it; how long that took.
    pub(crate) fn waits_for(&self, text: &str) -> Duration {
        self.waits(text, |screen| screen.contains(text))
    }

    /// Waits until the shell asks for another command.
    pub(crate) fn waits_for_prompt(&self) {
        self.waits("the prompt", |screen| screen.trim_end().ends_with(PROMPT.trim_end()));
    }

    /// How it is set, as `stty` says it.
    pub(crate) fn settings(&self) -> String {
        let file = self.dir.path().join("settings");
        self.types(&format!("stty -g >{0}.new; mv {0}.new {0}", file.display()));
        let began = Instant::now();
        while !file.exists() {
            assert!(began.elapsed() < PATIENCE, "no settings:\n{}", self.screen());
        }
        let settings = fs::read_to_string(&file).unwrap();
        fs::remove_file(&file).unwrap();
        settings
    }

    /// The process that the shell has started last and that lives.
    pub(crate) fn job(&self) -> u32 {
        let pane = self.tmux(&["display-message", "-p", "-t", "it", "#{pane_pid}"]);
        let shell = String::from_utf8_lossy(&pane.stdout).trim().to_owned();
        let children = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
        children.split_whitespace().last().unwrap().parse().unwrap()
    }

    /// A directory of its own.
    pub(crate) fn directory(&self) -> PathBuf {
        self.dir.path().to_path_buf()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}
