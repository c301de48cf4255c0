//! The `match-proto` comments.

use std::fmt;

/// Major and minor: DPDK's are a year and a month.
pub(super) type Version = (u32, u32);

/// Whose versions are meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Family {
    Dpdk,
    Linux,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dpdk => "DPDK",
            Self::Linux => "Linux",
        })
    }
}

/// A prototype, and the versions that have it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Prototype {
    pub(super) family: Family,
    pub(super) first: Version,
    pub(super) last: Version,
    pub(super) text: String,
}

/// What a comment says of the function that a program is attached to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Claim {
    /// The eBPF program.
    pub(super) program: String,
    pub(super) function: String,
    pub(super) prototypes: Vec<Prototype>,
}

/// `22.11.11-0+deb12u1` is 22.11, `6.1` is 6.1.
pub(super) fn version(text: &str) -> Option<Version> {
    let (major, rest) = text.split_once('.')?;
    let minor = rest.split(|letter: char| !letter.is_ascii_digit()).next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The claims of a source of `kni-ebpf`, one for each program at a function's entry.
pub(super) fn claims(text: &str) -> impl Iterator<Item = Result<Claim, String>> {
    let lines: Vec<&str> = text.lines().collect();
    let attributes: Vec<usize> = (0..lines.len())
        .filter(|index| matches!(lines.get(*index), Some(&("#[kprobe]" | "#[uprobe]"))))
        .collect();
    attributes.into_iter().map(move |attribute| {
        let (before, after) = lines.split_at(attribute);
        let program = program(after).ok_or("a program has no name")?;
        claim(&program, &comment_above(before)).map_err(|error| format!("{program}: {error}"))
    })
}

/// `pub(crate) fn NAME(...`, some lines on.
fn program(after: &[&str]) -> Option<String> {
    let (_, rest) = after.iter().find_map(|line| line.split_once("fn "))?;
    Some(rest.split('(').next()?.to_owned())
}

/// The comment that ends there, as one line.
fn comment_above(before: &[&str]) -> String {
    let lines: Vec<&str> = before
        .iter()
        .rev()
        .map_while(|line| line.strip_prefix("//"))
        .map(|line| line.trim_start_matches('/'))
        .collect();
    lines.iter().rev().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

fn claim(program: &str, comment: &str) -> Result<Claim, String> {
    let (_, claimed) = comment.split_once("match-proto: ").ok_or("it says no `match-proto`")?;
    let mut prototypes = Vec::new();
    let mut family = None;
    // Every other part is between backticks.
    let parts: Vec<&str> = claimed.split('`').collect();
    for pair in parts.chunks_exact(2) {
        let (&[head, text], true) = (pair, pair.iter().all(|part| !part.is_empty())) else { continue };
        let Some((first, last)) = head.split_whitespace().find_map(range) else { continue };
        let named = if head.contains("DPDK") {
            Some(Family::Dpdk)
        } else {
            head.contains("Linux").then_some(Family::Linux)
        };
        family = named.or(family);
        let family = family.ok_or("it doesn't say whether the version is DPDK's or Linux's")?;
        prototypes.push(Prototype { family, first, last, text: text.to_owned() });
    }
    let function =
        prototypes.first().and_then(|first| super::c::name(&first.text)).ok_or("it says no prototype")?;
    if !claimed.contains(".c, ") && !claimed.contains(".h, ") {
        return Err("it names no file".to_owned());
    }
    Ok(Claim { program: program.to_owned(), function, prototypes })
}

/// `16.04..23.07`.
fn range(word: &str) -> Option<(Version, Version)> {
    let (first, last) = word.split_once("..")?;
    Some((version(first)?, version(last)?))
}

#[cfg(test)]
mod tests {
    use super::{claims, version};

    #[test]
    fn versions_are_numbers() {
        assert_eq!(version("6.12"), Some((6, 12)));
        assert_eq!(version("20.11.10-1~deb11u1"), Some((20, 11)));
        assert_eq!(version("new"), None);
    }

    #[test]
    fn a_program_without_a_prototype_a_file_or_a_family_is_named() {
        for (comment, said) in [
            ("// it observes", "no `match-proto`"),
            ("// match-proto: a.c, DPDK 16.04..23.07", "no prototype"),
            ("// match-proto: DPDK 16.04..23.07 `int f(void)`", "no file"),
            ("// match-proto: a.c, 16.04..23.07 `int f(void)`", "DPDK's or Linux's"),
        ] {
            let text = format!("{comment}\n#[uprobe]\npub(crate) fn f_enter(ctx: X) -> u32 {{\n");
            let error = claims(&text).next().unwrap().unwrap_err();
            assert!(error.starts_with("f_enter: ") && error.contains(said), "{comment}: {error}");
        }
    }

    #[test]
    fn a_range_without_a_file_is_of_the_one_before_and_remarks_are_none() {
        let text = "\
/// It tells.
///
// match-proto: net/core/dev.c, Linux 3.17..6.18 `int f(int a,
// int b)`, which is `int`; 2.6..3.16 `int f(int a)`. Nothing else.
#[kprobe]
pub(crate) fn f_enter(ctx: X) -> u32 {
";
        let claim = claims(text).next().unwrap().unwrap();
        assert_eq!(claim.function, "f");
        let texts: Vec<&str> = claim.prototypes.iter().map(|prototype| prototype.text.as_str()).collect();
        assert_eq!(texts, ["int f(int a, int b)", "int f(int a)"]);
    }
}
